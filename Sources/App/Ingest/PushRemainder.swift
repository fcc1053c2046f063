// What of a push's rows is to be stored: not those of metrics that are stored as another push, and not the lines that the end of
// the log list before has.

import Protocol

/// What of a push has to be known for it, without the rows.
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

struct PushRemainder {
  /// What is left out at the beginning of each target; empty for nothing.
  private var beginnings: [PushBoundaries.Extent] = []
  /// What is left out of the log lines behind that, in their order.
  private var lines: [LogLists.Repeated] = []
  private var logTarget = -1

  /// All rows.
  init() {}

  /// - Parameters:
  ///   - metrics: so many of the push's metrics are stored.
  ///   - logEnds: how the last log list that is stored ended, by database.
  init(_ outline: PushOutline, after metrics: Int, logEnds: [UInt64: [UInt64]]) {
    if metrics > 0 { beginnings = outline.boundaries.extents(after: metrics, targets: outline.targets) }
    guard let logTarget = outline.logTarget else { return }
    self.logTarget = logTarget
    lines = outline.logLists.repeated(after: metrics, ends: logEnds)
  }

  /// The next bytes that are to be stored of a target that has `count`, from `offset` on; empty if there are none.
  func bytes(of target: Int, from offset: Int, to count: Int) -> Range<Int> {
    var start = beginnings.isEmpty ? offset : max(offset, beginnings[target].bytes)
    if target == logTarget {
      for lines in lines where start < lines.bytes.upperBound {
        if start < lines.bytes.lowerBound { return start..<lines.bytes.lowerBound }
        start = lines.bytes.upperBound
      }
    }
    return start..<max(start, count)
  }

  /// Of all tuples for a target, those that are to be stored.
  func bytes(of tuples: [UInt8], for target: Int) -> [UInt8] {
    var kept: [UInt8] = []
    var stretch = bytes(of: target, from: 0, to: tuples.count)
    while !stretch.isEmpty {
      kept += tuples[stretch]
      stretch = bytes(of: target, from: stretch.upperBound, to: tuples.count)
    }
    return kept
  }

  func rowsLeftOut(of target: Int) -> Int {
    (beginnings.isEmpty ? 0 : beginnings[target].rows) + (target == logTarget ? logLinesLeftOut : 0)
  }

  /// Of metrics that are stored.
  var metricRowsLeftOut: Int { beginnings.reduce(0) { $0 + $1.rows } }

  var logLinesLeftOut: Int { lines.reduce(0) { $0 + $1.rows } }
}
