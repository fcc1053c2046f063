// The rows of a push that are still to be stored. Two kinds of rows are left out: rows of metrics that are stored as
// another push, and log lines that equal the end of the stored log list.

import Protocol

/// The parts of a push that decide which of its rows are left out, without the rows themselves.
struct PushOutline: Sendable {
  let boundaries: PushBoundaries
  let logLists: LogLists
  let logTarget: Int?
  let targets: Int

  init(_ rows: borrowing PushRows) {
    boundaries = rows.boundaries
    logLists = rows.logLists
    logTarget = rows.logTarget
    targets = rows.targetCount
  }
}

/// Which rows of a push are to be stored.
struct PushRemainder {
  /// For each target, how many rows and bytes at its beginning are left out. Empty if no rows of any target are.
  private var beginnings: [PushBoundaries.Extent] = []
  /// Further log lines that are left out, in the order of their bytes.
  private var lines: [LogLists.Repeated] = []
  private var logTarget = -1

  /// All rows are to be stored.
  init() {}

  /// - Parameters:
  ///   - metrics: how many of the push's first metrics are stored already.
  ///   - logEnds: by database, the digests at the end of the last stored log list.
  init(_ outline: PushOutline, after metrics: Int, logEnds: [UInt64: [UInt64]]) {
    if metrics > 0 { beginnings = outline.boundaries.extents(after: metrics, targets: outline.targets) }
    guard let logTarget = outline.logTarget else { return }
    self.logTarget = logTarget
    lines = outline.logLists.repeated(after: metrics, ends: logEnds)
  }

  /// The next range of a target's `count` bytes that is to be stored, at `offset` or after it. Empty if none is left.
  func bytes(of target: Int, from offset: Int, to count: Int) -> Range<Int> {
    var start = beginnings.isEmpty ? offset : max(offset, beginnings[target].bytes)
    if target == logTarget {
      for lines in lines[firstLines(endingBehind: start)...] {
        if start < lines.bytes.lowerBound { return start..<lines.bytes.lowerBound }
        start = lines.bytes.upperBound
      }
    }
    return start..<max(start, count)
  }

  /// The position of the first of `lines` that ends after `offset`. A binary search, because there may be a range for
  /// each of many databases.
  private func firstLines(endingBehind offset: Int) -> Int {
    var (low, high) = (0, lines.count)
    while low < high {
      let middle = (low + high) / 2
      if lines[middle].bytes.upperBound <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The bytes of a target's tuples that are to be stored.
  func bytes(of tuples: [UInt8], for target: Int) -> [UInt8] {
    var kept: [UInt8] = []
    var stretch = bytes(of: target, from: 0, to: tuples.count)
    while !stretch.isEmpty {
      kept += tuples[stretch]
      stretch = bytes(of: target, from: stretch.upperBound, to: tuples.count)
    }
    return kept
  }

  /// The number of rows of a target that are left out.
  func rowsLeftOut(of target: Int) -> Int {
    (beginnings.isEmpty ? 0 : beginnings[target].rows) + (target == logTarget ? logLinesLeftOut : 0)
  }

  /// The number of rows of all targets that are left out with their metrics.
  var metricRowsLeftOut: Int { beginnings.reduce(0) { $0 + $1.rows } }

  /// The number of log lines that are left out because the end of the stored log list contains them.
  var logLinesLeftOut: Int { lines.reduce(0) { $0 + $1.rows } }
}
