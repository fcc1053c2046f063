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

  init(_ catalog: CompiledCatalog) {
    dimensions = [
      Dimension(
        index: catalog.textsTarget, copyStatement: WriterSession.copyTexts + ";",
        mergeStatement: WriterSession.mergeTexts + ";"),
      Dimension(
        index: catalog.objectsTarget, copyStatement: WriterSession.copyObjects + ";",
        mergeStatement: WriterSession.mergeObjects + ";"),
    ]
    let staged = Set(dimensions.map(\.index))
    facts = catalog.targets.filter { !staged.contains($0.index) }.map { target in
      let columns = target.columns.map { "\"\($0.name)\"" }.joined(separator: ",")
      return Fact(
        index: target.index, table: target.table,
        copyStatement: "COPY metrics.\"\(target.table)\"(\(columns)) FROM STDIN (FORMAT binary);")
    }
  }

  /// The table behind a COPY's error context (`COPY pg_stats, line 3`).
  func index(ofTable name: some StringProtocol) -> Int? { facts.first { $0.table == name }?.index }
}
