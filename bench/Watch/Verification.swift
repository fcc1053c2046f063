// Compares the rows and pushes in the database with the acknowledged ones, for this run's collectors, by SQL.

internal import Protocol

/// The stored rows and pushes of some collectors.
struct StoredCounts: Sendable, Equatable {
  /// Committed pushes in the server's ledger.
  var pushes = 0
  /// Rows by table of the schema `metrics`. Tables without rows are left out.
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

  /// Counts the rows table by table. It blocks until PostgreSQL has answered.
  /// - Parameter servers: a query for server ids in SQL, with `$1` for `values`.
  /// - Returns: the counts by server.
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

  /// Counts for the servers of these collectors.
  static func of(
    _ collectors: [UUID], in session: DatabaseSession
  ) throws(DatabaseFailure) -> [Int: StoredCounts] {
    if collectors.isEmpty { return [:] }
    return try count(
      "SELECT server_id FROM pganalytics.collectors WHERE id = ANY ($1::uuid[])",
      "{" + collectors.map(\.description).joined(separator: ",") + "}", in: session)
  }

  /// Counts for the servers of collectors with these hosts. A host that enrols again may keep its server.
  static func of(
    hosts: [String], in session: DatabaseSession
  ) throws(DatabaseFailure) -> [Int: StoredCounts] {
    try count(
      "SELECT server_id FROM pganalytics.collectors WHERE hostname = ANY ($1::text[])",
      "{" + hosts.joined(separator: ",") + "}", in: session)
  }
}

/// The acknowledged and the stored rows and pushes.
struct Verification: Sendable, Equatable {
  let stored: StoredCounts
  /// Rows of acknowledged pushes. For a push whose first answer was lost, it is the number of rows of its template.
  let acknowledgedRows: Int
  let acknowledgedPushes: Int
  /// Rows of pushes that were never answered. Each of these pushes may be stored completely or not at all.
  let uncertainRows: Int
  let uncertainPushes: Int

  init(stored: StoredCounts, tally: Tally) {
    self.stored = stored
    acknowledgedRows = tally.rows + tally.duplicateRows
    acknowledgedPushes = tally.acknowledged - tally.parked
    uncertainRows = tally.unacknowledgedRows
    uncertainPushes = tally.unacknowledged
  }

  /// Whether the stored numbers lie between the acknowledged ones and those plus the uncertain ones.
  var isExact: Bool {
    (acknowledgedRows...acknowledgedRows + uncertainRows).contains(stored.allRows)
      && (acknowledgedPushes...acknowledgedPushes + uncertainPushes).contains(stored.pushes)
  }
}
