// Query parameters, in the same way as bodies: one initializer decodes, validates and describes. See ObjectReader.

import Protocol

/// The query parameters of an endpoint.
protocol QueryParameters: Sendable {
  /// Reads each parameter exactly once, in a straight line.
  init(from query: inout QueryReader)
}

/// No query parameters. Any parameter is rejected.
struct NoQuery: QueryParameters {
  init(from query: inout QueryReader) {}
}

/// Reads or describes the parameters of one query.
struct QueryReader {
  /// One declared parameter.
  struct Parameter: Equatable, Sendable {
    let name: String
    let schema: Schema
    let isRequired: Bool
  }

  /// The parameters that are decoded; nil while describing.
  private let items: [RequestTarget.QueryItem]?
  private var errors = FieldErrors()
  private(set) var parameters: [Parameter] = []
  private var names: Set<String> = []

  static func describing() -> QueryReader { QueryReader(items: nil) }
  static func decoding(_ items: [RequestTarget.QueryItem]) -> QueryReader { QueryReader(items: items) }

  private init(items: [RequestTarget.QueryItem]?) { self.items = items }

  mutating func required<Value>(_ name: String, _ rule: FieldRule<Value>, _ prose: String = "") -> Value {
    guard let text = single(name, rule.schema.described(prose), isRequired: true) else { return rule.standIn }
    return read(text, name, rule) ?? rule.standIn
  }

  mutating func optional<Value>(_ name: String, _ rule: FieldRule<Value>, _ prose: String = "") -> Value? {
    single(name, rule.schema.described(prose), isRequired: false).flatMap { read($0, name, rule) }
  }

  /// - Parameter fallback: the value if the parameter is absent. The schema shows it as `json`.
  mutating func optional<Value>(
    _ name: String, _ rule: FieldRule<Value>, default fallback: Value, _ json: JSONValue, _ prose: String = ""
  ) -> Value {
    var schema = rule.schema.described(prose)
    schema.defaultValue = json
    return single(name, schema, isRequired: false).flatMap { read($0, name, rule) } ?? fallback
  }

  /// A parameter that may be repeated; `count` bounds how often.
  mutating func list<Value>(
    _ name: String, _ rule: FieldRule<Value>, count: ClosedRange<Int>, _ prose: String = ""
  ) -> [Value] {
    let schema = Schema.array(of: rule.schema, count: count).described(prose)
    let texts = texts(name, schema, isRequired: count.lowerBound > 0)
    if items != nil, !count.contains(texts.count) {
      errors.add(name, "must occur \(count.lowerBound) to \(count.upperBound) times")
      return []
    }
    return texts.compactMap { read($0, name, rule) }
  }

  /// A rule between parameters. It is only checked if each parameter by itself is valid.
  mutating func require(_ condition: @autoclosure () -> Bool, _ name: String, _ fault: String) {
    if items != nil, errors.isEmpty, !condition() { errors.add(name, fault) }
  }

  /// Ends the reading. - Throws: `.invalidQuery` with all faults, including unknown parameters.
  func finish() throws(Problem) {
    var errors = errors
    var unknown: Set<String> = []
    for item in items ?? [] where !names.contains(item.name) && unknown.insert(item.name).inserted {
      errors.add("", "there is no parameter \(FieldErrors.quoted(item.name))")
    }
    if !errors.isEmpty { throw Problem(.invalidQuery, errors.details) }
  }

  private mutating func read<Value>(_ text: String, _ name: String, _ rule: FieldRule<Value>) -> Value? {
    guard let readText = rule.readText else {
      preconditionFailure("\(name): a query has no lists and objects in a value")
    }
    return readText(text, name, &errors)
  }

  private mutating func single(_ name: String, _ schema: Schema, isRequired: Bool) -> String? {
    let texts = texts(name, schema, isRequired: isRequired)
    if texts.count > 1 { errors.add(name, "must not be repeated") }
    if texts.isEmpty, isRequired, items != nil { errors.add(name, "is missing") }
    return texts.count == 1 ? texts[0] : nil
  }

  private mutating func texts(_ name: String, _ schema: Schema, isRequired: Bool) -> [String] {
    precondition(names.insert(name).inserted, "the parameter \(name) is read twice")
    guard let items else {
      parameters.append(Parameter(name: name, schema: schema, isRequired: isRequired))
      return []
    }
    return items.lazy.filter { $0.name == name }.map(\.value)
  }
}

extension QueryParameters {
  static var parameters: [QueryReader.Parameter] {
    var reader = QueryReader.describing()
    _ = Self(from: &reader)
    return reader.parameters
  }

  /// - Throws: `.invalidQuery`
  static func decode(_ target: RequestTarget) throws(Problem) -> Self {
    let items: [RequestTarget.QueryItem]
    do throws(HTTPError) {
      items = try target.queryItems()
    } catch {
      throw Problem(error)
    }
    var reader = QueryReader.decoding(items)
    let query = Self(from: &reader)
    try reader.finish()
    return query
  }
}
