// Random lists of statements, as collectors send them, and a reference query over the stored rows.

import Protocol
import Testing

@testable import App

/// Lists of statements of one server from a seed, one list for each database and minute.
struct StatementSamples {
  /// A statement of one database as pg_stat_statements counts it.
  private struct Counters {
    var hash: Int64
    var text: String
    var calls: Int64 = 0
    var rows: Int64 = 0
    var time = 0.0
    var wal: Int64 = 0
  }

  var random: RollupTests.SplitMix
  /// Makes hashes differ between servers, as queryids do.
  let server: Int64
  private var statements: [String: [Counters]] = [:]

  init(seed: UInt64, server: Int64) {
    random = RollupTests.SplitMix(state: seed &+ UInt64(server))
    self.server = server
  }

  /// The lists of some minutes.
  /// - Parameter fillers: further statements, so many that a list is sometimes cut at 100.
  mutating func metrics(_ minutes: Range<Int64>, from start: Int64, database: String, fillers: Bool) -> [String] {
    var own =
      statements[database]
      ?? (0..<Int64(6)).map { index in
        // Databases share some hashes, and no counters.
        let shared: Int64 = index + 1000 * server
        let hash: Int64 = index < 3 ? shared : shared + Int64(database.utf8.count) * 100
        return Counters(
          hash: hash, text: "select \(index)", calls: random.next(1 << 30), time: Double(random.next(1 << 40)) / 7)
      }
    var metrics: [String] = []
    for minute in minutes {
      var rows: [String] = []
      for index in own.indices { advance(&own[index], minute) }
      // An empty list is a gap, and so is a missing one.
      if random.next(12) > 0 {
        for (index, statement) in own.enumerated() where random.next(9) > 0 || index == 0 {
          // The last one appears late.
          if index == 5, minute < 20 { continue }
          let parts = random.next(10) == 0 ? 2 : 1
          for _ in 0..<parts { rows.append(row(statement, isLarge: index == 4)) }
        }
        if fillers {
          let count = Int(random.next(8)) + 88
          for index in 0..<count where rows.count < 100 {
            let filler = Int64(index) + (random.next(20) == 0 ? 200 : 0)
            rows.append(
              #"{"hash":\#(filler + 50_000),"text":"filler \#(filler)","calls":\#(minute * (filler % 5)),"total_time":\#(minute)}"#
            )
          }
        }
      }
      if random.next(10) == 0 { continue }
      metrics.append(
        #"{"type":"pg_query_stats","database":"\#(database)","timestamp":"\#(Timestamp(unixSeconds: start + minute * 60 + random.next(50)).rfc3339)","queries":[\#(rows.joined(separator: ","))]}"#
      )
    }
    statements[database] = own
    return metrics
  }

  private mutating func advance(_ statement: inout Counters, _ minute: Int64) {
    if random.next(25) == 0 { (statement.calls, statement.rows, statement.time, statement.wal) = (0, 0, 0, 0) }
    // Another text of the same hash, as after an eviction.
    if minute == 70, random.next(2) == 0 { statement.text += " -- renamed" }
    statement.calls += random.next(1000)
    statement.rows += random.next(50)
    statement.time += Double(random.next(100_000)) / 7
    statement.wal += random.next(1 << 40)
  }

  private mutating func row(_ statement: Counters, isLarge: Bool) -> String {
    let calls = isLarge ? Int64.max - random.next(1000) * (Int64.max / 1000) : statement.calls
    let wal = random.next(5) == 0 ? "\(UInt64.max - UInt64(random.next(1 << 40)))" : "\(statement.wal)"
    let time = isLarge ? "\(Double(random.next(1000)) * 1e305)" : "\(statement.time)"
    let rows = random.next(20) == 0 ? "null" : "\(statement.rows)"
    return
      #"{"hash":\#(statement.hash),"text":"\#(statement.text)","calls":\#(calls),"rows":\#(rows),"total_time":\#(time),"#
      + #""max_time":\#(Double(random.next(1000)) / 3),"shared_blks_hit":\#(statement.rows * 3),"wal_bytes":\#(wal)}"#
  }
}

/// What the reads of statements must give, computed from stored rows only.
enum StatementReference {
  static let columns = ["calls", "rows", "total_time", "shared_blks_hit", "wal_bytes"]

  /// The order of the rows of a series. Rows of one time are ordered by their numbers, in the order of the columns.
  private static let order = "time, calls, rows, total_time, max_time, shared_blks_hit, wal_bytes, statements"

  /// The increases by the columns `groups` of (server_id, database, text, bucket). Every series is its own counter.
  /// - Parameter bucket: the width in seconds.
  static func sql(_ start: Int64, _ end: Int64, groups: [String], bucket: Int64 = 3600) -> String {
    let before = columns.map { "lag(\($0)::text::numeric) OVER s AS \($0)_0" }.joined(separator: ", ")
    let steps = columns.map { name in
      """
      CASE WHEN n = 1 THEN CASE WHEN is_new THEN \(name)::text::numeric END WHEN parts <> parts_0 THEN NULL
        WHEN \(name)::text::numeric < \(name)_0 THEN \(name)::text::numeric ELSE \(name)::text::numeric - \(name)_0 END AS \(name)_step
      """
    }.joined(separator: ",\n  ")
    let sums = columns.map { name in
      name == "total_time"
        ? "CASE WHEN sum(\(name)_step) < 1.79e308 THEN sum(\(name)_step)::float8 END AS total_time"
        : "sum(\(name)_step) AS \(name)"
    }
    let keys = groups.joined(separator: ", ")
    return """
      WITH raw AS MATERIALIZED (
        SELECT *, coalesce(statements, 1) AS parts, lag(coalesce(statements, 1)) OVER s AS parts_0, \(before),
          row_number() OVER s AS n, last_value(text) OVER (s ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS name
        FROM named.pg_query_stats
        WHERE time >= to_timestamp(\(start)) AND time < to_timestamp(\(end))
        WINDOW s AS (PARTITION BY server_id, database, hash ORDER BY \(order))
      ), lists AS MATERIALIZED (
        SELECT server_id, database, time, sum(parts) < 100 AS is_complete FROM raw GROUP BY 1, 2, 3
      ), judged AS (
        SELECT r.*, n = 1 AND (
          SELECT l.is_complete FROM lists l WHERE l.server_id = r.server_id AND l.database = r.database AND l.time < r.time
          ORDER BY l.time DESC LIMIT 1) IS TRUE AS is_new
        FROM raw r
      ), steps AS (
        SELECT server_id, database, name AS text, date_bin('\(bucket) s', time, '2000-01-01Z') AS bucket, time, calls AS c,
          max_time AS m, is_new, \(steps)
        FROM judged
      )
      SELECT \(keys), \(sums.joined(separator: ", ")), max(m) AS max_time, count(c) AS samples FROM steps GROUP BY \(keys)
      """
  }
}
