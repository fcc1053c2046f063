// Where the metrics of a push end: what the push is known by up to there, and how many rows it has up to there.
//
// d(0) is made of the server's id, d(k) = SHA-256(d(k-1), bytes of metric k), its first 128 bits. So each byte of a metric is
// hashed once, and two pushes of a server that begin with the same metrics have the same d up to the last of these. What
// stands around `metrics`, and between its elements, is in none of them.

/// The boundaries of one push. Reusable, like `PushRows`, which has one.
public struct PushBoundaries: Sendable {
  /// How far a target was filled at a boundary at which it had grown.
  private struct Fill: Sendable {
    /// Metrics up to the boundary.
    var metrics: Int32
    var target: Int32
    var rows: Int
    var bytes: Int
  }

  /// Rows and bytes of one target.
  public struct Extent: Sendable, Hashable {
    public var rows = 0
    public var bytes = 0

    public init() {}
  }

  private var digests: [UUID] = []
  private var fills: [Fill] = []
  /// Metrics that were rejected, by how many there were with them.
  private var rejected: [Int32] = []

  /// What the push of a server is known by before its first metric.
  static func beginning(serverID: Int32) -> UUID {
    UUID(high: 0x7067_616E_7075_7368, low: UInt64(UInt32(bitPattern: serverID)))  // "pganpush"
  }

  /// How many metrics have ended.
  public var count: Int { digests.count }

  /// d(`metrics`): what the first `metrics` of the push are known by; 1 to `count`.
  public func digest(after metrics: Int) -> UUID { digests[metrics - 1] }

  /// Calls `body` with the first 64 bits of d(2), d(3) ... d(count - 1): what tells a shorter push that is the beginning of this
  /// one, together with d(1) and d(count).
  public func forEachInner(_ body: (UInt64) -> Void) {
    if count < 3 { return }
    for digest in digests[1..<count - 1] { body(digest.high) }
  }

  /// Rows and bytes of each target that the first `metrics` of the push brought, but for `texts` and `objects`.
  public func extents(after metrics: Int, targets: Int) -> [Extent] {
    var extents = Array(repeating: Extent(), count: targets)
    for fill in fills.prefix(while: { $0.metrics <= metrics }) {
      extents[Int(fill.target)].rows = fill.rows
      extents[Int(fill.target)].bytes = fill.bytes
    }
    return extents
  }

  /// How many of the first `metrics` were rejected.
  public func rejected(among metrics: Int) -> Int { rejected.prefix { $0 <= metrics }.count }

  var allocatedBytes: Int {
    digests.capacity * MemoryLayout<UUID>.stride + fills.capacity * MemoryLayout<Fill>.stride + rejected.capacity * 4
  }

  mutating func removeAll(keepingAtMost bytes: Int) {
    digests.removeAll(keepingCapacity: digests.capacity * MemoryLayout<UUID>.stride <= bytes)
    fills.removeAll(keepingCapacity: fills.capacity * MemoryLayout<Fill>.stride <= bytes)
    rejected.removeAll(keepingCapacity: rejected.capacity * 4 <= bytes)
  }

  /// Another metric has ended.
  mutating func append(_ digest: UUID, isRejected: Bool) {
    digests.append(digest)
    if isRejected { rejected.append(Int32(digests.count)) }
  }

  /// The metric that ended last had rows for `target`, which has this many now.
  mutating func fill(_ target: Int, rows: Int, bytes: Int) {
    fills.append(Fill(metrics: Int32(digests.count), target: Int32(target), rows: rows, bytes: bytes))
  }
}
