// Where a series of roll-ups has no break. Reads of the fleet take the increase of an unbroken run of roll-ups as its last
// value less its first one, and need no order for that.
//
// A roll-up of five minutes is compared with the last roll-up of its series before it, which must be of the latest bucket
// in which the server has any. So a roll-up depends on one bucket before it. A transaction that computes some buckets anew
// also computes the bucket after them (`following`), and marks its hour as pending. A roll-up of an hour is unbroken if
// all roll-ups of five minutes are from which it is computed.

import Protocol

/// The condition that a series has no break from one row to the next one, as SQL.
///
/// There is none if no counter fell, no counter is NULL in one row only, and both rows consist of the same number of
/// parts.
struct UnbrokenStep {
  let table: MetricTable

  /// - Parameters: the value of a counter, or of the number of parts, in the later and in the earlier row.
  func condition(_ value: (MetricColumn) -> String, after before: (MetricColumn) -> String) -> String {
    let rises = table.counters.map { column in
      let (value, before) = (value(column), before(column))
      return "coalesce(\(value) >= \(before), \(value) IS NULL AND \(before) IS NULL)"
    }
    let isSame = table.addedUpCount.map { "coalesce(\(value($0)), 1) = coalesce(\(before($0)), 1)" }
    return (rises + (isSame.map { [$0] } ?? [])).joined(separator: "\n    AND ")
  }
}

extension RollupTable {
  /// The column of the common table `rolled`: whether there is no break within the bucket.
  private static let isWithin = "is_within"

  /// How far apart two roll-ups of five minutes may be that are compared.
  private static let reach = "interval '1 day'"

  /// The first bucket at or after a time in which a server has roll-ups; no row if there is none in reach. Parameters:
  /// servers; times.
  var following: Statement<[Int32], [Timestamp], RollupFollower> {
    Statement(
      "rollup_following_\(name)",
      """
      SELECT w.server_id, f.time FROM unnest($1::int4[], $2::timestamptz[]) AS w(server_id, time)
      CROSS JOIN LATERAL (
        SELECT min(t.time) AS time FROM \(qualifiedName) t
        WHERE t.server_id = w.server_id AND t.time >= w.time AND t.time < w.time + \(Self.reach)
      ) f WHERE f.time IS NOT NULL
      """)
  }

  /// Whether a row of metrics `t` of the window `bucket` has no break after the row before it, over all rows of a bucket.
  var isUnbrokenWithin: String {
    func name(_ column: MetricColumn, _ suffix: String) -> String { "t.\(quotedIdentifier(column.name + suffix))" }
    let step = UnbrokenStep(table: source).condition({ name($0, "") }, after: { name($0, ".before") })
    return "coalesce(bool_and(\(step)) FILTER (WHERE NOT t.is_first), true) AS \(Self.isWithin)"
  }

  /// The statement that inserts roll-ups of five minutes with `unbroken`, and the common tables that it needs.
  /// - Parameters:
  ///   - rolled: a query that gives the `filledColumns` and `isUnbrokenWithin` of each new roll-up.
  ///   - relation: the time spans that are computed anew, as `RollupWork.sql` has them. They have no roll-ups yet.
  func insertion(ofChained rolled: String, _ relation: String) -> (tables: String, insertion: String) {
    let filled = filledColumns.map(quotedIdentifier)
    func columns(_ alias: String) -> String { filled.map { "\(alias).\($0)" }.joined(separator: ", ") }
    func part(_ part: RollupPart, _ column: MetricColumn) -> String? { part.storedColumns(of: column).last?.name }
    func value(_ name: RollupPart, _ column: MetricColumn) -> String {
      "c.\(quotedIdentifier(part(name, column) ?? ""))"
    }
    func before(_ column: MetricColumn) -> String { quotedIdentifier(column.name + ".before") }
    let step = UnbrokenStep(table: source).condition({ value(.first, $0) }, after: { "c.\(before($0))" })
    // The difference of two values must be a double.
    let isOrdinary = source.counters.filter { $0.kind == .float8 }.map {
      " AND (\(FiniteSum.isOrdinary([value(.first, $0), value(.last, $0)]))) IS NOT FALSE"
    }.joined()
    let lags = source.steppedColumns.map { ", lag(\(value(.last, $0))) OVER series AS \(before($0))" }.joined()
    let identity = source.identityColumns.map { ", c.\(quotedIdentifier($0))" }.joined()
    let tables = """
      rolled AS MATERIALIZED (
      \(rolled)
      ), before AS MATERIALIZED (
        SELECT DISTINCT p.server_id, p.time FROM (
          SELECT w.server AS server_id, (
            SELECT max(t.time) FROM \(qualifiedName) t
            WHERE t.server_id = w.server AND t.time < w.start_time AND t.time >= w.start_time - \(Self.reach)
          ) AS time FROM \(relation)
        ) p WHERE p.time IS NOT NULL
      ), places AS MATERIALIZED (
        SELECT p.server_id, p.time, lag(p.time) OVER (PARTITION BY p.server_id ORDER BY p.time) AS before
        FROM (SELECT server_id, time FROM rolled UNION SELECT server_id, time FROM before) p
      )
      """
    // The values for the window functions are first in the list, as in `ReadScope.linked`.
    let insertion = """
      INSERT INTO \(qualifiedName) (\(filled.joined(separator: ", ")), \(Self.unbroken))
      SELECT \(columns("c")), coalesce(c.\(Self.isWithin) AND p.before = c.time_before
        AND p.before >= c.time - \(Self.reach)\(isOrdinary)
        AND \(step), false)
      FROM (
        SELECT lag(c.time) OVER series AS time_before\(lags), c.*
        FROM (
          SELECT \(columns("r")), r.\(Self.isWithin), true AS is_new FROM rolled r
          UNION ALL
          SELECT \(columns("t")), NULL, false FROM before b CROSS JOIN LATERAL (
            SELECT * FROM \(qualifiedName) t WHERE t.server_id = b.server_id AND t.time = b.time OFFSET 0
          ) t
        ) c WINDOW series AS (PARTITION BY c.server_id\(identity) ORDER BY c.time)
      ) c JOIN places p ON p.server_id = c.server_id AND p.time = c.time
      WHERE c.is_new
      """
    return (tables, insertion)
  }
}

/// The bucket that follows on a time span of a server.
struct RollupFollower: SQLRow {
  let server: Int32
  let start: Timestamp

  init(from row: inout RowReader) throws(DatabaseError) {
    server = try row.read("server_id")
    start = try row.read("time")
  }
}

extension RollupWork {
  /// The same times, each of them in one span only. A row in two spans would count twice.
  var merged: RollupWork {
    var merged = RollupWork()
    let order = servers.indices.sorted { (servers[$0], starts[$0]) < (servers[$1], starts[$1]) }
    for index in order {
      if let last = merged.servers.indices.last, merged.servers[last] == servers[index],
        starts[index] <= merged.ends[last]
      {
        merged.ends[last] = max(merged.ends[last], ends[index])
      } else {
        merged.append(servers[index], starts[index], ends[index])
      }
    }
    return merged
  }

  mutating func append(_ other: RollupWork) {
    servers += other.servers
    starts += other.starts
    ends += other.ends
  }
}
