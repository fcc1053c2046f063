// A list of the API, declared once: what it can be filtered by, what it can be sorted by, and where its rows come from. The
// query parameters, the statement for a page and the statement for the number of all entries follow from the
// declaration when the program starts; a request only adds parameters.

import Protocol

/// The SQL and the query parameters of a list.
struct Listing<Row: SQLRow>: Sendable {
  /// Parameters: those of `settings`, those of `filters`, the order if the client chooses it, limit, offset.
  let page: StatementDescription
  /// Parameters: those of `settings` and `filters`.
  let count: StatementDescription
  let settings: [ListSetting]
  let filters: [ListFilter]
  /// What the client may sort by, the default first; `-` before a name: the other way round. Empty: the list has one order.
  let orders: [String]

  /// - Parameters:
  ///   - name: the statements are prepared as `<name>_page` and `<name>_count`.
  ///   - columns: what is selected; nil for the row's columns by their own names.
  ///   - source: what stands after FROM. $1 and following are the parameters of `settings`.
  ///   - settings: parameters that follow from the server's settings.
  ///   - filters: in the order of the documentation.
  ///   - sorts: what the client may sort by; empty for a list with one order.
  ///   - fallback: the order without a parameter `sort`; nil for the first of `sorts`.
  ///   - last: what decides among rows that are equal in the chosen order; or the one order.
  init(
    _ name: String, columns: String? = nil, from source: String, settings: [ListSetting] = [], filters: [ListFilter],
    sorts: [ListSort] = [], default fallback: String? = nil, last: String
  ) {
    self.settings = settings
    self.filters = filters
    let choices = sorts.flatMap { [$0.name, "-" + $0.name] }
    let chosen = fallback ?? choices.first
    precondition(chosen.map(choices.contains) ?? true, "\(name): nothing is sorted by its default")
    orders = choices.filter { $0 == chosen } + choices.filter { $0 != chosen }

    var types = settings.map(\.type)
    let conditions = filters.map { filter in
      types.append(filter.type)
      let parameter = "$\(types.count)"
      return "(\(parameter)::\(filter.type) IS NULL OR \(filter.condition(parameter)))"
    }
    let rows = "FROM \(source) WHERE \(conditions.joined(separator: " AND "))"
    count = StatementDescription(
      name: name + "_count", sql: "SELECT count(*) \(rows)", parameterTypes: types,
      columns: SingleValue<Int64>.describe(), isOpen: false)
    var order = [last]
    if !orders.isEmpty {
      types.append(.text)
      order = ListSort.terms(sorts, parameter: "$\(types.count)") + [last]
    }
    types += [.int8, .int8]
    page = StatementDescription(
      name: name + "_page",
      sql: """
        SELECT \(columns ?? Row.list()) \(rows)
        ORDER BY \(order.joined(separator: ", "))
        LIMIT $\(types.count - 1) OFFSET $\(types.count)
        """,
      parameterTypes: types, columns: Row.describe(), isOpen: false)
  }

  /// Both, for the test that prepares every statement.
  var statements: [StatementDescription] { [page, count] }

  /// One page and the number of entries in all pages.
  /// - Parameters:
  ///   - filters: what the request has for each filter.
  ///   - order: one of `orders`; nil if there are none.
  func read(
    _ selection: PageSelection, _ filters: [ListFilter.Append], by order: String?, _ context: RequestContext,
    from database: some DatabaseClient
  ) async throws(DatabaseError) -> (rows: [Row], total: Int) {
    var parameters = EncodedParameters()
    for setting in settings { setting.append(context.settings, &parameters) }
    for filter in filters { filter(context.now, &parameters) }
    let counted = parameters
    if let order { parameters.append(order) }
    parameters.append(Int64(selection.size))
    parameters.append(Int64(selection.offset))
    let rows = try await database.rows(as: Row.self, page, parameters)
    let total = try await database.rows(as: SingleValue<Int64>.self, count, counted).first
    return (rows, Int(total?.value ?? 0))
  }
}

/// A parameter of a list that follows from a setting.
struct ListSetting: Sendable {
  let type: SQLType
  let append: @Sendable (Settings, inout EncodedParameters) -> Void

  init<Value: SQLValue>(_ value: @escaping @Sendable (Settings) -> Value) {
    type = Value.type
    append = { settings, parameters in parameters.append(value(settings)) }
  }
}

/// A query parameter that leaves entries out.
struct ListFilter: Sendable {
  /// Appends the value that a request has, or NULL. The time is the request's.
  typealias Append = @Sendable (Timestamp, inout EncodedParameters) -> Void

  let type: SQLType
  /// What holds of the entries that stay, as SQL. Gets the parameter's place: `$2`.
  let condition: @Sendable (String) -> String
  let read: @Sendable (inout QueryReader) -> Append

  /// - Parameters:
  ///   - rule, prose: of the query parameter; see `QueryReader.optional`.
  ///   - stored: the value as the statement has it.
  init<Value, Stored: SQLValue>(
    _ name: String, _ rule: FieldRule<Value>, _ prose: String = "",
    as stored: @escaping @Sendable (Value, Timestamp) -> Stored, where condition: @escaping @Sendable (String) -> String
  ) {
    type = Stored.type
    self.condition = condition
    read = { query in
      let value = query.optional(name, rule, prose)
      return { now, parameters in parameters.append(value.map { stored($0, now) }) }
    }
  }

  init<Value: SQLValue>(
    _ name: String, _ rule: FieldRule<Value>, _ prose: String = "",
    where condition: @escaping @Sendable (String) -> String
  ) {
    self.init(name, rule, prose, as: { value, _ in value }, where: condition)
  }

  /// One of the texts of `Word`.
  init<Word: CaseIterable & RawRepresentable>(
    _ name: String, _: Word.Type, _ prose: String = "", where condition: @escaping @Sendable (String) -> String
  ) where Word: Sendable, Word.RawValue == String {
    self.init(name, .choice(Word.self), prose, as: { word, _ in word.rawValue }, where: condition)
  }

  /// A time, or how long before the request it was.
  init(time name: String, _ prose: String = "", where condition: @escaping @Sendable (String) -> String) {
    self.init(name, .time, prose, as: { $0.resolved(before: $1) }, where: condition)
  }
}

/// Something that a list can be sorted by. Entries without a value come last in both directions.
struct ListSort: Sendable {
  let name: String
  /// What the order follows, as SQL of type `type`.
  let expression: String
  let type: SQLType

  init<Value: SQLValue>(_ name: String, by expression: String, _: Value.Type) {
    self.name = name
    self.expression = expression
    type = Value.type
  }

  /// The terms of ORDER BY that follow whichever of `sorts` the parameter names. A CASE has one type, so each type has two
  /// terms of its own, one a direction; those that are not chosen are NULL for every row.
  static func terms(_ sorts: [ListSort], parameter: String) -> [String] {
    var types: [SQLType] = []
    for sort in sorts where !types.contains(sort.type) { types.append(sort.type) }
    return types.flatMap { type in
      [("", ""), ("-", " DESC")].map { sign, direction in
        let cases = sorts.filter { $0.type == type }.map { "WHEN '\(sign)\($0.name)' THEN \($0.expression)" }
        return "CASE \(parameter) \(cases.joined(separator: " ")) END\(direction) NULLS LAST"
      }
    }
  }
}
