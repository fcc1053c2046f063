// Whether the database holds what the server acknowledged: rows and pushes of this run's collectors, counted by SQL.

internal import Protocol

/// Rows and pushes stored for some collectors.
struct StoredCounts: Sendable, Equatable {
  /// Committed pushes, in the server's ledger.
  var pushes = 0
  /// By table of the schema `metrics`; tables without a row are left out.
  var rows: [String: Int] = [:]

  var allRows: Int { rows.values.reduce(0, +) }

  static func - (left: StoredCounts, right: StoredCounts) -> StoredCounts {
    var difference = StoredCounts(pushes: left.pushes - right.pushes)
    for (table, count) in left.rows { difference.rows[table] = count - (right.rows[table] ?? 0) }
    for (table, count) in right.rows where left.rows[table] == nil { difference.rows[table] = -count }
    difference.rows = difference.rows.filter { $0.value != 0 }
    return difference
  }

  static func + (left: StoredCounts, right: StoredCounts) -> StoredCounts {
    StoredCounts(
      pushes: left.pushes + right.pushes, rows: left.rows.merging(right.rows, uniquingKeysWith: +))
  }

  /// Counts, table by table. Blocks for as long as PostgreSQL needs.
  /// - Parameter servers: an array of server ids in SQL, with `$1` for `values`.
  /// - Returns: by server.
  private static func count(
    _ servers: String, _ values: String, in session: DatabaseSession
  ) throws(DatabaseFailure) -> [Int: StoredCounts] {
    var counts: [Int: StoredCounts] = [:]
    func add(_ table: String, _ note: (inout StoredCounts, Int) -> Void) throws(DatabaseFailure) {
      let sql = "SELECT server_id, count(*) FROM \(table) WHERE server_id = ANY (ARRAY(\(servers))) GROUP BY 1"
      for row in try session.rows(sql, [values]) {
        guard row.count == 2, let server = row[0].flatMap({ Int($0) }), let count = row[1].flatMap({ Int($0) }) else {
          continue
        }
        note(&counts[server, default: StoredCounts()], count)
      }
    }
    try add("pganalytics.pushes") { $0.pushes = $1 }
    let tables = try session.rows(
      """
      SELECT c.relname, quote_ident(c.relname) FROM pg_class c
      WHERE c.relnamespace = 'metrics'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      ORDER BY 1
      """)
    for table in tables {
      guard table.count == 2, let name = table[0], let quoted = table[1] else { continue }
      try add("metrics.\(quoted)") { $0.rows[name] = $1 }
    }
    return counts
  }

  /// Of the servers that these collectors report of.
  static func of(
    _ collectors: [UUID], in session: DatabaseSession
  ) throws(DatabaseFailure) -> [Int: StoredCounts] {
    if collectors.isEmpty { return [:] }
    return try count(
      "SELECT server_id FROM pganalytics.collectors WHERE id = ANY ($1::uuid[])",
      "{" + collectors.map(\.description).joined(separator: ",") + "}", in: session)
  }

  /// Of the servers that collectors of these hosts report of: a host that enrols again may go on with its server.
  static func of(
    hosts: [String], in session: DatabaseSession
  ) throws(DatabaseFailure) -> [Int: StoredCounts] {
    try count(
      "SELECT server_id FROM pganalytics.collectors WHERE hostname = ANY ($1::text[])",
      "{" + hosts.joined(separator: ",") + "}", in: session)
  }
}

/// What was acknowledged beside what is stored.
struct Verification: Sendable, Equatable {
  let stored: StoredCounts
  /// Rows of acknowledged pushes. For a push whose first answer was lost, what its declaration says it has.
  let acknowledgedRows: Int
  let acknowledgedPushes: Int
  /// Of pushes whose answer never came: they may be stored, each whole or not at all.
  let uncertainRows: Int
  let uncertainPushes: Int

  init(stored: StoredCounts, tally: Tally) {
    self.stored = stored
    acknowledgedRows = tally.rows + tally.duplicateRows
    acknowledgedPushes = tally.acknowledged - tally.parked
    uncertainRows = tally.unacknowledgedRows
    uncertainPushes = tally.unacknowledged
  }

  /// More is stored than acknowledged only as far as answers are missing, and never less.
  var isExact: Bool {
    (acknowledgedRows...acknowledgedRows + uncertainRows).contains(stored.allRows)
      && (acknowledgedPushes...acknowledgedPushes + uncertainPushes).contains(stored.pushes)
  }
}
