// The figures of a server over time. Each relation gives some of the columns by bucket, and the statement puts the rows of one
// bucket together. A UNION with one GROUP BY keeps PostgreSQL's estimates near the truth; joins would multiply them.

import Protocol

enum OverviewFigures {
  /// The columns, without the time of the bucket.
  private static let figures: [ReadColumn] = [
    .real(
      "connections",
      means: """
        Mean number of sessions. Each list counts a session once, although the collector lists the whole server for each \
        database. Where no list of states is stored: the sum over the databases of the mean number of sessions.
        """),
    .real("active", means: "Mean number of sessions that run a statement."),
    .real("idle_in_transaction", means: "Mean number of sessions in a transaction that wait for their client."),
    .real("transactions_per_second", "per second", means: "Commits and rollbacks of all databases."),
    .real("rollbacks_per_second", "per second", means: "Rollbacks of all databases."),
    .real(
      "cache_hit", "percent",
      means: """
        Blocks found in the buffer cache as a share of those asked for: of the listed tables and their indexes, or where \
        the collector lists none, of the listed statements.
        """),
    .real("replication_lag_seconds", "seconds", means: "Largest replay lag of a standby."),
    .real(
      "oldest_transaction_seconds", "seconds",
      means: "Longest time that a long transaction has run or an idle one has idled."),
    .real("disk_used_percent", "percent", means: "Space in use of the fullest file system."),
    .count(
      "xid_age",
      means: """
        Age of the oldest transaction id that is not frozen, in transactions: the largest age of a table that the collector \
        reports, or where it reports none, what the ids that are left say.
        """),
    .total("database_bytes", "bytes", means: "Sum of the last sizes of the databases."),
    .real("load_1m", means: "Mean load average of a minute."),
    .real("cpu_user", "percent", means: "Mean share of processor time spent in programs, since the boot of the host."),
    .real(
      "cpu_system", "percent", means: "Mean share of processor time spent in the kernel, since the boot of the host."),
    .real(
      "cpu_iowait", "percent", means: "Mean share of processor time that waited for a disk, since the boot of the host."
    ),
    .real(
      "memory_used_percent", "percent", means: "Mean memory in use, without the page cache, as a share of all memory."),
  ]

  static let columns = [ReadColumn.time("time", means: "Start of the bucket.")] + figures

  static let tables = [
    "pg_connections_by_state", "pg_connections", "pg_stats", "pg_cache_tables", "pg_query_stats",
    "pg_replication_status", "pg_long_running_transactions", "pg_idle_transactions", "disk_usage",
    "pg_replication_wraparound", "sysstat",
  ]

  static func sql(_ scope: ReadScope) -> String {
    let relations =
      [
        sessions(scope), totals(scope), databases(scope),
        cache(scope, "pg_cache_tables", "", ["heap_blks", "idx_blks"]),
        cache(scope, "pg_query_stats", "statement_", ["shared_blks"]), oldest(scope), host(scope),
      ] + largest(scope)
    let inner =
      figures.map { ($0.name, "\($0.type)") } + [
        ("all_connections", "float8"), ("hits", "numeric"), ("reads", "numeric"), ("statement_hits", "numeric"),
        ("statement_reads", "numeric"),
      ]
    let branches = relations.map { relation in
      let values = inner.filter { $0.0 != "cache_hit" }.map { name, type in
        relation.values.contains(name) ? "f.\(name)" : "NULL::\(type)"
      }
      return
        "SELECT f.time, \(values.joined(separator: ", ")), f.data_from, f.data_until, f.source FROM (\n\(relation.sql)\n) f"
    }
    let names = inner.map(\.0).filter { $0 != "cache_hit" }
    let values = figures.map { column in
      switch column.name {
      case "connections": "coalesce(max(b.connections), max(b.all_connections)) AS connections"
      case "cache_hit":
        "coalesce(\(share("max(b.hits)", "max(b.reads)")), \(share("max(b.statement_hits)", "max(b.statement_reads)"))) AS cache_hit"
      default: "max(b.\(column.name)) AS \(column.name)"
      }
    }
    return """
      SELECT b.time, \(values.joined(separator: ", ")), min(b.data_from) AS data_from, max(b.data_until) AS data_until,
        max(b.source) AS source
      FROM (
      \(branches.joined(separator: "\nUNION ALL\n"))
      ) b(time, \(names.joined(separator: ", ")), data_from, data_until, source) GROUP BY 1
      """
  }

