// Lists of log lines. A collector that reports the last lines of a log in each round reports most of them again: what a list
// begins with that equals the end of the list before it is the same lines. docs/ARCHITECTURE.md, "Log lines".

/// The lists of one push. Of each database it keeps the lines of the first list, which are compared with the end that
/// PostgreSQL has, and the end of the last one, which takes that end's place. Reusable; `PushRows` owns one.
public struct LogLists: Sendable {
  /// The lists of one database. Lists of two databases are never compared.
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
  /// Positions in `all`.
  private var positions: [UInt64: Int] = [:]
  /// Of the metric that is read: the digests of its lines, the bytes of their tuples.
  private var lines: [UInt64] = []
  private var byteCounts: [Int] = []
  private var database: UInt64 = 0

  public var isEmpty: Bool { all.isEmpty }

  /// The lines that are stored already, in the order of their bytes.
  /// - Parameters:
  ///   - metrics: how many of the push's first metrics are stored. A list within them is not compared.
  ///   - ends: by database, the digests at the end of the last list that is stored.
  public func repeated(after metrics: Int, ends: [UInt64: [UInt64]]) -> [Repeated] {
    all.compactMap { lists in
      guard lists.metricsBefore >= metrics, let end = ends[lists.database] else { return nil }
      let rows = Self.overlap(of: end, and: lists.lines)
      if rows == 0 { return nil }
      let start = lists.before.bytes
      return Repeated(bytes: start..<start + lists.byteCounts.prefix(rows).reduce(0, +), rows: rows)
    }
  }

  /// The most lines that `end` ends with and `list` begins with, found in linear time (Knuth, Morris and Pratt): a client
  /// chooses the lines.
  static func overlap(of end: [UInt64], and list: [UInt64]) -> Int {
    if list.isEmpty { return 0 }
    // Of the first n lines of `list`: the most lines, but not all n, that they begin and end with.
    var borders = [0, 0]
    func extended(_ matched: Int, by line: UInt64) -> Int {
      var matched = matched
      while matched > 0, matched == list.count || list[matched] != line { matched = borders[matched] }
      return list[matched] == line ? matched + 1 : 0
    }
    for line in list.dropFirst().prefix(max(end.count - 1, 0)) {
      borders.append(extended(borders[borders.count - 1], by: line))
    }
    var matched = 0
    for line in end.suffix(list.count) { matched = extended(matched, by: line) }
    return matched
  }

  var allocatedBytes: Int {
    var words = lines.capacity + byteCounts.capacity
    for lists in all { words += lists.lines.capacity + lists.byteCounts.capacity + lists.end.capacity }
    return (words + 2 * positions.capacity) * 8 + all.capacity * MemoryLayout<Lists>.stride
  }

  mutating func removeAll(keepingAtMost bytes: Int) {
    all.removeAll(keepingCapacity: all.capacity * MemoryLayout<Lists>.stride <= bytes)
    positions.removeAll(keepingCapacity: positions.capacity * 16 <= bytes)
    let isKept = lines.capacity * 8 <= bytes
    lines.removeAll(keepingCapacity: isKept)
    byteCounts.removeAll(keepingCapacity: isKept)
  }

  /// Forgets the lines of the open metric. Called when a metric begins, and when it is rejected.
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

  /// Ends the open metric's list.
  /// - Parameters:
  ///   - metricsBefore: metrics of the push before it.
  ///   - before: the extent of the table before it.
  ///   - remembered: lines of an end that are kept, at most.
  /// - Returns: rows and bytes at its beginning that equal the end of the push's list before it.
  mutating func endList(
    metricsBefore: Int, before: PushBoundaries.Extent, remembered: Int
  ) -> PushBoundaries.Extent {
    defer { forgetOpen() }
    var repeated = PushBoundaries.Extent()
    // An empty list says nothing of the log: the collector could not read it, or it has just been rotated.
    if lines.isEmpty { return repeated }
    let end = Array(lines.suffix(remembered))
    guard let index = positions[database] else {
      positions[database] = all.count
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
