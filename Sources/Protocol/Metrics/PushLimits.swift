// What a push may cost. The wire's limits (body, ratio) belong to those who read the wire.

/// The limits of one push's decoding.
public struct PushLimits: Sendable, Hashable {
  /// Bytes of a metric, row or value that are looked at as a whole. A larger metric is decoded row by row as it comes;
  /// of a larger row the texts are cut to `stringBytes`, and one that is too large even so is refused. The owner's window must be able to hold this many bytes.
  public var windowBytes = 1 << 20
  /// Open containers, the body's own object included.
  public var depth = 32
  /// Bytes of a text that is stored, as it is written in the JSON; the rest of a longer one is cut off.
  public var stringBytes = 1 << 20
  /// Bytes of a key, as it is written in the JSON.
  public var keyBytes = 1024
  /// Bytes of encoded tuples. Short rows grow when they are encoded, so the body's limit does not bound this.
  public var encodedBytes = 256 << 20
  /// Lines at the end of a log list that the next list is compared with.
  public var logLines = 1000
  /// Elements of `metrics`. Each is a boundary at which a later push may go on, and is remembered as that.
  public var metrics = 1 << 18
  /// Rejected metrics and rows, and altered values, that are described one by one; beyond, they are counted.
  public var reportedRejects = 100
  /// Entries for which a decoder keeps memory between two pushes, in each of its sets.
  public var retainedEntries = 1 << 14

  public init() {}
}
