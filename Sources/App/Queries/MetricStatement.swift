// Builds a metrics query as SQL from the declarations. Names come from the program; every value from a client is a
// parameter. The possible combinations are some thousands, but they consist of few parts, and a test prepares
// statements with each part (`MetricStatements`).
//
// All statements have the same shape, so that names are looked up only for the rows that are sent:
//
//     SELECT names, values, cursor FROM (rows or groups by ids, ordered, limited) g JOIN names ORDER BY the same

import Protocol

/// A statement with its parameters.
struct MetricStatement: Sendable {
  let description: StatementDescription
  let parameters: EncodedParameters
  /// How many of the last columns are the cursor's keys, all int8. The first column is the cursor's time.
  let keyCount: Int
}

/// The time range of a query, and the part of it that comes from a roll-up.
struct MetricRange: Equatable, Sendable {
  var start: Timestamp
  /// The first time that is not included.
  var end: Timestamp
  /// The part that is read from a roll-up. It begins and ends at borders of the step's buckets. The rest is read from
  /// the metric rows.
  var rolled: (step: RollupStep, from: Timestamp, to: Timestamp)?

  var source: MetricSource { rolled?.step.source ?? .raw }

  static func == (left: Self, right: Self) -> Bool {
    left.start == right.start && left.end == right.end && left.source == right.source
      && left.rolled?.from == right.rolled?.from && left.rolled?.to == right.rolled?.to
  }
}

/// Writes one statement and collects its parameters.
struct MetricStatementWriter {
  let selection: MetricSelection
  let storage: StorageKind
  private let position: MetricCursor.Position?
  private var range: MetricRange
  private var parameters = SQLParameters()
  private let server: String
  private var filters = ""
  private let limit: String

  /// - Parameters:
  ///   - position: the rows after this position are selected.
  ///   - limit: the largest number of rows.
  static func statement(
    _ selection: MetricSelection, _ storage: StorageKind, server: Int32, range: MetricRange,
    after position: MetricCursor.Position?, limit: Int64
  ) -> MetricStatement {
    var writer = MetricStatementWriter(selection, storage, server, range, position, limit)
    let sql = writer.write()
    let name = "metrics_\(range.source.rawValue)_\(selection.shape.name)_\(selection.table.name)"
    return MetricStatement(
      description: StatementDescription(
        name: name, sql: sql, parameterTypes: writer.parameters.types, columns: [], isOpen: true),
      parameters: writer.parameters.encoded, keyCount: selection.keyCount)
  }

  private init(
    _ selection: MetricSelection, _ storage: StorageKind, _ server: Int32, _ range: MetricRange,
    _ position: MetricCursor.Position?, _ limit: Int64
  ) {
    self.selection = selection
    self.storage = storage
    self.position = position
    self.range = range
    self.server = parameters.add(server)
    self.limit = parameters.add(limit)
    if let database = selection.database {
      filters += " AND t.database_id = \(parameters.add(TextID.of(database)))"
    }
    if let object = selection.object {
      // Object ids are computed from names, so no look-up is needed.
      filters +=
        selection.table.isCatchAll
        ? " AND t.metric_type = \(parameters.add(object))"
        : " AND t.object_id = ANY (\(parameters.add(ObjectName.ids(object, in: selection.table))))"
    }
    if let number = selection.identifier, let column = selection.table.identifier {
      filters += " AND t.\(quoted(column.storedName)) = \(parameters.add(number))"
    }
    // Rates need the previous row, which may be on an earlier page.
    if let position, !selection.shape.looksBack { skip(to: position.time) }
  }

  private mutating func skip(to time: Timestamp) {
    range.start = max(range.start, time)
    if let rolled = range.rolled, time > rolled.from {
      range.rolled = (rolled.step, time, max(time, rolled.to))
    }
  }

  private mutating func write() -> String {
    switch selection.shape {
    case .samples: samples()
    case .rates: rates()
    case .buckets(let aggregate, let seconds): buckets(aggregate, seconds)
    }
  }

  // MARK: Rows

  private mutating func samples() -> String {
    var rows = """
      SELECT t.time\(list(identity + values(selection.columns))), \(Self.fingerprint) AS cursor_tie
      FROM \(selection.table.readable) t WHERE \(within(range.start, range.end))
      """
    rows += tieCondition(Self.fingerprint, " AND ")
    return named(rows + "\n" + ordered(["1", "cursor_tie"], skippingSeen: true), hidden: ["g.cursor_tie"])
  }

