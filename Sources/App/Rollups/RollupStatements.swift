// The statements of rolling up: they find what is due, delete buckets of a table and compute them anew. They are
// idempotent, because buckets are always computed from all rows of their time span.

import Protocol

/// Time spans of servers whose buckets are computed anew, as parallel arrays. The ends are excluded.
struct RollupWork: Sendable {
  var servers: [Int32] = []
  var starts: [Timestamp] = []
  var ends: [Timestamp] = []

  var isEmpty: Bool { servers.isEmpty }

  mutating func append(_ server: Int32, _ start: Timestamp, _ end: Timestamp) {
    servers.append(server)
    starts.append(start)
    ends.append(end)
  }

  /// The part of the work from `oldest` on.
  func from(_ oldest: Timestamp) -> RollupWork {
    var rest = RollupWork()
    for (index, end) in ends.enumerated() where oldest < end {
      rest.append(servers[index], max(starts[index], oldest), end)
    }
    return rest
  }

  /// The work as SQL: a relation `w` with a row for each time span, and the condition that rows `t` of a table lie
  /// within one of them.
  ///
  /// All values are constants in the text. With parameters PostgreSQL could choose one plan for all values, and
  /// TimescaleDB would decompress the batches of every server in a chunk: it uses the index of a compressed chunk only
  /// if `server_id` itself is compared with a constant. The constants are integers and times that the program prints.
  var sql: (relation: String, condition: String) {
    let servers = "'{\(self.servers.map(String.init).joined(separator: ","))}'::int4[]"
    func times(_ values: [Timestamp]) -> String {
      "'{\(values.map { "\"\($0.rfc3339)\"" }.joined(separator: ","))}'::timestamptz[]"
    }
    func time(_ value: Timestamp?) -> String { "timestamptz '\((value ?? Timestamp(unixSeconds: 0)).rfc3339)'" }
    return (
      "unnest(\(servers), \(times(starts)), \(times(ends))) AS w(server, start_time, end_time)",
      """
      t.server_id = w.server AND t.time >= w.start_time AND t.time < w.end_time
        AND t.server_id = ANY (\(servers)) AND t.time >= \(time(starts.min())) AND t.time < \(time(ends.max()))
      """
    )
  }
}

enum RollupStatements {
  struct Due: SQLRow {
    let server: Int32
    let first: Timestamp
    let last: Timestamp

    init(from row: inout RowReader) throws(DatabaseError) {
      server = try row.read("server_id")
      first = try row.read("first_time")
      last = try row.read("last_time")
    }
  }

  /// The earliest time that is due. Parameters: step in seconds; the time before which it is due.
  static let earliest = Statement<Int32, Timestamp, SingleValue<Timestamp?>>(
    "rollup_earliest",
    "SELECT min(first_time) FROM pganalytics.rollup_pending WHERE step_seconds = $1 AND first_time < $2")

  /// Takes the pending time spans of some servers. The part at or after the end remains pending. Parameters: step in
  /// seconds; end; largest number of servers.
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

  /// Parameters: step in seconds; servers, starts and ends of time spans, with the ends excluded.
  static let add = Statement<Int32, [Int32], [Timestamp], [Timestamp], NoRow>(
    "rollup_add",
    """
    INSERT INTO pganalytics.rollup_pending (step_seconds, server_id, first_time, last_time)
    SELECT $1, server_id, first_time, end_time - INTERVAL '1 microsecond'
    FROM unnest($2::int4[], $3::timestamptz[], $4::timestamptz[]) AS w(server_id, first_time, end_time)
    """)

  /// The time from which on the roll-ups of a table may lack rows of a server. It considers the step and the finer step
  /// that it is made of. Parameters: server; step in seconds; table.
  static let lacking = Statement<Int32, Int32, String, SingleValue<Timestamp?>>(
    "rollup_lacking",
    """
    SELECT least(
      (SELECT min(first_time) FROM pganalytics.rollup_pending WHERE server_id = $1 AND step_seconds <= $2),
      (SELECT min(start_time) FROM pganalytics.rollup_units
        WHERE server_id = $1 AND step_seconds <= $2 AND table_name = $3))
    """)

