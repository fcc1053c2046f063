// Lists of log lines. A collector sends the last lines of a log in each round, so most lines come again. If a list
// begins with the lines that the list before it ended with, these lines are repeats. See docs/INGEST.md, "Log lines".

/// The lists of one push. For each database this struct keeps two things: the lines of the first list, which the server
/// compares with the stored end of the log, and the end of the last list, which the server then stores. `PushRows` owns
/// one and uses it again for each push.
public struct LogLists: Sendable {
  /// The lists of one database. Lists of different databases are never compared.
  public struct Lists: Sendable {
    /// The text id of the database's name; 0 for lists without a database.
    public let database: UInt64
    /// The number of the push's metrics before the first list.
    let metricsBefore: Int
    /// The bytes and rows of the table before the first list.
    let before: PushBoundaries.Extent
    /// The digests of the first list's lines.
    let lines: [UInt64]
    /// The bytes of their tuples.
    let byteCounts: [Int]
    /// The digests of the last list's last lines.
    public fileprivate(set) var end: [UInt64]
  }

  /// Lines that are already stored.
  public struct Repeated: Sendable, Hashable {
    /// The range of their bytes in the table's tuples.
    public let bytes: Range<Int>
    /// The number of lines.
    public let rows: Int
  }

  /// The lists of all databases, in the order of their first lists.
  public private(set) var all: [Lists] = []
  /// The position in `all` for each database.
  private var positions: [UInt64: Int] = [:]
  /// The digests of the lines in the metric that is being read, and the bytes of their tuples.
  private var lines: [UInt64] = []
  private var byteCounts: [Int] = []
  private var database: UInt64 = 0

  /// Whether the push has no list of log lines.
  public var isEmpty: Bool { all.isEmpty }

  /// The lines at the beginning of the push that are already stored, in the order of their bytes.
  /// - Parameters:
  ///   - metrics: the number of the push's first metrics that are already stored. A list within them is not compared.
  ///   - ends: for each database, the digests at the end of the last stored list.
  public func repeated(after metrics: Int, ends: [UInt64: [UInt64]]) -> [Repeated] {
    all.compactMap { lists in
      guard lists.metricsBefore >= metrics, let end = ends[lists.database] else { return nil }
      let rows = Self.overlap(of: end, and: lists.lines)
      if rows == 0 { return nil }
      let start = lists.before.bytes
      return Repeated(bytes: start..<start + lists.byteCounts.prefix(rows).reduce(0, +), rows: rows)
    }
  }

  /// The largest number of lines that `end` ends with and `list` begins with. The search takes linear time (Knuth,
  /// Morris and Pratt), because a client chooses the lines.
  static func overlap(of end: [UInt64], and list: [UInt64]) -> Int {
    if list.isEmpty { return 0 }
    // borders[n]: the largest number of lines, less than n, with which the first n lines of `list` both begin and end.
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

  /// Drops the lines of the open metric. Call it when a metric begins and when it is rejected.
  mutating func forgetOpen() {
    lines.removeAll(keepingCapacity: true)
    byteCounts.removeAll(keepingCapacity: true)
  }

  /// Adds one line to the open metric's list.
  mutating func append(_ digest: UInt64, byteCount: Int, database: UInt64?) {
    lines.append(digest)
    byteCounts.append(byteCount)
    self.database = database ?? 0
  }

  /// Ends the open metric's list.
  /// - Parameters:
  ///   - metricsBefore: the number of the push's metrics before this one.
  ///   - before: the bytes and rows of the table before this metric.
  ///   - remembered: the most lines that are kept of the end of a list.
  /// - Returns: the rows and bytes at the list's beginning that repeat the end of the push's list before it.
  mutating func endList(
    metricsBefore: Int, before: PushBoundaries.Extent, remembered: Int
  ) -> PushBoundaries.Extent {
    defer { forgetOpen() }
    var repeated = PushBoundaries.Extent()
    // An empty list is ignored: the collector could not read the log, or the log has just been rotated.
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