  private mutating func rates() -> String {
    let values = selection.columns.map { "\(CounterStep($0, of: selection.table).rate) AS \(quoted($0.name))" }
    var rows = """
      SELECT t.time\(list(identity + values)), t.cursor_tie
      FROM (\(lagged(isTied: true))) t
      """
    rows += tieCondition("t.cursor_tie", " WHERE ")
    return named(rows + "\n" + ordered(["1", "cursor_tie"], skippingSeen: true), hidden: ["g.cursor_tie"])
  }

  /// Distinguishes rows of the same time by all their values. Rows that are equal in every value are interchangeable.
  private static let fingerprint = "hash_record_extended(t, 0)"

  private mutating func tieCondition(_ tie: String, _ prefix: String) -> String {
    guard let position else { return "" }
    let time = parameters.add(position.time)
    return "\(prefix)(t.time > \(time) OR t.time = \(time) AND \(tie) >= \(parameters.add(position.keys[0])))"
  }

  // MARK: Buckets

  private mutating func buckets(_ aggregate: Aggregate, _ seconds: Int64) -> String {
    let width = parameters.add(Double(seconds))
    let columns = selection.columns
    let rows: String
    let values: [String]
    var condition = ""
    if range.rolled != nil {
      let parts = Partials(aggregate, selection)
      rows = aggregate == .rate ? "(\(lagged(parts))) t" : "(\(partials(parts))) t"
      values = columns.map { "\(parts.composed($0)) AS \(quoted($0.name))" }
    } else if aggregate == .rate {
      rows = "(\(lagged(isTied: false))) t"
      values = columns.map { "\(CounterStep($0, of: selection.table).meanRate) AS \(quoted($0.name))" }
    } else {
      rows = "\(selection.table.measured) t"
      values = columns.map { "\(aggregated($0, aggregate)) AS \(quoted(Self.inner($0)))" }
      condition = within(range.start, range.end)
    }
    let bucket =
      switch storage {
      case .plain: "date_bin(make_interval(secs => \(width)), t.time, \(Self.origin))"
      case .timescale: "time_bucket(make_interval(secs => \(width)), t.time, \(Self.origin))"
      }
    if let position {
      let keys = zip(selection.keyTerms("t"), position.keys)
      let left = [bucket] + keys.map(\.0)
      let right = [parameters.add(position.time)] + keys.map { parameters.add($0.1) }
      condition += condition.isEmpty ? "" : " AND "
      condition += "(\(left.joined(separator: ", "))) > (\(right.joined(separator: ", ")))"
    }
    let groups = (1...identity.count + 1).map(String.init).joined(separator: ", ")
    let sql = """
      SELECT \(bucket) AS time\(list(identity))\(list(values))
      FROM \(rows)\(condition.isEmpty ? "" : "\nWHERE \(condition)")
      GROUP BY \(groups)
      \(ordered(["1"] + selection.keyTerms("t"), skippingSeen: false))
      """
    return named(sql, hidden: selection.keyTerms("g"))
  }

  private static let origin = "timestamptz '2000-01-01 00:00:00+00'"

  private func aggregated(_ column: MetricColumn, _ aggregate: Aggregate) -> String {
    let value = "t.\(quoted(column.storedName))"
    return switch aggregate {
    // avg(float8) also raises 22003 if squares of values overflow.
    case .avg:
      column.kind == .float8
        ? finiteQuotient(FiniteSum(of: value).aggregate, "nullif(count(\(value)), 0)::float8")
        : finiteDouble("avg(\(value))")
    case .sum: column.kind == .float8 ? FiniteSum(of: value).aggregate : finiteDouble("sum(\(value))")
    case .min: "min(\(value))"
    case .max: "max(\(value))"
    case .last: "(array_agg(\(value) ORDER BY t.time DESC\(selection.ties(isDescending: true) { $0.name })))[1]"
    case .p95: "percentile_cont(0.95) WITHIN GROUP (ORDER BY \(value)::float8)"
    case .rate: preconditionFailure("rates have rows of their own")
    }
  }

  // MARK: Rates

  /// Each row together with the previous row of the same series.
  private mutating func lagged(isTied: Bool) -> String {
    let counters = selection.columns + (selection.table.addedUpCount.map { [$0] } ?? [])
    let values = counters.flatMap { column in
      let name = quoted(column.name)
      return ["t.\(name)", "lag(t.\(name)) OVER series AS \(quoted(column.name + ".before"))"]
    }
    return """
      SELECT t.time\(list(identity + values)), lag(t.time) OVER series AS time_before\(isTied ? ", \(Self.fingerprint) AS cursor_tie" : "")
      FROM \(selection.table.measured) t WHERE \(within(range.start, range.end))
      WINDOW series AS (PARTITION BY \((["t.server_id"] + identity).joined(separator: ", ")) \
      ORDER BY t.time\(selection.ties { $0.name }))
      """
  }

