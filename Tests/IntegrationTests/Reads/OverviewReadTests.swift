import Protocol
import Testing

@testable import App

/// Each figure of a server's overview equals independent SQL over the stored rows.
@Suite struct OverviewReadTests {
  private static let inRange = "server_id = $server AND time >= $start AND time < $end"

  /// Increases of counters by bucket and series: by a join of each row with the row before it.
  private static func increases(
    _ table: String, _ width: String, _ series: [String], _ counters: [String], _ condition: String = "true"
  ) -> String {
    let same = series.map { "p.\($0) IS NOT DISTINCT FROM r.\($0)" }.joined(separator: " AND ")
    let values = counters.map { "sum(CASE WHEN r.\($0) < p.\($0) THEN r.\($0) ELSE r.\($0) - p.\($0) END) AS \($0)" }
    return """
      rows AS (SELECT * FROM named.\(table) WHERE \(inRange) AND \(condition)),
      increases AS (
        SELECT \(HostReadBench.bucket(width).replacing(", time,", with: ", r.time,")) AS bucket, \(series.map { "r.\($0)" }.joined(separator: ", ")),
          \(values.joined(separator: ", ")), sum(extract(epoch FROM r.time - p.time)) AS seconds
        FROM rows r JOIN rows p ON \(same) AND p.time = (
          SELECT max(time) FROM rows x WHERE x.time < r.time AND \(series.map { "x.\($0) IS NOT DISTINCT FROM r.\($0)" }.joined(separator: " AND "))
        ) GROUP BY 1, \(series.map { "r.\($0)" }.joined(separator: ", "))
      )
      """
  }

  private static let isGap = """
    coalesce(size_bytes, 0) = 0 AND coalesce(transactions_committed, 0) = 0 AND coalesce(transactions_rolledback, 0) = 0
    """

  /// Reference queries by the columns that they give. Buckets in which all of a query's columns are null are left out.
  private static func references(_ width: String) -> [(columns: [String], sql: String)] {
    let bucket = HostReadBench.bucket(width)
    return [
      (
        ["connections", "active", "idle_in_transaction"],
        """
        WITH once AS (
          SELECT time, session_database, state, max(count)::numeric AS count FROM named.pg_connections_by_state
          WHERE \(inRange) GROUP BY 1, 2, 3
        ), lists AS (
          SELECT time, sum(count) AS connections, coalesce(sum(CASE state WHEN 'active' THEN count END), 0) AS active,
            coalesce(sum(CASE WHEN state LIKE 'idle in transaction%' THEN count END), 0) AS idle FROM once GROUP BY 1
        )
        SELECT \(bucket) AS time, avg(connections)::float8 AS connections, avg(active)::float8 AS active,
          avg(idle)::float8 AS idle_in_transaction FROM lists GROUP BY 1
        """
      ),
      (
        ["transactions_per_second", "rollbacks_per_second"],
        """
        WITH \(increases("pg_stats", width, ["database"], ["transactions_committed", "transactions_rolledback"], "NOT (\(isGap))"))
        SELECT bucket AS time, sum((transactions_committed + transactions_rolledback) / seconds)::float8 AS transactions_per_second,
          sum(transactions_rolledback / seconds)::float8 AS rollbacks_per_second FROM increases GROUP BY 1
        """
      ),
      (
        ["database_bytes"],
        """
        WITH last AS (
          SELECT DISTINCT ON (database, \(bucket)) \(bucket) AS time, size_bytes FROM named.pg_stats
          WHERE \(inRange) AND NOT (\(isGap)) ORDER BY database, \(bucket), named.pg_stats.time DESC
        ) SELECT time, sum(size_bytes) AS database_bytes FROM last GROUP BY 1
        """
      ),
      (
        ["replication_lag_seconds"],
        """
        SELECT \(bucket) AS time, max(replay_lag_ms) / 1000::float8 AS replication_lag_seconds
        FROM named.pg_replication_status WHERE \(inRange) GROUP BY 1 HAVING max(replay_lag_ms) IS NOT NULL
        """
      ),
      (
        ["oldest_transaction_seconds"],
        """
        SELECT \(bucket) AS time, max(seconds) AS oldest_transaction_seconds FROM (
          SELECT time, duration_seconds AS seconds FROM named.pg_long_running_transactions WHERE \(inRange)
          UNION ALL SELECT time, idle_time_seconds FROM named.pg_idle_transactions WHERE \(inRange)
        ) every GROUP BY 1
        """
      ),
      (
        ["disk_used_percent"],
        "SELECT \(bucket) AS time, max(percent_used) AS disk_used_percent FROM named.disk_usage WHERE \(inRange) GROUP BY 1"
      ),
      (
        ["xid_age"],
        "SELECT \(bucket) AS time, max(oldest_table_age) AS xid_age FROM named.pg_replication_wraparound WHERE \(inRange) GROUP BY 1"
      ),
      (
        ["load_1m", "cpu_user", "memory_used_percent"],
        """
        SELECT \(bucket) AS time, avg(cpu_load_1m) AS load_1m, avg(cpu_user) AS cpu_user,
          (100 * sum(memory_used_mb) / sum(memory_total_mb))::float8 AS memory_used_percent
        FROM named.sysstat WHERE \(inRange) AND memory_total_mb > 0 GROUP BY 1
        """
      ),
    ]
  }

