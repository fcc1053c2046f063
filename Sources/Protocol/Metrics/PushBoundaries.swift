// The boundaries between the metrics of a push. For each boundary it holds a digest that identifies the push up to
// there, and the number of rows up to there.
//
// d(0) is made of the monitored server's id. d(k) is the first 128 bits of SHA-256(d(k-1), bytes of metric k). So each
// byte of a metric is hashed once. If two pushes of one monitored server begin with the same metrics, their digests
// agree up to the last common metric. Bytes around `metrics` and between its elements are not hashed.

/// The boundaries of one push. `PushRows` owns one and uses it again for each push.
public struct PushBoundaries: Sendable {
  /// The rows and bytes of a target at a boundary. There is one for each metric that added rows to the target.
  private struct Fill: Sendable {
    /// The number of metrics up to the boundary.
    var metrics: Int32
    var target: Int32
    var rows: Int
    var bytes: Int
  }

  /// A number of rows and bytes of one target.
  public struct Extent: Sendable, Hashable {
    /// The number of rows.
    public var rows = 0
    /// The number of bytes.
    public var bytes = 0

    /// Makes an empty extent.
    public init() {}
  }

  private var digests: [UUID] = []
  private var fills: [Fill] = []
  /// The numbers of the rejected metrics, counted from 1.
  private var rejected: [Int32] = []

  /// d(0): the digest of a monitored server's push before its first metric.
  static func beginning(serverID: Int32) -> UUID {
    UUID(high: 0x7067_616E_7075_7368, low: UInt64(UInt32(bitPattern: serverID)))  // "pganpush"
  }

  /// The number of metrics that have ended.
  public var count: Int { digests.count }

  /// d(`metrics`): the digest that identifies the first `metrics` metrics of the push; 1 to `count`.
  public func digest(after metrics: Int) -> UUID { digests[metrics - 1] }

  /// Calls `body` with the first 64 bits of d(2), d(3) ... d(count - 1). Together with d(1) and d(count) they show
  /// whether a shorter push is the beginning of this one.
  public func forEachInner(_ body: (UInt64) -> Void) {
    if count < 3 { return }
    for digest in digests[1..<count - 1] { body(digest.high) }
  }

  /// The rows and bytes of each target after the first `metrics` metrics; `texts` and `objects` are left at zero.
  public func extents(after metrics: Int, targets: Int) -> [Extent] {
    var extents = Array(repeating: Extent(), count: targets)
    for fill in fills.prefix(while: { $0.metrics <= metrics }) {
      extents[Int(fill.target)].rows = fill.rows
      extents[Int(fill.target)].bytes = fill.bytes
    }
    return extents
  }

  /// How many of the first `metrics` metrics were rejected.
  public func rejected(among metrics: Int) -> Int { rejected.prefix { $0 <= metrics }.count }

  var allocatedBytes: Int {
    digests.capacity * MemoryLayout<UUID>.stride + fills.capacity * MemoryLayout<Fill>.stride + rejected.capacity * 4
  }

  mutating func removeAll(keepingAtMost bytes: Int) {
    digests.removeAll(keepingCapacity: digests.capacity * MemoryLayout<UUID>.stride <= bytes)
    fills.removeAll(keepingCapacity: fills.capacity * MemoryLayout<Fill>.stride <= bytes)
    rejected.removeAll(keepingCapacity: rejected.capacity * 4 <= bytes)
  }

  /// Adds the boundary after a metric that has ended.
  mutating func append(_ digest: UUID, isRejected: Bool) {
    digests.append(digest)
    if isRejected { rejected.append(Int32(digests.count)) }
  }

  /// Records that the last metric added rows to `target`, which now has this many rows and bytes.
  mutating func fill(_ target: Int, rows: Int, bytes: Int) {
    fills.append(Fill(metrics: Int32(digests.count), target: Int32(target), rows: rows, bytes: bytes))
  }
}
