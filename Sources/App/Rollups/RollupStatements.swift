// The statements that roll up: what is due, and for each table what takes away and what puts in its place. Idempotent: a
// stretch of time is always made anew from all of its rows.

import Protocol

/// Stretches of time of servers that are made anew, as parallel arrays: each ends before `ends`.
struct RollupWork: Sendable {
  var servers: [Int32] = []
  var starts: [Timestamp] = []
  var ends: [Timestamp] = []

  var start: Timestamp? { starts.min() }
  var end: Timestamp? { ends.max() }

  /// What is left of it from `oldest` on.
  func from(_ oldest: Timestamp) -> RollupWork {
    var rest = RollupWork()
    for (index, end) in ends.enumerated() where oldest < end {
      rest.servers.append(servers[index])
      rest.starts.append(max(starts[index], oldest))
      rest.ends.append(end)
    }
    return rest
  }
}

enum RollupStatements {
  struct Due: SQLRow {
    let server: Int32
    let first: Timestamp
    let last: Timestamp

    static let columns = [
      SQLColumn("server_id", Int32.self), SQLColumn("first_time", Timestamp?.self),
      SQLColumn("last_time", Timestamp?.self),
    ]
    init(from row: inout RowReader) throws(DatabaseError) {
      server = try row.next()
      first = try row.next()
      last = try row.next()
    }
  }

  /// The earliest time that is due. $1: step in seconds; $2: before.
  static let earliest = Statement<Int32, Timestamp, SingleValue<Timestamp?>>(
    "rollup_earliest",
    "SELECT min(first_time) FROM pganalytics.rollup_pending WHERE step_seconds = $1 AND first_time < $2")

  /// Takes what is due of some servers. What lies at or after the end stays. $1: step in seconds; $2: end; $3: servers.
  static let take = Statement<Int32, Timestamp, Int64, Due>(
    "rollup_take",
    """
    WITH chosen AS (
      SELECT DISTINCT server_id FROM pganalytics.rollup_pending
      WHERE step_seconds = $1 AND first_time < $2 ORDER BY server_id LIMIT $3
    ), taken AS (
      DELETE FROM pganalytics.rollup_pending p USING chosen
      WHERE p.step_seconds = $1 AND p.first_time < $2 AND p.server_id = chosen.server_id
      RETURNING p.server_id, p.first_time, p.last_time
    ), rest AS (
      INSERT INTO pganalytics.rollup_pending (step_seconds, server_id, first_time, last_time)
      SELECT $1, server_id, $2, max(last_time) FROM taken WHERE last_time >= $2 GROUP BY server_id
    )
    SELECT server_id, min(first_time) AS first_time, max(last_time) AS last_time FROM taken GROUP BY server_id
    """)

  /// $1: step in seconds; $2 to $4: stretches, the ends excluded.
  static let add = Statement<Int32, [Int32], [Timestamp], [Timestamp], NoRow>(
    "rollup_add",
    """
    INSERT INTO pganalytics.rollup_pending (step_seconds, server_id, first_time, last_time)
    SELECT $1, server_id, first_time, end_time - INTERVAL '1 microsecond'
    FROM unnest($2::int4[], $3::timestamptz[], $4::timestamptz[]) AS w(server_id, first_time, end_time)
    """)

  /// From when on roll-ups of a width, and of those it is made of, lack rows of a server. $1: server; $2: step in seconds.
  static let lacking = Statement<Int32, Int32, SingleValue<Timestamp?>>(
    "rollup_lacking",
    "SELECT min(first_time) FROM pganalytics.rollup_pending WHERE server_id = $1 AND step_seconds <= $2")

  /// The clock that decides what is closed.
  static let now = Statement<SingleValue<Timestamp>>("rollup_now", "SELECT now() AS now")

  static let all =
    [earliest.description, take.description, add.description, lacking.description, now.description]
    + RollupTable.all.flatMap { [$0.removal.description, $0.making.description] }
}

extension RollupTable {
  /// Servers, starts, ends; the first start and the last end, by which partitions are left out.
  typealias Work = Statement<[Int32], [Timestamp], [Timestamp], Timestamp, Timestamp, NoRow>

  private static let work = """
    unnest($1::int4[], $2::timestamptz[], $3::timestamptz[]) AS w(server, start_time, end_time)
    """
  private static let condition =
    "t.server_id = w.server AND t.time >= w.start_time AND t.time < w.end_time AND t.time >= $4 AND t.time < $5"

