import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// Roll-ups of statements tell exactly where a series has a break, and reads that use this equal the reference.
@Suite struct StatementRunTests {
  /// Lists of one server and database, whose counters follow from the minute. So lists that come late fit between others.
  struct Lists {
    private struct Statement {
      let hash: Int64
      let rate: Int64
      let resets: [Int64]
      /// Numbers of stretches of five minutes without the statement.
      let absent: Set<Int64>
      /// Minutes in which the collector sends no rows, and minutes in which it sends two parts.
      let unknown, divided: Range<Int64>
      let isLarge: Bool
    }

    let database: String
    private let statements: [Statement]
    /// Numbers of stretches of five minutes without a list.
    private let absent: Set<Int64>

    init(_ random: inout RollupTests.SplitMix, database: String, minutes: Int64, first: Int64) {
      func stretches(_ count: Int64) -> Set<Int64> {
        Set((0..<count).map { _ in random.next(UInt64(minutes / 5)) })
      }
      func range(_ length: Int64) -> Range<Int64> {
        let start = random.next(UInt64(minutes * 2))
        return start..<start + length
      }
      self.database = database
      absent = stretches(3)
      statements = (0..<8).map { index in
        Statement(
          hash: first + index, rate: random.next(50), resets: index < 3 ? [] : [random.next(UInt64(minutes))].sorted(),
          absent: index < 2 ? [] : stretches(2), unknown: range(20), divided: range(20), isLarge: index == 7)
      }
    }

    /// - Parameters: `lowered`: how much less than usual the counters are; `start`: the time of minute 0.
    func metrics(_ minutes: Range<Int64>, lowered: Int64, from start: Int64) -> [String] {
      minutes.filter { !absent.contains($0 / 5) }.map { minute in
        let rows = statements.filter { !$0.absent.contains(minute / 5) }.flatMap { statement in
          let reset = statement.resets.last { $0 <= minute } ?? -1000
          let calls = max(statement.rate * (minute - reset) - lowered, 0)
          let time = statement.isLarge ? "\(Double(calls + 1) * 1e303)" : "\(Double(calls) / 4)"
          let rows = statement.unknown.contains(minute) ? "null" : "\(calls * 2)"
          let wal = statement.isLarge ? "1844674407370955\(1000 + calls)" : "\(calls)"
          let row = """
            {"hash":\(statement.hash),"text":"select \(statement.hash)","calls":\(calls),"rows":\(rows),"total_time":\(time),\
            "max_time":\(Double(calls % 7)),"shared_blks_hit":\(calls * 3),"wal_bytes":\(wal)}
            """
          return statement.divided.contains(minute) ? [row, row] : [row]
        }
        let time = Timestamp(unixSeconds: start + minute * 60).rfc3339
        return
          #"{"type":"pg_query_stats","database":"\#(database)","timestamp":"\#(time)","queries":[\#(rows.joined(separator: ","))]}"#
      }
    }
  }

  private static let minutes: Int64 = 360