  /// Some of the figures by bucket.
  private struct Relation {
    let values: [String]
    /// A SELECT of `time`, the values, `data_from`, `data_until` and `source`; each bucket once.
    let sql: String
  }

  private static let times = "min(t.first_time) AS data_from, max(t.last_time) AS data_until, max(t.source) AS source"

  private static func share(_ hits: String, _ reads: String) -> String {
    finiteDouble("(100 * \(hits) / nullif(\(hits) + \(reads), 0))")
  }

  private static func sessions(_ scope: ReadScope) -> Relation {
    func mean(_ name: String) -> String { "\(finiteDouble("sum(l.\(name))")) / count(*) AS \(name)" }
    func count(_ condition: String) -> String { "coalesce(sum(s.count) FILTER (WHERE \(condition)), 0)" }
    return Relation(
      values: ["connections", "active", "idle_in_transaction"],
      sql: """
        SELECT l.bucket AS time, \(mean("connections")), \(mean("active")), \(mean("idle_in_transaction")),
          min(l.time) AS data_from, max(l.time) AS data_until, 0 AS source
        FROM (
          SELECT \(scope.bucket(of: "s.time")) AS bucket, s.time, sum(s.count) AS connections,
            \(count("s.state = 'active'")) AS active,
            \(count("s.state IN ('idle in transaction', 'idle in transaction (aborted)')")) AS idle_in_transaction
          FROM (
            SELECT t.time, t.database, t.state, max(t.count) AS count
            FROM \(scope.rows("pg_connections_by_state")) t GROUP BY 1, 2, 3
          ) s GROUP BY 1, 2
        ) l GROUP BY 1
        """)
  }

  private static func totals(_ scope: ReadScope) -> Relation {
    Relation(
      values: ["all_connections"],
      sql: """
        SELECT d.time, \(finiteDouble("sum(d.connections)")) AS all_connections,
          min(d.data_from) AS data_from, max(d.data_until) AS data_until, max(d.source) AS source
        FROM (
          SELECT \(scope.bucket(of: "t.time")) AS time, t.database_id, \(times),
            sum(t."total_connections.sum") / nullif(sum(t."total_connections.count"), 0) AS connections
          FROM \(scope.parts("pg_connections", ["total_connections"])) t GROUP BY 1, 2
        ) d GROUP BY 1
        """)
  }

  private static func databases(_ scope: ReadScope) -> Relation {
    let columns = ["size_bytes", "transactions_committed", "transactions_rolledback"]
    let commits = CounterIncrease("transactions_committed", of: "pg_stats")
    let rollbacks = CounterIncrease("transactions_rolledback", of: "pg_stats")
    return Relation(
      values: ["transactions_per_second", "rollbacks_per_second", "database_bytes"],
      sql: """
        SELECT d.time, sum(d.transactions) AS transactions_per_second,
          sum(d.rollbacks) AS rollbacks_per_second, sum(d.bytes) AS database_bytes,
          min(d.data_from) AS data_from, max(d.data_until) AS data_until, max(d.source) AS source
        FROM (
          SELECT d.time, d.bytes, d.data_from, d.data_until, d.source, \(finiteQuotient("d.rollbacks", "nullif(d.seconds, 0)")) AS rollbacks,
            \(finiteQuotient("d.transactions", "nullif(d.seconds, 0)")) AS transactions
          FROM (
            SELECT \(scope.bucket(of: "t.time")) AS time, t.database_id, \(times),
              \(finiteDouble("(coalesce(\(commits.sum), 0) + coalesce(\(rollbacks.sum), 0))")) AS transactions,
              \(finiteDouble(rollbacks.sum)) AS rollbacks, \(commits.elapsed) AS seconds,
              (array_agg(t."size_bytes.last" ORDER BY t.time DESC, t."size_bytes.last" DESC)
                FILTER (WHERE t."size_bytes.last" IS NOT NULL))[1] AS bytes
            FROM \(scope.linked("pg_stats", columns)) t GROUP BY 1, 2
          ) d
        ) d GROUP BY 1
        """)
  }

