// The limits of decoding one push. The limits on the wire (body, ratio) belong to the code that reads the wire.

/// The limits of one push's decoding.
public struct PushLimits: Sendable, Hashable {
  /// The most bytes of a metric, row or value that is decoded as a whole. A larger metric is decoded row by row as it
  /// arrives. In a larger row the texts are cut to `stringBytes`; the row is rejected if it is still too large. The
  /// caller's window must be able to hold this many bytes.
  public var windowBytes = 1 << 20
  /// The most open containers, including the body's own object.
  public var depth = 32
  /// The most bytes of a stored text, counted with escapes as in the JSON. The rest of a longer text is cut off.
  public var stringBytes = 1 << 20
  /// The most bytes of a key, counted with escapes as in the JSON.
  public var keyBytes = 1024
  /// The most bytes of encoded tuples. Short rows grow when they are encoded, so the limit of the body does not bound
  /// this.
  public var encodedBytes = 256 << 20
  /// The most lines at the end of a log list with which the next list is compared.
  public var logLines = 1000
  /// The most elements of `metrics`. Each element is a boundary from which a later push may go on, and takes memory.
  public var metrics = 1 << 18
  /// The most rejected metrics and rows, and the most altered values, that an answer lists. More of them are only
  /// counted.
  public var reportedRejects = 100
  /// The most entries for which each of the decoder's sets keeps memory between two pushes.
  public var retainedEntries = 1 << 14

  /// The server's defaults.
  public init() {}
}
