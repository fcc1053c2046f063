// A list of the API is declared once: its filters, its orders and the source of its rows. The query parameters, the
// statement for a page and the statement for the number of entries derive from the declaration when the program starts.
// A request only adds values for the parameters.

import Protocol

/// The SQL and the query parameters of a list.
struct Listing<Row: SQLRow>: Sendable {
  /// Parameters: those of `settings`, those of `filters`, the order if the client chooses it, limit, offset.
  let page: StatementDescription
  /// Parameters: those of `settings` and `filters`.
  let count: StatementDescription
  let settings: [ListSetting]
  let filters: [ListFilter]
  /// The values of the parameter `sort`, the default first; `-` before a name: descending. Empty: the list has one order.
  let orders: [String]
  /// FROM and WHERE of both statements.
  private let rows: String

  /// - Parameters:
  ///   - name: the prefix of the statements' names, `<name>_page` and `<name>_count`.
  ///   - columns: the SELECT list; nil for the columns of the row type.
  ///   - source: the FROM clause without FROM. $1 and following are the parameters of `settings`.
  ///   - settings: parameters that follow from the server's settings.
  ///   - filters: in the order of the documentation.
  ///   - sorts: the orders that the client may choose; empty for a list with one order.
  ///   - fallback: the order without a parameter `sort`; nil for the first of `sorts`.
  ///   - last: the order of rows that are equal in the chosen order; for a list with one order, this order.
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
    rows = "FROM \(source) WHERE \(conditions.joined(separator: " AND "))"
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

  /// The descriptions of both statements, for the test that prepares every statement.
  var statements: [StatementDescription] { [page, count] }

  /// A statement with the same entries as `count`, and with its parameters.
  /// - Parameters:
  ///   - columns: the SELECT list without SELECT, with the columns of `Selected`.
  ///   - order: the ORDER BY clause without ORDER BY.
  func selection<Selected: SQLRow>(
    _ name: String, _ columns: String, as _: Selected.Type, order: String
  ) -> StatementDescription {
    StatementDescription(
      name: name, sql: "SELECT \(columns) \(rows) ORDER BY \(order)", parameterTypes: count.parameterTypes,
      columns: Selected.describe(), isOpen: false)
  }

  /// The parameters of `count`. - Parameter filters: the request's value for each filter.
  func parameters(_ filters: [ListFilter.Append], _ context: RequestContext) -> EncodedParameters {
    var parameters = EncodedParameters()
    for setting in settings { setting.append(context.settings, &parameters) }
    for filter in filters { filter(context, &parameters) }
    return parameters
  }

  /// Reads one page and the number of entries in all pages.
  /// - Parameters:
  ///   - filters: the request's value for each filter.
  ///   - order: one of `orders`; nil if `orders` is empty.
  func read(
    _ selection: PageSelection, _ filters: [ListFilter.Append], by order: String?, _ context: RequestContext,
    from database: some DatabaseClient
  ) async throws(DatabaseError) -> (rows: [Row], total: Int) {
    let counted = self.parameters(filters, context)
    var parameters = counted
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

/// A query parameter that selects entries.
struct ListFilter: Sendable {
  /// Appends the value of the request, or NULL.
  typealias Append = @Sendable (RequestContext, inout EncodedParameters) -> Void

  let type: SQLType
  /// Makes the SQL condition that selected entries fulfil. The argument is the place of the parameter, such as `$2`.
  let condition: @Sendable (String) -> String
  let read: @Sendable (inout QueryReader) -> Append

  /// - Parameters:
  ///   - rule, prose: the rule and the description of the query parameter; see `QueryReader.optional`.
  ///   - stored: converts the client's value into the value of the statement's parameter.
  init<Value, Stored: SQLValue>(
    _ name: String, _ rule: FieldRule<Value>, _ prose: String = "",
    as stored: @escaping @Sendable (Value, Timestamp) -> Stored, where condition: @escaping @Sendable (String) -> String
  ) {
    type = Stored.type
    self.condition = condition
    read = { query in
      let value = query.optional(name, rule, prose)
      return { context, parameters in parameters.append(value.map { stored($0, context.now) }) }
    }
  }

  /// A filter whose parameter may be repeated. The statement's parameter is an array; it is NULL without values.
  /// - Parameters:
  ///   - most: how often the parameter may occur.
  ///   - stored: converts one value of the client into an element of the array.
  ///   - further: elements that follow from the caller.
  init<Value, Stored: SQLArrayElement>(
    repeated name: String, _ rule: FieldRule<Value>, most: Int, _ prose: String,
    as stored: @escaping @Sendable (Value) -> Stored,
    and further: @escaping @Sendable (RequestContext) -> [Stored] = { _ in [] },
    where condition: @escaping @Sendable (String) -> String
  ) {
    type = [Stored].type
    self.condition = condition
    read = { query in
      let values = query.list(name, rule, count: 0...most, prose).map(stored)
      return { context, parameters in
        let values = values + further(context)
        parameters.append(values.isEmpty ? nil : values)
      }
    }
  }

  /// A filter without a query parameter, whose value follows from the caller. NULL selects every entry.
  init<Stored: SQLValue>(
    implied value: @escaping @Sendable (RequestContext) -> Stored?,
    where condition: @escaping @Sendable (String) -> String
  ) {
    type = Stored.type
    self.condition = condition
    read = { _ in { context, parameters in parameters.append(value(context)) } }
  }

  init<Value: SQLValue>(
    _ name: String, _ rule: FieldRule<Value>, _ prose: String = "",
    where condition: @escaping @Sendable (String) -> String
  ) {
    self.init(name, rule, prose, as: { value, _ in value }, where: condition)
  }

  /// A filter whose value is a raw value of `Word`.
  init<Word: CaseIterable & RawRepresentable>(
    _ name: String, _: Word.Type, _ prose: String = "", where condition: @escaping @Sendable (String) -> String
  ) where Word: Sendable, Word.RawValue == String {
    self.init(name, .choice(Word.self), prose, as: { word, _ in word.rawValue }, where: condition)
  }

  /// A filter whose value is a raw value of `Word`, with the value `fallback` if the parameter is absent.
  init<Word: CaseIterable & RawRepresentable>(
    _ name: String, _: Word.Type, default fallback: Word, _ prose: String = "",
    where condition: @escaping @Sendable (String) -> String
  ) where Word: Sendable, Word.RawValue == String {
    type = .text
    self.condition = condition
    read = { query in
      let word = query.optional(
        name, .choice(Word.self), default: fallback, .string(fallback.rawValue), prose)
      return { _, parameters in parameters.append(word.rawValue) }
    }
  }

  /// A filter whose value is a time, or a duration before the request.
  init(time name: String, _ prose: String = "", where condition: @escaping @Sendable (String) -> String) {
    self.init(name, .time, prose, as: { $0.resolved(before: $1) }, where: condition)
  }
}

/// An order that a client can choose. Entries without a value come last in both directions.
struct ListSort: Sendable {
  let name: String
  /// The SQL expression that the order follows, of type `type`.
  let expression: String
  let type: SQLType

  init<Value: SQLValue>(_ name: String, by expression: String, _: Value.Type) {
    self.name = name
    self.expression = expression
    type = Value.type
  }

  /// The terms of ORDER BY for the order that the parameter names. A CASE has one type, so each type has two terms, one
  /// for each direction. The terms that the parameter does not choose are NULL for every row.
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