  /// Of the listed tables, or where a bucket has no increase of theirs, of the statements.
  private static func hits(_ width: String) -> String {
    let tables = increases(
      "pg_cache_tables", width, ["database", "object_id"],
      ["heap_blks_hit", "heap_blks_read", "idx_blks_hit", "idx_blks_read"])
    let statements = increases("pg_query_stats", width, ["database", "hash"], ["shared_blks_hit", "shared_blks_read"])
    return """
      WITH \(tables), t AS (
        SELECT bucket, 100 * sum(heap_blks_hit + idx_blks_hit) / nullif(sum(heap_blks_hit + idx_blks_hit + heap_blks_read + idx_blks_read), 0) AS hit
        FROM increases GROUP BY 1
      ), s AS (
        WITH \(statements) SELECT bucket, 100 * sum(shared_blks_hit) / nullif(sum(shared_blks_hit + shared_blks_read), 0) AS hit
        FROM increases GROUP BY 1
      )
      SELECT bucket AS time, coalesce(t.hit, s.hit)::float8 AS cache_hit FROM t FULL JOIN s USING (bucket)
      WHERE coalesce(t.hit, s.hit) IS NOT NULL
      """
  }

  /// The databases of the whole range.
  private static let databases: String = {
    let counters = ["transactions_committed", "transactions_rolledback"]
    return """
      WITH \(increases("pg_stats", "36525 days", ["database"], counters, "NOT (\(isGap))"))
      SELECT d.database, (SELECT size_bytes FROM rows l WHERE l.database = d.database ORDER BY time DESC LIMIT 1) AS size_bytes,
        ((transactions_committed + transactions_rolledback) / seconds)::float8 AS transactions_per_second,
        (100 * transactions_rolledback / nullif(transactions_committed + transactions_rolledback, 0))::float8 AS rollback_percent,
        (SELECT max(time) FROM rows l WHERE l.database = d.database) AS last_seen
      FROM (SELECT DISTINCT database FROM rows) d LEFT JOIN increases USING (database)
      """
  }()