  var removal: Work {
    Work("rollup_remove_\(name)", "DELETE FROM \(qualifiedName) t USING \(Self.work) WHERE \(Self.condition)")
  }

  var making: Work { Work("rollup_make_\(name)", step == .fiveMinutes ? fromRows : fromFiner) }

  private var identity: [String] { source.identityColumns.map { "t.\(quotedIdentifier($0))" } }
  private var bucket: String { "date_bin(INTERVAL '\(step.seconds) s', t.time, timestamptz '2000-01-01 00:00:00+00')" }

  private func insertion(_ values: [String], from rows: String) -> String {
    let keys = ["t.bucket", "t.server_id"] + identity
    return """
      INSERT INTO \(qualifiedName) (\(filledColumns.map(quotedIdentifier).joined(separator: ", ")))
      SELECT \((keys + values).joined(separator: ", "))
      FROM (
      \(rows)
      ) t
      GROUP BY \(keys.joined(separator: ", "))
      """
  }

  private func series(_ ties: [String]) -> String {
    """
    WINDOW bucket AS (PARTITION BY t.server_id\(identity.map { ", \($0)" }.joined()), \(bucket)
      ORDER BY t.time\(ties.map { ", \($0)" }.joined()))
    """
  }

  private static let ends = "row_number() OVER bucket = 1 AS is_first, lead(t.time) OVER bucket IS NULL AS is_last"

  private var fromRows: String {
    let rolled = source.rolledColumns
    func quoted(_ name: String) -> String { quotedIdentifier(name) }
    let before = source.steppedColumns.map {
      "lag(t.\(quoted($0.name))) OVER bucket AS \(quoted($0.name + ".before"))"
    }
    let rows = """
      SELECT t.*, \(bucket) AS bucket, lag(t.time) OVER bucket AS time_before, \(([Self.ends] + before).joined(separator: ", "))
      FROM \(Self.work) JOIN \(source.readable) t ON \(Self.condition)
      \(series(rolled.map { "t.\(quoted($0.name))" }))
      """
    let values = rolled.flatMap { column in
      RollupPart.all(of: column).map { part -> String in
        let value = "t.\(quoted(column.name))"
        return switch part {
        case .count: "count(\(value))::int4"
        case .sum: "sum(\(value))"
        case .min: "min(\(value))"
        case .max: "max(\(value))"
        case .first: "max(\(value)) FILTER (WHERE t.is_first)"
        case .last: "max(\(value)) FILTER (WHERE t.is_last)"
        case .increase: "sum(\(CounterStep(column, of: source).increase))"
        case .elapsed: "sum(\(CounterStep.elapsed)) FILTER (WHERE \(CounterStep(column, of: source).isKnown))"
        }
      }
    }
    return insertion(["min(t.time)", "max(t.time)"] + values, from: rows)
  }

  private var fromFiner: String {
    let before = source.steppedColumns.map { column in
      "lag(t.\(quotedIdentifier(RollupPart.last.name(of: column)))) OVER bucket AS \(quotedIdentifier(column.name + ".before"))"
    }
    let rows = """
      SELECT t.*, \(bucket) AS bucket, lag(t.last_time) OVER bucket AS time_before, \
      \(([Self.ends] + before).joined(separator: ", "))
      FROM \(Self.work) JOIN \(source.readableRollup(.fiveMinutes)) t ON \(Self.condition)
      \(series([]))
      """
    let values = source.rolledColumns.flatMap { column in
      RollupPart.all(of: column).map { part -> String in
        let value = "t.\(quotedIdentifier(part.name(of: column)))"
        return switch part {
        case .count: "sum(\(value))::int4"
        case .sum: "sum(\(value))"
        case .min: "min(\(value))"
        case .max: "max(\(value))"
        case .first: "max(\(value)) FILTER (WHERE t.is_first)"
        case .last: "max(\(value)) FILTER (WHERE t.is_last)"
        case .increase: "sum(coalesce(\(value), 0) + coalesce(\(Partials.crossing(column, of: source)), 0))"
        case .elapsed: "sum(\(Partials.elapsed(column, of: source)))"
        }
      }
    }
    return insertion(["min(t.first_time)", "max(t.last_time)"] + values, from: rows)
  }
}
