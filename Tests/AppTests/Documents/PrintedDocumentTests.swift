import Protocol
import Testing

@testable import App

/// Four files of docs/ are printed from declarations.
@Suite struct PrintedDocumentTests {
  @Test func `docs has the declared settings`() throws {
    try PrintedDocument(name: "SETTINGS.md", text: Settings.reference()).check()
  }

  @Test func `docs has the metrics that the server reports`() throws { try PrintedMetrics.document.check() }

  @Test func `docs has the metric tables and their columns`() throws { try PrintedTables.document.check() }

  @Test func `docs has the commands and their options`() throws { try PrintedCommands.document().check() }

  @Test func `every column of a metric table states its meaning`() {
    for table in MetricCatalog.tables + [MetricCatalog.catchAll] {
      for column in table.columns { #expect(column.summary.hasSuffix("."), "\(table.name).\(column.name)") }
    }
  }

  /// The unit in a name is the declared unit, so that name and declaration agree.
  @Test func `a column whose name has a unit declares that unit`() {
    let units: [(String, MetricColumn.Unit)] = [
      ("_bytes", .bytes), ("_mb", .megabytes), ("_gb", .gigabytes), ("_ms", .milliseconds), ("_seconds", .seconds),
      ("_percent", .percent), ("_mb_per_hour", .megabytesPerHour),
    ]
    for table in MetricCatalog.tables {
      for column in table.columns {
        guard let (suffix, unit) = units.first(where: { column.name.hasSuffix($0.0) }) else { continue }
        #expect(column.unit == unit, "\(table.name).\(column.name) ends with \(suffix)")
      }
    }
  }
}