  /// Whether each roll-up is unbroken, computed from stored rows.
  private static let reference = """
    WITH stored AS (
      SELECT *, date_bin('5 min', time, '2000-01-01Z') AS bucket, coalesce(statements, 1) AS parts FROM named.pg_query_stats
    ), lists AS (
      SELECT server_id, bucket, lag(bucket) OVER (PARTITION BY server_id ORDER BY bucket) AS earlier
      FROM (SELECT DISTINCT server_id, bucket FROM stored) s
    ), steps AS (
      SELECT server_id, database, hash, bucket, total_time,
        CASE WHEN lag(bucket) OVER s IS NULL THEN false
          WHEN lag(bucket) OVER s = bucket OR lag(bucket) OVER s = earlier AND bucket <= earlier + interval '1 day' THEN
            parts = lag(parts) OVER s AND \(
              StatementReference.columns.map {
                """
                (\($0) IS NULL) = (lag(\($0)) OVER s IS NULL) AND NOT coalesce(\($0) < lag(\($0)) OVER s, false)
                """
              }.joined(separator: " AND "))
          ELSE false END AS is_unbroken
      FROM stored JOIN lists USING (server_id, bucket)
      WINDOW s AS (PARTITION BY server_id, database, hash
        ORDER BY time, calls, rows, total_time, max_time, shared_blks_hit, wal_bytes, statements)
    ), fine AS MATERIALIZED (
      SELECT server_id, database, hash, bucket AS time, bool_and(is_unbroken AND abs(total_time) <= 1e290) AS wanted
      FROM steps GROUP BY 1, 2, 3, 4
    ), coarse AS (
      SELECT server_id, database, hash, date_bin('1 hour', time, '2000-01-01Z') AS time, bool_and(wanted) AS wanted
      FROM fine GROUP BY 1, 2, 3, 4
    ), lacking AS (
      SELECT server_id, min(time) FILTER (WHERE step_seconds = 300) AS fine, min(time) AS coarse FROM (
        SELECT server_id, step_seconds, first_time AS time FROM pganalytics.rollup_pending
        UNION ALL SELECT server_id, step_seconds, start_time FROM pganalytics.rollup_units
      ) l GROUP BY 1
    ), compared AS (
      SELECT '5m' AS step, w.*, r.unbroken FROM fine w
      LEFT JOIN rollups.pg_query_stats_5m r ON r.server_id = w.server_id AND r.hash = w.hash AND r.time = w.time
      LEFT JOIN lacking l ON l.server_id = w.server_id
      WHERE l.fine IS NULL OR w.time < date_bin('5 min', l.fine, '2000-01-01Z')
      UNION ALL
      SELECT '1h', w.*, r.unbroken FROM coarse w
      LEFT JOIN rollups.pg_query_stats_1h r ON r.server_id = w.server_id AND r.hash = w.hash AND r.time = w.time
      LEFT JOIN lacking l ON l.server_id = w.server_id
      WHERE l.coarse IS NULL OR w.time < date_bin('1 hour', l.coarse, '2000-01-01Z')
    )
    """

  @Test(arguments: TestCluster.storageKinds)
  func `breaks are known exactly, and reads equal the reference, in whatever order lists come and roll-ups are made`(
    _ kind: StorageKind
  ) async throws {
    let fleet = try await StatementReadTests.Fleet(kind)
    let seed = UInt64.random(in: 0 ... .max)
    var random = RollupTests.SplitMix(state: seed)
    var sources: [(collector: TestCollector, lists: Lists)] = []
    for server in Int64(1)...2 {
      let collector = try await fleet.server.enrol()
      for (place, database) in ["app", "web2"].enumerated() {
        let first = server * 1000 + Int64(place) * 100
        sources.append((collector, Lists(&random, database: database, minutes: Self.minutes, first: first)))
      }
    }
    var (known, broken, used): (Int64, Int64, Set<String>) = (0, 0, [])
    func check(_ note: String) async throws {
      let note = "\(note), seed \(seed)"
      let wrong = try await fleet.rows(
        "\(Self.reference) SELECT * FROM compared WHERE unbroken IS DISTINCT FROM wanted")
      #expect(wrong.isEmpty, "\(note): \(wrong.count), \(wrong.first?.values ?? [:])")
      known += try await fleet.server.integer("\(Self.reference) SELECT count(*) FROM compared WHERE unbroken")
      broken += try await fleet.server.integer("\(Self.reference) SELECT count(*) FROM compared WHERE NOT unbroken")
      for range: Range<Int64> in [0..<Self.minutes * 60, 1234..<9000, 4000..<6900, 3600..<18_000] {
        let answer = try await fleet.read("/api/v1/queries", range, "&page_size=100")
        let (start, end) = (fleet.start + range.lowerBound, fleet.start + range.upperBound)
        StatementReadTests.compare(
          answer["data"]?.elements ?? [], try await fleet.rows(StatementReference.sql(start, end, groups: ["text"])),
          by: ["text"], StatementReadTests.compared, "\(note), \(range)")
        used.insert(answer["source"]?.text ?? "")
      }
    }
    for step in 0..<24 {
      if step == 8 {
        // A bucket of one server cannot be made for a while.
        try await fleet.server.database.script(
          """
          ALTER TABLE rollups.pg_query_stats_5m ADD CONSTRAINT refused CHECK
            (server_id <> \(sources[0].collector.serverID) OR time <> to_timestamp(\(fleet.start + 7200))) NOT VALID
          """)
      } else if step == 16 {
        try await fleet.server.database.script(
          """
          ALTER TABLE rollups.pg_query_stats_5m DROP CONSTRAINT refused;
          UPDATE pganalytics.rollup_units SET next_try = now()
          """)
      }
      if step % 3 < 2 {
        let first = random.next(UInt64(Self.minutes))
        let range = first..<min(first + 5 + random.next(120), Self.minutes)
        let lowered = random.next(4) == 0 ? random.next(2000) : 0
        let seconds = random.next(60)
        for source in sources where random.next(5) > 0 {
          try await fleet.push(
            source.lists.metrics(range, lowered: lowered, from: fleet.start + seconds), from: source.collector)
        }
      } else {
        try await fleet.rollUp(to: 60 + random.next(UInt64(Self.minutes)))
        try await check("step \(step)")
      }
    }
    try await fleet.rollUp(to: 1440)
    try await check("at the end")
    #expect(try await fleet.server.integer("SELECT count(*) FROM pganalytics.rollup_units") == 0)
    #expect(known > 1000 && broken > 100, "\(known) unbroken roll-ups, and \(broken) others")
    #expect(used.isSuperset(of: ["5m", "1h"]), "\(used)")
    await fleet.server.stop()
  }