  // MARK: Roll-ups

  /// Roll-up rows, and the metric rows before and after them in the form of roll-ups of one row each.
  private mutating func partials(_ parts: Partials) -> String {
    guard let rolled = range.rolled else { preconditionFailure("there is no roll-up to read") }
    var branches = [
      """
      SELECT t.time\(list(identity + parts.rolled))
      FROM \(selection.table.readableRollup(rolled.step)) t WHERE \(within(rolled.from, rolled.to))
      """
    ]
    for (from, to) in [(range.start, rolled.from), (rolled.to, range.end)] where from < to {
      branches.append(
        """
        SELECT t.time\(list(identity + parts.raw))
        FROM \(selection.table.measured) t WHERE \(within(from, to))
        """)
    }
    return branches.joined(separator: "\nUNION ALL\n")
  }

  private mutating func lagged(_ parts: Partials) -> String {
    let before = (selection.columns + (selection.table.addedUpCount.map { [$0] } ?? [])).map { column in
      "lag(t.\(quoted(column.name + ".last"))) OVER series AS \(quoted(column.name + ".before"))"
    }
    return """
      SELECT t.*\(list(before)), lag(t.last_time) OVER series AS time_before
      FROM (\(partials(parts))) t
      WINDOW series AS (PARTITION BY \(identity.isEmpty ? "true" : identity.joined(separator: ", ")) \
      ORDER BY t.time\(selection.ties { $0.name + ".tie" }))
      """
  }

  // MARK: Parts

  /// The columns that identify a row's series, by ids.
  private var identity: [String] { selection.identityColumns.map { "t.\(quoted($0))" } }

  private func values(_ columns: [MetricColumn]) -> [String] {
    columns.map { "t.\(quoted($0.storedName)) AS \(quoted(Self.inner($0)))" }
  }

  /// A column's name until ids are replaced by names.
  private static func inner(_ column: MetricColumn) -> String {
    column.kind == .interned ? column.storedName : column.name
  }

  private mutating func within(_ from: Timestamp, _ to: Timestamp) -> String {
    "t.server_id = \(server) AND t.time >= \(parameters.add(from)) AND t.time < \(parameters.add(to))\(filters)"
  }

  private mutating func ordered(_ terms: [String], skippingSeen: Bool) -> String {
    var sql = "ORDER BY \(terms.joined(separator: ", ")) LIMIT \(limit)"
    if skippingSeen, let position { sql += " OFFSET \(parameters.add(position.seen))" }
    return sql
  }

  /// Joins the names that replace ids.
  private func named(_ rows: String, hidden: [String]) -> String {
    var columns = ["g.time"]
    var joins = ""
    func text(_ alias: String, _ id: String) -> String {
      "\nLEFT JOIN pganalytics.texts \(alias) ON \(alias).server_id = \(server) AND \(alias).text_id = g.\(quoted(id))"
    }
    if selection.table.hasDatabase {
      columns.append("d.value AS database")
      joins += text("d", "database_id")
    }
    if !selection.table.object.isEmpty {
      columns.append("o.name AS object")
      joins += "\nLEFT JOIN pganalytics.objects o ON o.server_id = \(server) AND o.object_id = g.object_id"
    }
    columns += selection.table.series.map { "g.\(quoted($0.name))" }
    for (index, column) in selection.columns.enumerated() {
      if column.kind == .interned {
        columns.append("x\(index).value AS \(quoted(column.name))")
        joins += text("x\(index)", column.storedName)
      } else {
        columns.append("g.\(quoted(column.name))")
      }
    }
    columns += hidden.enumerated().map { "\($1) AS cursor_\($0)" }
    let order = ["g.time"] + hidden
    return """
      SELECT \(columns.joined(separator: ", "))
      FROM (
      \(rows)
      ) g\(joins)
      ORDER BY \(order.joined(separator: ", "))
      """
  }

  private func list(_ values: [String]) -> String { values.map { ", " + $0 }.joined() }
  private func quoted(_ name: String) -> String { quotedIdentifier(name) }
  private static func quoted(_ name: String) -> String { quotedIdentifier(name) }
}

/// Parameters in the order in which they were added, and their types.
struct SQLParameters: Sendable {
  private(set) var types: [SQLType] = []
  private(set) var encoded = EncodedParameters()

  /// - Returns: the placeholder for the value in the statement's text.
  mutating func add<Value: SQLValue>(_ value: Value) -> String {
    types.append(Value.type)
    encoded.append(value)
    return "$\(types.count)"
  }
}
