// The DDL of the metric tables, built from the declarations. Its names come from the program, never from a client.

internal import Protocol

/// A name quoted as an SQL identifier, which also allows `default`, `user` and `table`.
func quotedIdentifier(_ name: String) -> String {
  "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
}

/// A text as an SQL literal. standard_conforming_strings has been on by default since PostgreSQL 9.1.
func quotedLiteral(_ text: String) -> String {
  "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
}

/// A table that is created, and extended by new columns, from a declaration.
protocol ReconciledTable: Sendable {
  var schema: String { get }
  var name: String { get }
  var columns: [StoredTable.Column] { get }
  func creation(_ kind: StorageKind, _ settings: StorageSettings) -> String
  func addition(of columns: [StoredTable.Column], _ settings: StorageSettings) -> String
  /// The age in days at which rows are dropped.
  func retentionDays(_ settings: StorageSettings) -> Int32
  /// The age in days at which TimescaleDB compresses a chunk.
  func compressionDays(_ settings: StorageSettings) -> Int32
  /// The columns that identify a series, besides the server. Rows of a series are adjacent in a compressed chunk.
  var identityColumns: [String] { get }
  /// The length of a TimescaleDB chunk in days.
  var chunkDays: Int32 { get }
}

extension ReconciledTable {
  var qualifiedName: String { "\(schema).\(quotedIdentifier(name))" }

  /// How TimescaleDB compresses the table. A compressed batch belongs to one server, so a server's rows are read
  /// without unpacking those of others. Within a batch the rows of a series follow one another by time, so that
  /// neighbours differ little.
  var compression: ChunkCompression {
    ChunkCompression(segmentBy: "server_id", orderBy: identityColumns + ["time DESC"], chunkDays: chunkDays)
  }

  /// The SQL that turns the table into a hypertable. `HypertablePolicies` sets when chunks are compressed and dropped.
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

/// TimescaleDB's compression settings of a hypertable. A change affects only chunks that are made or compressed later.
struct ChunkCompression: Hashable, Sendable {
  let segmentBy: String
  /// Column names, with DESC for descending order.
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

  /// The SQL that makes the table and its index. `Partitions` makes the partitions of a plain table.
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