  /// Limits the rows of compressed chunks that a statement may decompress, for the rest of a transaction. Only for
  /// TimescaleDB. Parameters: the limit; 0 for none.
  static let limitDecompression = Statement<String, SingleValue<String>>(
    "rollup_limit_decompression",
    "SELECT set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', $1, true)")

  /// The clock that decides which buckets are complete.
  static let now = Statement<SingleValue<Timestamp>>("rollup_now", "SELECT now() AS now")

  static let all =
    [
      earliest.description, take.description, add.description, lacking.description, now.description,
      limitDecompression.description,
    ]
    + RollupTable.all(.fiveMinutes).filter(\.source.tellsBreaks).map(\.following.description)
    + RollupTable.all.flatMap { table in
      [("remove", table.removal(of: sample)), ("make", table.making(of: sample))].map { verb, sql in
        StatementDescription(
          name: "rollup_\(verb)_\(table.name)", sql: sql, parameterTypes: [], columns: [], isOpen: true)
      }
    }

  private static let sample = RollupWork(
    servers: [1, 2], starts: [Timestamp(unixSeconds: 0), Timestamp(unixSeconds: 3600)],
    ends: [Timestamp(unixSeconds: 3600), Timestamp(unixSeconds: 7200)])
}

extension RollupTable {
  /// Deletes the buckets of `work` and inserts new ones. The last statement selects one row for each bucket with a sum
  /// that is NULL because no double can hold it; the number of rows is their count.
  func remaking(of work: RollupWork) -> String { removal(of: work) + ";\n" + making(of: work) }

  fileprivate func removal(of work: RollupWork) -> String {
    let (relation, condition) = work.sql
    return "DELETE FROM \(qualifiedName) t USING \(relation) WHERE \(condition)"
  }

  fileprivate func making(of work: RollupWork) -> String {
    let (tables, insertion) =
      switch step {
      case .fiveMinutes: fromRows(work)
      case .hour: fromFiner(work)
      }
    return """
      WITH \(tables.map { $0 + ", " } ?? "")made AS (
      \(insertion)
      RETURNING \(isLacking) AS is_lacking
      )
      SELECT FROM made WHERE is_lacking
      """
  }

  /// Whether a row has a sum that is NULL because no double can hold it.
  private var isLacking: String {
    let conditions = source.rolledColumns.filter { $0.kind == .float8 }.flatMap { column in
      RollupPart.all(of: column).compactMap { part -> String? in
        switch part {
        case .sum: RollupPart.isSumLacking(column, "")
        case .increase: RollupPart.isIncreaseLacking(column, "")
        case .count, .min, .max, .first, .last, .elapsed: nil
        }
      }
    }
    return conditions.isEmpty ? "false" : conditions.joined(separator: " OR ")
  }

  private var identity: [String] { source.identityColumns.map { "t.\(quotedIdentifier($0))" } }
  private var bucket: String { "date_bin(INTERVAL '\(step.seconds) s', t.time, timestamptz '2000-01-01 00:00:00+00')" }

  /// The roll-ups of rows `t`. - Parameter values: the columns after those that identify a series, with names.
  private func buckets(_ values: [String], from rows: String) -> String {
    let keys = ["t.bucket", "t.server_id"] + identity
    return """
      SELECT \((["t.bucket AS time"] + keys.dropFirst() + values).joined(separator: ", "))
      FROM (
      \(rows)
      ) t
      GROUP BY \(keys.joined(separator: ", "))
      """
  }

  /// The values of `filledColumns` after those that identify a series, with their names.
  private func named(_ values: [String]) -> [String] {
    zip(values, filledColumns.suffix(values.count)).map { "\($0) AS \(quotedIdentifier($1))" }
  }

  private func insertion(of rows: String, _ columns: [String]) -> String {
    "INSERT INTO \(qualifiedName) (\(columns.map(quotedIdentifier).joined(separator: ", ")))\n\(rows)"
  }

