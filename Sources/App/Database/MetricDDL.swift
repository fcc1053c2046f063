// The DDL of the metric tables, as text made from declarations: names come from the program, never from a user.

internal import Protocol

/// A name as SQL wants it, whatever it is (`default`, `user` and `table` are columns here).
func quotedIdentifier(_ name: String) -> String {
  "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
}

/// A text as a literal. standard_conforming_strings is on since PostgreSQL 9.1.
func quotedLiteral(_ text: String) -> String {
  "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
}

/// A table that is made, and given its new columns, from a declaration.
protocol ReconciledTable: Sendable {
  var schema: String { get }
  var name: String { get }
  var columns: [StoredTable.Column] { get }
  func creation(_ kind: StorageKind, _ settings: StorageSettings) -> String
  func addition(of columns: [StoredTable.Column], _ settings: StorageSettings) -> String
  /// Age at which rows are dropped.
  func retentionDays(_ settings: StorageSettings) -> Int32
  /// Age at which TimescaleDB compresses a chunk.
  func compressionDays(_ settings: StorageSettings) -> Int32
}

extension ReconciledTable {
  var qualifiedName: String { "\(schema).\(quotedIdentifier(name))" }

  func addition(of columns: [StoredTable.Column]) -> String {
    columns.map { "ALTER TABLE \(qualifiedName) ADD COLUMN \(quotedIdentifier($0.name)) \($0.type);\n" }.joined()
  }
}

extension StoredTable: ReconciledTable {
  var schema: String { "metrics" }
  func retentionDays(_ settings: StorageSettings) -> Int32 { settings.retentionDays(ofTable: name) }
  func compressionDays(_ settings: StorageSettings) -> Int32 { settings.compressAfterDays }

  /// Makes the table and its index. Partitions of a plain table are made by `Partitions`.
  func creation(_ kind: StorageKind, _ settings: StorageSettings) -> String {
    let lines = columns.map { "  \(quotedIdentifier($0.name)) \($0.type)\($0.isRequired ? " NOT NULL" : "")" }
    let partitioning =
      switch kind {
      case .plain: " PARTITION BY RANGE (time)"
      case .timescale: ""
      }
    let table = """
      CREATE TABLE \(qualifiedName) (
      \(lines.joined(separator: ",\n"))
      )\(partitioning);
      COMMENT ON TABLE \(qualifiedName) IS \(quotedLiteral(summary));
      CREATE INDEX \(quotedIdentifier(name + "_series")) ON \(qualifiedName) (\(indexColumns));

      """
    return switch kind {
    case .plain: table
    case .timescale: table + hypertable
    }
  }

  /// Chunks of a day; old ones compressed by server, which makes them 4 to 6 times smaller. When, and when they end, is for
  /// `HypertablePolicies`.
  private var hypertable: String {
    let literal = quotedLiteral(qualifiedName)
    return """
      SELECT create_hypertable(\(literal), 'time', chunk_time_interval => INTERVAL '1 day', create_default_indexes => false);
      ALTER TABLE \(qualifiedName) SET (timescaledb.compress, timescaledb.compress_segmentby = 'server_id',
        timescaledb.compress_orderby = '\(compressedOrder)');

      """
  }

  func addition(of columns: [Column], _ settings: StorageSettings) -> String { addition(of: columns) }
}
