internal import Ground
internal import Protocol

/// How metric rows are stored.
enum StorageKind: String, Sendable, CaseIterable {
  /// Tables with a partition for each day, which this program makes and drops.
  case plain
  /// Hypertables of TimescaleDB, which makes, compresses and drops their chunks itself.
  case timescale
}

/// What is kept, and for how long: the part of `Settings` that storage follows, in the units of its statements. Each value that
/// has a setting comes from there, so its default is the setting's.
struct StorageSettings: Sendable {
  /// Nil means TimescaleDB if it is available, else plain. The value counts only until the first metric table exists:
  /// the kind never changes later.
  var kind: StorageKind?
  /// Days of metric rows. A push may bring rows as old as this.
  var retentionDays: Int32
  /// Those of tables that have others.
  var tableRetentionDays: [String: Int32]
  /// Days of roll-ups of an hour.
  var rollupRetentionDays: Int32
  /// Days of roll-ups of 5 minutes; never less than there are rows.
  var fineRollupRetentionDays: Int32
  /// Between two rounds of rolling up, and how long after a bucket's end: rows should have arrived by then.
  var rollupInterval: Duration
  var rollupDelay: Duration
  /// Servers that are rolled up in one transaction, and the longest stretch of time of them.
  var rollupServers: Int
  var rollupSpan: Duration
  /// Rows that a statement on several servers may decompress (TimescaleDB).
  var rollupDecompressedRows: Int
  /// Before a unit that failed is tried again: first, and at most.
  var rollupRetry: Duration
  var rollupRetryMaximum: Duration
  /// Failures of one server's table in a round, or of a table of which nothing succeeds, after which the rest of it waits.
  var rollupFailures: Int
  /// `statement_timeout` of rolling up.
  var rollupTimeout: Duration
  /// Days for which a repeated push is recognised, from its receipt on: as long as it may bring a row that is not refused.
  var repeatDays: Int32
  /// How many days before its receipt the day of a push may be for its entry to be kept under that day.
  static let ledgerDaysBack: Int32 = 2
  /// How many days the ledger's partitions are kept. The day of an entry may be earlier than that of its receipt, and
  /// two clocks may differ by a day.
  var ledgerRetentionDays: Int32 { repeatDays + Self.ledgerDaysBack + 1 }
  /// Days ahead for which partitions are made.
  var partitionDaysAhead: Int32
  /// Age at which TimescaleDB compresses a chunk: no sooner than rows stop arriving late.
  var compressAfterDays: Int32
  /// Days of the audit trail.
  var auditRetentionDays: Int32
  /// How long after its last lock-out, or failure, a name's failed logins are remembered.
  var loginFailureMemory: Duration
  /// Between two rounds of maintenance.
  var maintenanceInterval: Duration
  /// After a round that failed. There is no setting for this and the next two.
  var maintenanceRetry: Duration = .seconds(60)
  /// How long DDL may wait for a lock. Every later statement on the table waits behind it, so it gives up early and
  /// tries again.
  var ddlLockTimeout: Duration = .seconds(2)
  /// How often DDL that did not get a lock is tried.
  var ddlAttempts = 10

  init(_ settings: Settings) {
    retentionDays = settings.retention.wholeDays
    tableRetentionDays = [:]
    for type in MetricCatalog.types {
      guard let age = settings.typeRetention[type.name] else { continue }
      for table in type.tables { tableRetentionDays[table.name] = age.wholeDays }
    }
    rollupRetentionDays = settings.rollupRetention.wholeDays
    fineRollupRetentionDays = settings.fineRollupRetention.wholeDays
    rollupInterval = settings.rollupInterval
    rollupDelay = settings.rollupDelay
    rollupServers = settings.rollupServers
    rollupSpan = settings.rollupSpan
    rollupDecompressedRows = settings.rollupDecompressedRows
    rollupRetry = settings.rollupRetry
    rollupRetryMaximum = settings.rollupRetryMaximum
    rollupFailures = settings.rollupFailures
    rollupTimeout = settings.rollupTimeout
    repeatDays = retentionDays + (settings.clockSkew + .seconds(86_399)).wholeDays
    partitionDaysAhead = Int32(clamping: settings.partitionsAhead)
    compressAfterDays = settings.compressAfter.wholeDays
    auditRetentionDays = settings.auditRetention.wholeDays
    loginFailureMemory = settings.loginLockoutMaximum
    maintenanceInterval = settings.maintenanceInterval
  }

  func retentionDays(ofTable name: String) -> Int32 { tableRetentionDays[name] ?? retentionDays }
}

extension Settings {
  var storage: StorageSettings { StorageSettings(self) }
}

extension Duration {
  /// Whole days, rounded down.
  fileprivate var wholeDays: Int32 { Int32(clamping: wholeSeconds / 86_400) }
}