  /// Hits and reads of the buffer cache. - Parameter counters: the counters' names without `_hit` and `_read`.
  private static func cache(_ scope: ReadScope, _ table: String, _ prefix: String, _ counters: [String]) -> Relation {
    func sum(_ end: String) -> String {
      counters.map { "coalesce(\(CounterIncrease($0 + end, of: table).sum), 0)" }.joined(separator: " + ")
    }
    return Relation(
      values: ["\(prefix)hits", "\(prefix)reads"],
      sql: """
        SELECT \(scope.bucket(of: "t.time")) AS time, \(sum("_hit")) AS \(prefix)hits, \(sum("_read")) AS \(prefix)reads, \(times)
        FROM \(scope.linked(table, counters.flatMap { ["\($0)_hit", "\($0)_read"] })) t GROUP BY 1
        """)
  }

  private static func oldest(_ scope: ReadScope) -> Relation {
    func parts(_ table: String, _ column: String) -> String {
      """
      SELECT \(scope.bucket(of: "t.time")) AS time, t."\(column).max" AS seconds, t.first_time, t.last_time, t.source
      FROM \(scope.parts(table, [column])) t
      """
    }
    return Relation(
      values: ["oldest_transaction_seconds"],
      sql: """
        SELECT t.time, max(t.seconds) AS oldest_transaction_seconds, \(times)
        FROM (
        \(parts("pg_long_running_transactions", "duration_seconds"))
        UNION ALL
        \(parts("pg_idle_transactions", "idle_time_seconds"))
        ) t GROUP BY 1
        """)
  }

  private static func largest(_ scope: ReadScope) -> [Relation] {
    func relation(_ name: String, _ table: String, _ columns: [String], _ value: String) -> Relation {
      Relation(
        values: [name],
        sql: """
          SELECT \(scope.bucket(of: "t.time")) AS time, \(value) AS \(name), \(times)
          FROM \(scope.parts(table, columns)) t GROUP BY 1
          """)
    }
    return [
      relation(
        "replication_lag_seconds", "pg_replication_status", ["replay_lag_ms"],
        #"max(t."replay_lag_ms.max")::float8 / 1000"#),
      relation("disk_used_percent", "disk_usage", ["percent_used"], #"max(t."percent_used.max")"#),
      relation(
        "xid_age", "pg_replication_wraparound", ["oldest_table_age", "xid_until_wraparound"],
        #"coalesce(max(t."oldest_table_age.max"), 2147483648 - min(t."xid_until_wraparound.min"))"#),
    ]
  }

  private static func host(_ scope: ReadScope) -> Relation {
    func mean(_ column: String) -> String { ReadScope.mean(column, of: "sysstat") }
    let shares = ["cpu_user", "cpu_system", "cpu_iowait"]
    let memory = ["memory_used_mb", "memory_total_mb"]
    let used = #"100 * sum(t."memory_used_mb.sum") / nullif(sum(t."memory_total_mb.sum"), 0)"#
    return Relation(
      values: ["load_1m"] + shares + ["memory_used_percent"],
      sql: """
        SELECT \(scope.bucket(of: "t.time")) AS time, \(mean("cpu_load_1m")) AS load_1m,
          \(shares.map { "\(mean($0)) AS \($0)" }.joined(separator: ", ")), \(finiteDouble("(\(used))")) AS memory_used_percent, \(times)
        FROM \(scope.parts("sysstat", ["cpu_load_1m"] + shares + memory)) t GROUP BY 1
        """)
  }
}
