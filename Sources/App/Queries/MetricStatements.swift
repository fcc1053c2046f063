// The statements of metrics queries, for the test that prepares them: every shape for every table, with everything that
// a query can ask for.

import Protocol

enum MetricStatements {
  static let all = described(.plain)

  /// Every kind of text that `MetricStatementWriter` can write for a kind of storage.
  static func described(_ storage: StorageKind) -> [StatementDescription] {
    (MetricCatalog.tables + [MetricCatalog.catchAll]).flatMap { table -> [StatementDescription] in
      let shapes: [MetricSelection.Shape] =
        [.samples, .rates] + Aggregate.allCases.map { .buckets($0, seconds: 3600) }
      return shapes.flatMap { shape -> [StatementDescription] in
        let selection = Result { () throws(Problem) in
          try MetricSelection(
            table: table, columns: shape == .samples ? table.selectable.map(\.name) : nil, shape: shape,
            database: table.hasDatabase ? "d" : nil, object: table.object.isEmpty && !table.isCatchAll ? nil : "o",
            identifier: table.identifier == nil ? nil : 1)
        }
        // A table without counters has no rates.
        guard case .success(let selection) = selection else { return [] }
        let ranges = MetricRange.samples(selection)
        return ranges.map { range in
          let keys = [Int64](repeating: 1, count: selection.keyCount)
          let position = MetricCursor.Position(time: range.start, keys: keys)
          let statement = MetricStatementWriter.statement(
            selection, storage, server: 1, range: range, after: position, limit: 1
          ).description
          return StatementDescription(
            name: "\(storage)_\(statement.name)", sql: statement.sql, parameterTypes: statement.parameterTypes,
            columns: [], isOpen: true)
        }
      }
    }
  }
}

extension MetricRange {
  /// One range for each source that a selection can have.
  fileprivate static func samples(_ selection: MetricSelection) -> [MetricRange] {
    let (start, end) = (Timestamp(unixSeconds: 0), Timestamp(unixSeconds: 36_000))
    let raw = MetricRange(start: start, end: end)
    return [raw]
      + RollupStep.allCases.filter { selection.isComposable(of: $0) }.map { step in
        var range = raw
        range.rolled = (step, Timestamp(unixSeconds: 3600), Timestamp(unixSeconds: 7200))
        return range
      }
  }
}

extension MetricSelection {
  /// Whether roll-ups of a step hold what the buckets are computed from.
  func isComposable(of step: RollupStep) -> Bool {
    guard case .buckets(let aggregate, let seconds) = shape else { return false }
    return aggregate.isComposable && seconds % step.seconds == 0 && columns.allSatisfy { $0.meaning != .label }
      && !columns.isEmpty
  }
}
