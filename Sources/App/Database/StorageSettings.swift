/// How metric rows are stored.
enum StorageKind: String, Sendable, CaseIterable {
  /// Tables with a partition for each day, which this program makes and drops.
  case plain
  /// Hypertables of TimescaleDB, which makes, compresses and drops their chunks itself.
  case timescale
}

/// What is stored, and for how long. Fields named `Days` are days; other times are Durations.
struct StorageSettings: Sendable {
  /// Nil means TimescaleDB if it is available, else plain. The value counts only until the first metric table exists:
  /// the kind never changes later.
  var kind: StorageKind?
  /// How many days metric rows are kept. A push may contain rows as old as this.
  var retentionDays: Int32 = 30
  /// The retention of tables that have a retention of their own.
  var tableRetentionDays: [String: Int32] = [:]
  /// How many days roll-ups of an hour are kept.
  var rollupRetentionDays: Int32 = 365
  /// How many days roll-ups of 5 minutes are kept; never less than metric rows.
  var fineRollupRetentionDays: Int32 = 30
  /// The time between two rounds of rolling up, and how long a round waits after a bucket's end for late rows.
  var rollupInterval: Duration = .seconds(300)
  var rollupDelay: Duration = .seconds(120)
  /// How many servers are rolled up in one transaction, and the longest time span of one transaction.
  var rollupServers = 50
  var rollupSpan: Duration = .seconds(6 * 3600)
  /// How many rows a statement on several servers may decompress (TimescaleDB).
  var rollupDecompressedRows = 1_000_000
  /// The pause before a failed unit is tried again: the first pause, and the longest.
  var rollupRetry: Duration = .seconds(600)
  var rollupRetryMaximum: Duration = .seconds(86_400)
  /// After this many failures for one server's table in a round, or for a table without any success, the rest of it
  /// waits.
  var rollupFailures = 16
  /// The `statement_timeout` of rolling up.
  var rollupTimeout: Duration = .seconds(300)
  /// For how many days after its receipt a repeated push is recognised: as long as its rows are not rejected as too
  /// old.
  var repeatDays: Int32 = 31
  /// The ledger keeps a push under its day if the day is at most this many days before its receipt.
  static let ledgerDaysBack: Int32 = 2
  /// How many days the ledger's partitions are kept. The day of an entry may be earlier than that of its receipt, and
  /// two clocks may differ by a day.
  var ledgerRetentionDays: Int32 { repeatDays + Self.ledgerDaysBack + 1 }
  /// For how many days ahead partitions are made.
  var partitionDaysAhead: Int32 = 3
  /// The age in days at which TimescaleDB compresses a chunk. By then late rows have arrived.
  var compressAfterDays: Int32 = 2
  /// How many days the audit trail is kept.
  var auditRetentionDays: Int32 = 365
  /// How long a name's failed logins are remembered after its last lock-out or failure.
  var loginFailureMemory: Duration = .seconds(3600)
  /// The time between two rounds of maintenance.
  var maintenanceInterval: Duration = .seconds(3600)
  /// The pause after a failed round.
  var maintenanceRetry: Duration = .seconds(60)
  /// How long DDL may wait for a lock. Every later statement on the table waits behind it, so it gives up early and
  /// tries again.
  var ddlLockTimeout: Duration = .seconds(2)
  /// How often DDL that did not get a lock is tried.
  var ddlAttempts = 10

  init() {}

  func retentionDays(ofTable name: String) -> Int32 { tableRetentionDays[name] ?? retentionDays }
}
