// The roll-up of one metric table at one width: what is kept of each counter and gauge, by the ids that name its series.
// Columns, DDL and statements derive from the metric's declaration, as those of the metric table do.

import Protocol

struct RollupTable: Sendable {
  let source: MetricTable
  let step: RollupStep
  let columns: [StoredTable.Column]

  init(_ source: MetricTable, _ step: RollupStep) {
    self.source = source
    self.step = step
    var columns = [
      StoredTable.Column(name: "time", type: .timestamptz, isRequired: true),
      StoredTable.Column(name: "server_id", type: .int4, isRequired: true),
    ]
    let flags = Set(source.series.filter { $0.kind == .bool }.map(\.name))
    columns += source.identityColumns.map {
      StoredTable.Column(name: $0, type: flags.contains($0) ? .bool : .int8, isRequired: false)
    }
    columns += ["first_time", "last_time"].map { StoredTable.Column(name: $0, type: .timestamptz, isRequired: true) }
    columns += source.rolledColumns.flatMap { column in
      RollupPart.all(of: column).flatMap { part in
        part.storedColumns(of: column).map { StoredTable.Column(name: $0, type: $1, isRequired: false) }
      }
    }
    self.columns = columns
  }

  /// All of a width. Tables without numbers to aggregate have none.
  static func all(_ step: RollupStep) -> [RollupTable] {
    MetricCatalog.tables.filter { !$0.rolledColumns.isEmpty }.map { RollupTable($0, step) }
  }

  static let all = RollupStep.allCases.flatMap { all($0) }

  var name: String { "\(source.name)_\(step.rawValue)" }

  /// The columns that are put in. Those that roll-ups had before a column became numeric are read, and filled no more.
  var filledColumns: [String] {
    let parts = source.rolledColumns.flatMap { column in
      RollupPart.all(of: column).compactMap { $0.storedColumns(of: column).last?.name }
    }
    return ["time", "server_id"] + source.identityColumns + ["first_time", "last_time"] + parts
  }
}

extension RollupStep {
  /// Days of a partition: few for 30 days of the one and 365 of the other.
  var partitionDays: Int32 {
    switch self {
    case .fiveMinutes: 7
    case .hour: 28
    }
  }

  /// Days of a chunk: fewer, since a chunk is compressed as a whole, when its last day is old enough, and since a late row
  /// takes what a server has in it out of its batches.
  var chunkDays: Int32 {
    switch self {
    case .fiveMinutes: 1
    case .hour: 7
    }
  }

  func retentionDays(_ settings: StorageSettings) -> Int32 {
    switch self {
    // Hours are made of them, also late ones.
    case .fiveMinutes: max(settings.fineRollupRetentionDays, settings.retentionDays + 1)
    case .hour: settings.rollupRetentionDays
    }
  }
}

extension RollupTable: ReconciledTable {
  var schema: String { "rollups" }
  func retentionDays(_ settings: StorageSettings) -> Int32 { step.retentionDays(settings) }
  /// As rows are. A late row takes one server's buckets of a chunk out of its batches, until TimescaleDB compresses them again.
  func compressionDays(_ settings: StorageSettings) -> Int32 { settings.compressAfterDays }
  var identityColumns: [String] { source.identityColumns }
  var chunkDays: Int32 { step.chunkDays }

  func creation(_ kind: StorageKind, _ settings: StorageSettings) -> String {
    let lines = columns.map { "  \(quotedIdentifier($0.name)) \($0.type)\($0.isRequired ? " NOT NULL" : "")" }
    let table = """
      CREATE TABLE \(qualifiedName) (
      \(lines.joined(separator: ",\n"))
      )\(kind == .plain ? " PARTITION BY RANGE (time)" : "");
      COMMENT ON TABLE \(qualifiedName) IS \(quotedLiteral("metrics.\(source.name), rolled up by \(step.rawValue)."));
      CREATE INDEX \(quotedIdentifier(name + "_server")) ON \(qualifiedName) (server_id, time);
      \(Self.everything(settings))

      """
    switch kind {
    case .plain: return table
    case .timescale: return table + hypertable
    }
  }

  /// New columns too are to be filled from the rows that there are.
  func addition(of columns: [StoredTable.Column], _ settings: StorageSettings) -> String {
    addition(of: columns) + Self.everything(settings)
  }

  /// Rows from before the roll-up are still to be rolled up.
  private static func everything(_ settings: StorageSettings) -> String {
    """
    INSERT INTO pganalytics.rollup_pending (step_seconds, server_id, first_time, last_time)
      SELECT 300, s.id, now() - INTERVAL '\(settings.retentionDays) days', now() FROM pganalytics.servers s
      WHERE NOT EXISTS (SELECT FROM pganalytics.rollup_pending p WHERE p.server_id = s.id AND p.step_seconds = 300
        AND p.first_time < now() - INTERVAL '\(settings.retentionDays - 1) days');

    """
  }
}
