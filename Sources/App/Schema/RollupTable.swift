// The roll-up of one metric table for one step. It holds aggregates of each counter and gauge, by the ids that identify
// a series. Columns, DDL and statements derive from the metric's declaration, like those of the metric table.

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
    if source.tellsBreaks { columns.append(.init(name: Self.unbroken, type: .bool, isRequired: false)) }
    columns += source.rolledColumns.flatMap { column in
      RollupPart.all(of: column).flatMap { part in
        part.storedColumns(of: column).map { StoredTable.Column(name: $0, type: $1, isRequired: false) }
      }
    }
    self.columns = columns
  }

  /// All roll-up tables of a step. A metric table without numbers to aggregate has none.
  static func all(_ step: RollupStep) -> [RollupTable] {
    MetricCatalog.tables.filter { !$0.rolledColumns.isEmpty }.map { RollupTable($0, step) }
  }

  static let all = RollupStep.allCases.flatMap { all($0) }

  /// The column of a table with `MetricTable.tellsBreaks`: whether the series goes on without a break through this bucket and
  /// from the bucket before (`UnbrokenStep`). NULL if it is unknown, as in rows from before this column.
  static let unbroken = "unbroken"

  var name: String { "\(source.name)_\(step.rawValue)" }

  /// The columns that new rows fill, without `unbroken`. The int8 columns of roll-ups from before a column became numeric
  /// are only read.
  var filledColumns: [String] {
    let parts = source.rolledColumns.flatMap { column in
      RollupPart.all(of: column).compactMap { $0.storedColumns(of: column).last?.name }
    }
    return ["time", "server_id"] + source.identityColumns + ["first_time", "last_time"] + parts
  }
}

extension MetricTable {
  /// Whether roll-ups of the table tell where a series has a break. Reads take the differences of its counters over all
  /// servers at once, and need the order of a series' roll-ups only where it has one.
  var tellsBreaks: Bool { name == "pg_query_stats" }
}

extension RollupStep {
  /// The number of days in a partition, so that 30 days of 5 minutes and 365 days of hours need few partitions.
  var partitionDays: Int32 {
    switch self {
    case .fiveMinutes: 7
    case .hour: 28
    }
  }

  /// The number of days in a chunk. Chunks are shorter than partitions, because a chunk is compressed as a whole when
  /// its last day is old enough, and because a late row unpacks its server's batches of the chunk.
  var chunkDays: Int32 {
    switch self {
    case .fiveMinutes: 1
    case .hour: 7
    }
  }

  func retentionDays(_ settings: StorageSettings) -> Int32 {
    switch self {
    // Roll-ups of an hour are computed from those of 5 minutes, which must last as long as late rows may arrive.
    case .fiveMinutes: max(settings.fineRollupRetentionDays, settings.retentionDays + 1)
    case .hour: settings.rollupRetentionDays
    }
  }
}

extension RollupTable: ReconciledTable {
  var schema: String { "rollups" }
  func retentionDays(_ settings: StorageSettings) -> Int32 { step.retentionDays(settings) }
  /// The same age as for metric rows. A late row unpacks one server's batches of a chunk until TimescaleDB compresses
  /// them again.
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

  /// New columns have to be filled from the existing rows, too. Only `unbroken` stays NULL in existing roll-ups: they give
  /// the same answers without it, only slower, while a roll-up of everything would make all reads slow until its end.
  func addition(of columns: [StoredTable.Column], _ settings: StorageSettings) -> String {
    addition(of: columns) + (columns.allSatisfy { $0.name == Self.unbroken } ? "" : Self.everything(settings))
  }

  /// Marks all existing rows as still to be rolled up.
  private static func everything(_ settings: StorageSettings) -> String {
    """
    INSERT INTO pganalytics.rollup_pending (step_seconds, server_id, first_time, last_time)
      SELECT 300, s.id, now() - INTERVAL '\(settings.retentionDays) days', now() FROM pganalytics.servers s
      WHERE NOT EXISTS (SELECT FROM pganalytics.rollup_pending p WHERE p.server_id = s.id AND p.step_seconds = 300
        AND p.first_time < now() - INTERVAL '\(settings.retentionDays - 1) days');

    """
  }
}
