// The COPY statements of all targets, written once from the declarations.

import Protocol

/// Every table that the writer fills, with the statements that fill it.
struct CopyTargets: Sendable {
  struct Fact: Sendable {
    let index: Int
    let table: String
    let copyStatement: String
  }

  /// Names go through a temporary table, because COPY itself cannot skip what is already there.
  struct Dimension: Sendable {
    let index: Int
    let copyStatement: String
    let mergeStatement: String
  }

  let facts: [Fact]
  let dimensions: [Dimension]

  init(_ targets: [CopyTarget] = CopyTarget.all) {
    var facts: [Fact] = []
    var dimensions: [Dimension] = []
    for target in targets {
      let columns = target.columns.map { "\"\($0.name)\"" }.joined(separator: ",")
      if target.isDimension {
        dimensions.append(
          Dimension(
            index: target.index,
            copyStatement: "COPY pg_temp.staging_\(target.table)(\(columns)) FROM STDIN (FORMAT binary);",
            mergeStatement: "INSERT INTO pganalytics.\(target.table)(\(columns)) SELECT \(columns)"
              + " FROM pg_temp.staging_\(target.table) ORDER BY 1,2 ON CONFLICT DO NOTHING;"))
      } else {
        facts.append(
          Fact(
            index: target.index, table: target.table,
            copyStatement: "COPY metrics.\(target.table)(\(columns)) FROM STDIN (FORMAT binary);"))
      }
    }
    self.facts = facts
    self.dimensions = dimensions
  }

  /// The table behind a COPY's error context (`COPY pg_stats, line 3`).
  func index(ofTable name: some StringProtocol) -> Int? { facts.first { $0.table == name }?.index }
}
