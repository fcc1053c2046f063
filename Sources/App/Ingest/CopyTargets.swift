// The COPY statements of all targets, built once from the declarations of the metrics.

import Protocol

/// Every table that the writer fills, with the statements that fill it.
struct CopyTargets: Sendable {
  /// A table of metric rows.
  struct Fact: Sendable {
    let index: Int
    let table: String
    let copyStatement: String
  }

  /// A table of names. The writer copies names into a temporary table and merges them from there, because COPY cannot
  /// skip rows that exist already.
  struct Dimension: Sendable {
    let index: Int
    let table: String
    let copyStatement: String
    let mergeStatement: String
  }

  let facts: [Fact]
  let dimensions: [Dimension]

  init(_ catalog: CompiledCatalog) {
    dimensions = [
      Dimension(
        index: catalog.textsTarget, table: "texts", copyStatement: WriterSession.copyTexts + ";",
        mergeStatement: WriterSession.mergeTexts + ";"),
      Dimension(
        index: catalog.objectsTarget, table: "objects", copyStatement: WriterSession.copyObjects + ";",
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

  /// The target that fills the table which an error names; the name may be that of the table's partition for one day.
  func index(ofTable name: String) -> Int? {
    var name = name[...]
    if let mark = name.lastIndex(of: "_"), name[mark...].hasPrefix("_p"), name[mark...].dropFirst(2).count == 8,
      name[mark...].dropFirst(2).allSatisfy(\.isNumber)
    {
      name = name[..<mark]
    }
    return facts.first { $0.table == name }?.index ?? dimensions.first { $0.table == name }?.index
  }

  /// The name of the target's table, with its schema.
  func name(ofTarget target: Int) -> String? {
    facts.first { $0.index == target }.map { "metrics." + $0.table }
      ?? dimensions.first { $0.index == target }.map { "pganalytics." + $0.table }
  }
}
