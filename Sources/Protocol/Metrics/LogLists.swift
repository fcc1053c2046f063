// Lists of log lines. A collector that reports the last lines of a log in each round reports most of them again: what a list
// begins with that equals the end of the list before it is the same lines. docs/ARCHITECTURE.md, "Log lines".

/// The lists of one push: what of each was dropped, what the first of a database has to be compared with the database for, and
/// how the last one ends. Reusable, like `PushRows`, which has them.
public struct LogLists: Sendable {
  /// The lists of one database, which is all that is compared.
  public struct Lists: Sendable {
    /// The text id of its name; 0 for lists without one.
    public let database: UInt64
    /// How many metrics of the push are before the first list.
    let metricsBefore: Int
    /// How many bytes and rows of the table are before the first list.
    let before: PushBoundaries.Extent
    /// The digests of the first list's lines.
    let lines: [UInt64]
    /// The bytes of their tuples.
    let byteCounts: [Int]
    /// The digests of the last list's last lines.
    public fileprivate(set) var end: [UInt64]
  }

  /// Lines that are stored already.
  public struct Repeated: Sendable, Hashable {
    /// Of the table's tuples.
    public let bytes: Range<Int>
    public let rows: Int
  }

  /// By database, in the order of their first lists.
  public private(set) var all: [Lists] = []
  /// Of the metric that is read: the digests of its lines, the bytes of their tuples.
  private var lines: [UInt64] = []
  private var byteCounts: [Int] = []
  private var database: UInt64 = 0

  public var isEmpty: Bool { all.isEmpty }

  /// Which lines are stored already, in the order of their bytes.
  /// - Parameters:
  ///   - metrics: so many metrics of the push are stored; what is said of their lists is not of interest any more.
  ///   - ends: how the last list of each database ended that is stored.
  public func repeated(after metrics: Int, ends: [UInt64: [UInt64]]) -> [Repeated] {
    all.compactMap { lists in
      guard lists.metricsBefore >= metrics, let end = ends[lists.database] else { return nil }
      let rows = Self.overlap(of: end, and: lists.lines)
      if rows == 0 { return nil }
      let start = lists.before.bytes
      return Repeated(bytes: start..<start + lists.byteCounts.prefix(rows).reduce(0, +), rows: rows)
    }
  }

  /// The most lines that `end` ends with and `list` begins with.
  static func overlap(of end: [UInt64], and list: [UInt64]) -> Int {
    var count = min(end.count, list.count)
    while count > 0, !end.suffix(count).elementsEqual(list.prefix(count)) { count -= 1 }
    return count
  }

  var allocatedBytes: Int {
    var words = lines.capacity + byteCounts.capacity
    for lists in all { words += lists.lines.capacity + lists.byteCounts.capacity + lists.end.capacity }
    return words * 8 + all.capacity * MemoryLayout<Lists>.stride
  }

  mutating func removeAll(keepingAtMost bytes: Int) {
    all.removeAll(keepingCapacity: all.capacity * MemoryLayout<Lists>.stride <= bytes)
    let isKept = lines.capacity * 8 <= bytes
    lines.removeAll(keepingCapacity: isKept)
    byteCounts.removeAll(keepingCapacity: isKept)
  }

  /// What was read of a list is forgotten: a metric begins, or is rejected.
  mutating func forgetOpen() {
    lines.removeAll(keepingCapacity: true)
    byteCounts.removeAll(keepingCapacity: true)
  }

  /// The metric's list has one more line.
  mutating func append(_ digest: UInt64, byteCount: Int, database: UInt64?) {
    lines.append(digest)
    byteCounts.append(byteCount)
    self.database = database ?? 0
  }

  /// The metric has ended.
  /// - Parameters:
  ///   - metricsBefore: metrics of the push before it.
  ///   - before: the extent of the table before it.
  ///   - remembered: lines of an end that are kept, at most.
  /// - Returns: how many of its first lines are those at the end of the push's list before it, and their bytes.
  mutating func endList(
    metricsBefore: Int, before: PushBoundaries.Extent, remembered: Int
  ) -> PushBoundaries.Extent {
    defer { forgetOpen() }
    var repeated = PushBoundaries.Extent()
    // An empty list says nothing of the log: the collector could not read it, or it has just been rotated.
    if lines.isEmpty { return repeated }
    let end = Array(lines.suffix(remembered))
    guard let index = all.firstIndex(where: { $0.database == database }) else {
      all.append(
        Lists(
          database: database, metricsBefore: metricsBefore, before: before, lines: Array(lines.prefix(remembered)),
          byteCounts: Array(byteCounts.prefix(remembered)), end: end))
      return repeated
    }
    repeated.rows = Self.overlap(of: all[index].end, and: lines)
    repeated.bytes = byteCounts.prefix(repeated.rows).reduce(0, +)
    all[index].end = end
    return repeated
  }
}