  /// Roll-ups outlive rows. A late list after the end of the rows' retention is compared with the roll-ups before it.
  @Test(arguments: TestCluster.storageKinds)
  func `a bucket made anew goes on from roll-ups whose rows are dropped, and those from before the column are broken`(
    _ kind: StorageKind
  ) async throws {
    let fleet = try await StatementReadTests.Fleet(kind)
    let collector = try await fleet.server.enrol()
    func push(_ minutes: Range<Int64>, after seconds: Int64 = 0) async throws {
      let metrics = minutes.map { minute in
        let row = #"{"hash":1,"text":"select 1","calls":\#(minute * 10),"total_time":\#(minute)}"#
        return
          #"{"type":"pg_query_stats","database":"app","timestamp":"\#(fleet.time(minute, seconds))","queries":[\#(row)]}"#
      }
      try await fleet.push(metrics, from: collector)
    }
    func unbroken(_ minute: Int64) async throws -> Int64 {
      try await fleet.server.integer(
        "SELECT count(*) FROM rollups.pg_query_stats_5m WHERE unbroken AND time = '\(fleet.time(minute))'")
    }
    func calls() async throws -> Double? {
      try await fleet.read("/api/v1/queries", 0..<7200)["data"]?.elements.first?["calls"]?.number
    }
    try await push(0..<60)
    try await fleet.rollUp(to: 180)
    #expect(try await calls() == 590)
    try await fleet.server.database.script("DELETE FROM metrics.pg_query_stats WHERE time < '\(fleet.time(30))'")
    try await push(30..<31, after: 30)
    try await fleet.rollUp(to: 180)
    #expect(try await unbroken(30) == 1)
    #expect(try await calls() == 590)
    // Without the earlier roll-up the bucket begins the series.
    try await fleet.server.database.script(
      "DELETE FROM rollups.pg_query_stats_5m WHERE time < '\(fleet.time(30))'")
    try await push(30..<31, after: 40)
    try await fleet.rollUp(to: 180)
    #expect(try await unbroken(30) == 0)
    // Roll-ups from before the column give the same answer.
    try await fleet.server.database.script(
      "UPDATE rollups.pg_query_stats_5m SET unbroken = NULL; UPDATE rollups.pg_query_stats_1h SET unbroken = NULL")
    #expect(try await calls() == 290)
    await fleet.server.stop()
  }
}