  @Test(arguments: TestCluster.storageKinds)
  func `every figure equals the stored rows, over gaps, resets, renames and late rows, from rows and from roll-ups`(
    _ kind: StorageKind
  )
    async throws
  {
    let bench = try await HostReadBench(kind)
    let seed = UInt64.random(in: 0 ... .max)
    var samples = HostSamples(seed: seed, from: bench.start)
    try await bench.push(samples.metrics(0..<240))
    try await bench.push(samples.metrics(0..<60), ofOther: true)
    for round in ["raw", "rolled up", "late", "late rolled up"] {
      for (width, from, to) in [
        ("5m", Int64(0), Int64(14_400)), ("1h", 600, 14_000), ("1h", 0, 14_400), ("1m", 0, 7200),
      ] {
        let answer = try await bench.ask("overview", "&bucket=\(width)&limit=10000", from, to)
        let interval = width.replacing("m", with: " min").replacing("h", with: " hour")
        let rows = answer["data"]?.elements ?? []
        for (columns, sql) in Self.references(interval) + [(["cache_hit"], Self.hits(interval))] {
          let some = rows.filter { row in columns.contains { row[$0] != .null } }
          try await bench.compare(some, sql, "seed \(seed), \(round), \(width): \(columns)", from, to)
        }
        try await bench.compare(
          answer["databases"]?.elements, Self.databases, "seed \(seed), \(round), \(width): databases", from, to)
        if round.hasSuffix("rolled up"), width == "1h" { #expect(answer["source"]?.text == "1h") }
      }
      switch round {
      case "raw", "late": #expect(try await bench.rollUp())
      case "rolled up": try await bench.push(samples.metrics(30..<130, isLate: true))
      default: #expect(try await bench.rollUp() == false)
      }
    }
    await bench.server.stop()
  }

  @Test func `the facts are those of the server, its collector, databases, extensions and file systems`() async throws {
    let bench = try await HostReadBench(.plain)
    let (early, late) = (bench.time(60), bench.time(3540))
    func stats(_ time: String, _ name: String, _ bytes: Int64, _ commits: Int64) -> String {
      #"{"type":"pg_stats","database":"\#(name)","timestamp":"\#(time)","tables":[],"indexes":[],"size_bytes":\#(bytes),"transactions_committed":\#(commits),"transactions_rolledback":\#(commits / 4)}"#
    }
    try await bench.push([
      stats(early, "app", 1000, 4), stats(late, "app", 5000, 3484), stats(early, "old", 70, 0),
      TestCollector.disk("/dev/a", used: 3, time: early), TestCollector.disk("/dev/b", used: 4, time: late),
      #"{"type":"pg_extensions","timestamp":"\#(late)","databases":{"app":{"extensions":[{"name":"plpgsql","version":"1.0","owner":"o","schema":"s"}]}}}"#,
      #"{"type":"pg_replication","timestamp":"\#(late)","wraparound_risk":[{"database":"app","oldest_table_age":77}]}"#,
    ])
    for (subject, severity, end) in [
      ("a", "warning", "NULL, NULL"), ("b", "critical", "NULL, NULL"), ("c", "critical", "now(), 'gone'"),
    ] {
      try await bench.server.database.script(
        """
        INSERT INTO pganalytics.findings (check_name, server_id, subject, severity, message, opened_at, last_seen_at, ended_at, end_reason)
        VALUES ('test', \(bench.reader.collector.serverID), '\(subject)', '\(severity)', 'm', now(), now(), \(end))
        """)
    }
    let answer = try await bench.ask("overview", "", 0, 3600)
    let findings = (answer["findings"]?.elements ?? []).filter { $0["check"]?.text == "test" }
    #expect(findings.map { $0["subject"]?.text } == ["b", "a"], "\(answer)")
    let server = try #require(answer["server"]?.elements.first, "\(answer)")
    #expect(answer["server"]?.elements.count == 1)
    #expect(server["collector_id"]?.text == bench.reader.collector.id.description)
    #expect(server["certificate_expires_at"]?.text != nil && server["created_at"]?.text != nil)
    #expect(server["labels"] != .null && server["rejects"]?.number == 0)
    let databases = answer["databases"]?.elements ?? []
    #expect(databases.map { $0["database"]?.text } == ["app", "old"])
    #expect(databases.map { $0["size_bytes"]?.integer } == [5000, 70])
    #expect(databases[0]["transactions_per_second"]?.number == 1.25)
    #expect(databases[0]["rollback_percent"]?.number == 20)
    #expect(databases.map { $0["xid_age"]?.integer } == [77, nil])
    #expect(answer["extensions"]?.elements.map { $0["extension"]?.text } == ["plpgsql"])
    #expect(answer["file_systems"]?.elements.map { $0["device"]?.text } == ["/dev/b"])
    await bench.server.stop()
  }
}