  private func series(_ ties: [String]) -> String {
    """
    WINDOW bucket AS (PARTITION BY t.server_id\(identity.map { ", \($0)" }.joined()), \(bucket)
      ORDER BY t.time\(ties.map { ", \($0)" }.joined()))
    """
  }

  private static let ends = "row_number() OVER bucket = 1 AS is_first, lead(t.time) OVER bucket IS NULL AS is_last"

  private func fromRows(_ work: RollupWork) -> (tables: String?, insertion: String) {
    let (relation, condition) = work.sql
    let rolled = source.rolledColumns
    func quoted(_ name: String) -> String { quotedIdentifier(name) }
    let before = source.steppedColumns.map {
      "lag(t.\(quoted($0.name))) OVER bucket AS \(quoted($0.name + ".before"))"
    }
    let rows = """
      SELECT t.*, \(bucket) AS bucket, lag(t.time) OVER bucket AS time_before, \(([Self.ends] + before).joined(separator: ", "))
      FROM \(relation) JOIN \(source.measured) t ON \(condition)
      \(series(rolled.map { "t.\(quoted($0.name))" }))
      """
    let values = rolled.flatMap { column in
      RollupPart.all(of: column).map { part -> String in
        let value = "t.\(quoted(column.name))"
        return switch part {
        case .count: "count(\(value))::int4"
        case .sum: column.kind == .float8 ? FiniteSum(of: value).aggregate : "sum(\(value))"
        case .min: "min(\(value))"
        case .max: "max(\(value))"
        case .first: "max(\(value)) FILTER (WHERE t.is_first)"
        case .last: "max(\(value)) FILTER (WHERE t.is_last)"
        case .increase: CounterStep(column, of: source).sum
        case .elapsed: "sum(\(CounterStep.elapsed)) FILTER (WHERE \(CounterStep(column, of: source).isKnown))"
        }
      }
    }
    let columns = named(["min(t.time)", "max(t.time)"] + values)
    if !source.tellsBreaks { return (nil, insertion(of: buckets(columns, from: rows), filledColumns)) }
    return insertion(ofChained: buckets(columns + [isUnbrokenWithin], from: rows), relation)
  }

  private func fromFiner(_ work: RollupWork) -> (tables: String?, insertion: String) {
    let (relation, condition) = work.sql
    let before = source.steppedColumns.map { column in
      "lag(t.\(quotedIdentifier(RollupPart.last.name(of: column)))) OVER bucket AS \(quotedIdentifier(column.name + ".before"))"
    }
    let rows = """
      SELECT t.*, \(bucket) AS bucket, lag(t.last_time) OVER bucket AS time_before, \
      \(([Self.ends] + before).joined(separator: ", "))
      FROM \(relation) JOIN \(source.readableRollup(.fiveMinutes)) t ON \(condition)
      \(series([]))
      """
    let values = source.rolledColumns.flatMap { column in
      RollupPart.all(of: column).map { part -> String in
        let value = "t.\(quotedIdentifier(part.name(of: column)))"
        return switch part {
        case .count: "sum(\(value))::int4"
        case .sum: RollupPart.composedSum(column)
        case .min: "min(\(value))"
        case .max: "max(\(value))"
        case .first: "max(\(value)) FILTER (WHERE t.is_first)"
        case .last: "max(\(value)) FILTER (WHERE t.is_last)"
        case .increase: RollupPart.composedIncrease(column, of: source)
        case .elapsed: "sum(\(RollupPart.composedElapsed(column, of: source)))"
        }
      }
    }
    let columns = named(["min(t.first_time)", "max(t.last_time)"] + values)
    if !source.tellsBreaks { return (nil, insertion(of: buckets(columns, from: rows), filledColumns)) }
    let unbroken = "bool_and(t.\(Self.unbroken) IS TRUE) AS \(Self.unbroken)"
    return (nil, insertion(of: buckets(columns + [unbroken], from: rows), filledColumns + [Self.unbroken]))
  }
}
