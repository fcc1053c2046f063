internal import Ground
internal import Protocol

/// How metric rows are stored.
enum StorageKind: String, Sendable, CaseIterable {
  /// Tables with a partition for each day, which this program makes and drops.
  case plain
  /// Hypertables of TimescaleDB, which makes, compresses and drops their chunks itself.
  case timescale
}

/// The part of `Settings` that storage follows, in the units of its statements. A value with a setting has no other
/// default than the setting's.
struct StorageSettings: Sendable {
  /// Nil means TimescaleDB if it is available, else plain. The value counts only until the first metric table exists:
  /// the kind never changes later.
  var kind: StorageKind?
  /// For how many days metric rows are kept. A push may bring rows as old as this.
  var retentionDays: Int32
  /// For how many days the rows of single tables are kept, if not for `retentionDays`.
  var tableRetentionDays: [String: Int32]
  /// For how many days roll-ups of an hour are kept.
  var rollupRetentionDays: Int32
  /// For how many days roll-ups of 5 minutes are kept. They are never kept for less time than metric rows.
  var fineRollupRetentionDays: Int32
  /// The time between two rounds of rolling up, and the time from a bucket's end until the bucket is rolled up. By then
  /// its rows should have arrived.
  var rollupInterval: Duration
  var rollupDelay: Duration
  /// The largest number of servers that one transaction rolls up, and its longest time span.
  var rollupServers: Int
  var rollupSpan: Duration
  /// How many rows a statement for several servers may decompress (TimescaleDB).
  var rollupDecompressedRows: Int
  /// The first and the longest pause before a failed unit is tried again.
  var rollupRetry: Duration
  var rollupRetryMaximum: Duration
  /// After this many failures in a round the failing units of a server are set aside undivided. After this many
  /// failures of a table without any success its rest is set aside untried.
  var rollupFailures: Int
  /// `statement_timeout` of rolling up.
  var rollupTimeout: Duration
  /// For how many days after its receipt a repeated push is recognised. It is as long as the push may bring a row that
  /// is not refused.
  var repeatDays: Int32
  /// The ledger keeps a push under the push's own day only if this day is at most so many days before its receipt.
  static let ledgerDaysBack: Int32 = 2
  /// How many days the ledger's partitions are kept. The day of an entry may be earlier than that of its receipt, and
  /// two clocks may differ by a day.
  var ledgerRetentionDays: Int32 { repeatDays + Self.ledgerDaysBack + 1 }
  /// For how many days ahead partitions are made.
  var partitionDaysAhead: Int32
  /// The age in days at which TimescaleDB compresses a chunk. Late rows should have arrived by then.
  var compressAfterDays: Int32
  /// For how many days lines of the audit trail are kept.
  var auditRetentionDays: Int32
  /// For how long the failed logins of a name are remembered after its last lock-out or failure.
  var loginFailureMemory: Duration
  /// The time between two rounds of maintenance.
  var maintenanceInterval: Duration
  /// The pause after a failed round of maintenance. This value and the next two have no setting.
  var maintenanceRetry: Duration = .seconds(60)
  /// How long DDL may wait for a lock. Every later statement on the table waits behind the DDL, so the DDL gives up
  /// early and is tried again.
  var ddlLockTimeout: Duration = .seconds(2)
  /// How many times DDL that does not get a lock is tried.
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
