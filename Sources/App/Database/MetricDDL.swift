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
  /// Columns, beside the server, that name a series: its rows lie side by side in a compressed chunk.
  var identityColumns: [String] { get }
  /// Days of a chunk of TimescaleDB.
  var chunkDays: Int32 { get }
}

extension ReconciledTable {
  var qualifiedName: String { "\(schema).\(quotedIdentifier(name))" }

  /// How TimescaleDB compresses. A batch is of one server, so that a server's rows are found without unpacking the others';
  /// within it rows of one series follow one another by time, so that neighbours differ little.
  var compression: ChunkCompression {
    ChunkCompression(segmentBy: "server_id", orderBy: identityColumns + ["time DESC"], chunkDays: chunkDays)
  }

  /// Makes a hypertable of it. When chunks are compressed, and when they end, is for `HypertablePolicies`.
  var hypertable: String {
    """
    SELECT create_hypertable(\(quotedLiteral(qualifiedName)), 'time', chunk_time_interval => INTERVAL '\(chunkDays) days',
      create_default_indexes => false);
    \(compression.setting(of: qualifiedName))
    """
  }

  func addition(of columns: [StoredTable.Column]) -> String {
    columns.map { "ALTER TABLE \(qualifiedName) ADD COLUMN \(quotedIdentifier($0.name)) \($0.type);\n" }.joined()
  }
}

/// What TimescaleDB keeps of a hypertable: it holds for chunks that are made, or compressed, from now on.
struct ChunkCompression: Hashable, Sendable {
  let segmentBy: String
  /// Columns, with DESC where they fall.
  let orderBy: [String]
  let chunkDays: Int32

  func setting(of table: String) -> String {
    """
    ALTER TABLE \(table) SET (timescaledb.compress, timescaledb.compress_segmentby = \(quotedLiteral(segmentBy)),
      timescaledb.compress_orderby = \(quotedLiteral(orderBy.joined(separator: ", "))));

    """
  }

  func interval(of table: String) -> String {
    "SELECT set_chunk_time_interval(\(quotedLiteral(table)), INTERVAL '\(chunkDays) days');\n"
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

  var identityColumns: [String] { declaration?.identityColumns ?? [] }
  var chunkDays: Int32 { 1 }

  func addition(of columns: [Column], _ settings: StorageSettings) -> String { addition(of: columns) }
}
