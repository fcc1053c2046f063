/// How metric rows are stored.
enum StorageKind: String, Sendable, CaseIterable {
  /// Tables with a partition for each day, which this program makes and drops.
  case plain
  /// Hypertables of TimescaleDB, which makes, compresses and drops their chunks itself.
  case timescale
}

/// What is kept, and for how long.
struct StorageSettings: Sendable {
  /// Nil means TimescaleDB if it is available, else plain. The value counts only until the first metric table exists:
  /// the kind never changes later.
  var kind: StorageKind?
  /// Days of metric rows. A push may bring rows as old as this.
  var retentionDays: Int32 = 30
  /// Those of tables that have others.
  var tableRetentionDays: [String: Int32] = [:]
  /// Days of roll-ups of an hour.
  var rollupRetentionDays: Int32 = 365
  /// Days of roll-ups of 5 minutes; never less than there are rows.
  var fineRollupRetentionDays: Int32 = 30
  /// Between two rounds of rolling up, and how long after a bucket's end: rows should have arrived by then.
  var rollupInterval: Duration = .seconds(300)
  var rollupDelay: Duration = .seconds(120)
  /// Servers that are rolled up in one transaction, and the longest stretch of time of them.
  var rollupServers = 50
  var rollupSpan: Duration = .seconds(6 * 3600)
  /// Rows that a statement on several servers may decompress (TimescaleDB).
  var rollupDecompressedRows = 1_000_000
  /// Before a unit that failed is tried again: first, and at most.
  var rollupRetry: Duration = .seconds(600)
  var rollupRetryMaximum: Duration = .seconds(86_400)
  /// Failures of one server's table in a round, or of a table of which nothing succeeds, after which the rest of it waits.
  var rollupFailures = 16
  /// `statement_timeout` of rolling up.
  var rollupTimeout: Duration = .seconds(300)
  /// Days for which a repeated push is recognised, from its receipt on: as long as it may bring a row that is not refused.
  var repeatDays: Int32 = 31
  /// How many days before its receipt the day of a push may be for its entry to be kept under that day.
  static let ledgerDaysBack: Int32 = 2
  /// How many days the ledger's partitions are kept. The day of an entry may be earlier than that of its receipt, and
  /// two clocks may differ by a day.
  var ledgerRetentionDays: Int32 { repeatDays + Self.ledgerDaysBack + 1 }
  /// Days ahead for which partitions are made.
  var partitionDaysAhead: Int32 = 3
  /// Age at which TimescaleDB compresses a chunk: no sooner than rows stop arriving late.
  var compressAfterDays: Int32 = 2
  /// Days of the audit trail.
  var auditRetentionDays: Int32 = 365
  /// How long after its last lock-out, or failure, a name's failed logins are remembered.
  var loginFailureMemory: Duration = .seconds(3600)
  /// Between two rounds of maintenance.
  var maintenanceInterval: Duration = .seconds(3600)
  /// After a round that failed.
  var maintenanceRetry: Duration = .seconds(60)
  /// How long DDL may wait for a lock. Every later statement on the table waits behind it, so it gives up early and
  /// tries again.
  var ddlLockTimeout: Duration = .seconds(2)
  /// How often DDL that did not get a lock is tried.
  var ddlAttempts = 10

  init() {}

  func retentionDays(ofTable name: String) -> Int32 { tableRetentionDays[name] ?? retentionDays }
}
