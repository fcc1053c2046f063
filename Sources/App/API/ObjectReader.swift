// Decoder, validator and schema of a request body in one. A reader has one of two modes: *decoding* checks and returns
// the fields of an object; *describing* records their names and rules and returns stand-ins. The same initializer runs
// in both modes, so the documentation always agrees with the checks.
//
// This requires that the initializer is a straight line. It never branches on a value that it has read (`require` is
// for rules between fields), so describing sees every field.

import Protocol

/// A JSON body.
protocol RequestBody: RequestInput {
  /// The name of its schema, unique among bodies and answers.
  static var schemaName: String { get }
  /// A valid body, for the documentation.
  static var example: JSONValue { get }
  /// Whether the body is required. If not, an empty body stands for an object without members.
  static var isRequired: Bool { get }
  /// Reads each field exactly once.
  init(from object: inout ObjectReader)
}

extension RequestBody {
  static var schemaName: String { String(describing: Self.self) }
  static var isRequired: Bool { true }
}

/// The change of a field that a PATCH asks for: an absent member keeps the value, `null` clears it.
enum FieldChange<Value: Sendable>: Sendable {
  case keep
  case clear
  case set(Value)
}

extension FieldChange: Equatable where Value: Equatable {}

/// Reads or describes the fields of one object.
struct ObjectReader {
  /// The object that is decoded; nil while describing.
  private let object: JSONObject?
  private let path: String
  private var errors: FieldErrors
  private(set) var properties: [Schema.Property] = []
  private var names: Set<String> = []

  static func describing() -> ObjectReader { ObjectReader(object: nil, path: "", errors: FieldErrors()) }

  /// - Parameters:
  ///   - path: the object's place within the body; empty for the body itself.
  ///   - errors: the faults that were found so far in the rest of the body.
  static func decoding(_ object: JSONObject, path: String = "", errors: FieldErrors = FieldErrors()) -> ObjectReader {
    ObjectReader(object: object, path: path, errors: errors)
  }

  private init(object: JSONObject?, path: String, errors: FieldErrors) {
    self.object = object
    self.path = path
    self.errors = errors
  }

  /// A field that must be present and not null.
  mutating func required<Value>(_ name: String, _ rule: FieldRule<Value>, _ prose: String = "") -> Value {
    guard let value = value(name, rule.schema.described(prose), isRequired: true) else { return rule.standIn }
    return rule.read(value, place(name), &errors) ?? rule.standIn
  }

  /// A field that may be absent or null.
  mutating func optional<Value>(_ name: String, _ rule: FieldRule<Value>, _ prose: String = "") -> Value? {
    let value = value(name, rule.schema.described(prose).nullable, isRequired: false)
    guard let value, value != .null else { return nil }
    return rule.read(value, place(name), &errors)
  }

  /// A field with the value `fallback` if it is absent. - Parameter fallback: the schema shows it as `json`.
  mutating func optional<Value>(
    _ name: String, _ rule: FieldRule<Value>, default fallback: Value, _ json: JSONValue, _ prose: String = ""
  ) -> Value {
    var schema = rule.schema.described(prose)
    schema.defaultValue = json
    guard let value = value(name, schema, isRequired: false) else { return fallback }
    return rule.read(value, place(name), &errors) ?? fallback
  }

  /// A field of a PATCH that can be cleared. (For a field that cannot be cleared use `optional`; null then keeps the
  /// value.)
  mutating func change<Value>(_ name: String, _ rule: FieldRule<Value>, _ prose: String = "") -> FieldChange<Value> {
    let value = value(name, rule.schema.described(prose).nullable, isRequired: false)
    guard let value else { return .keep }
    if value == .null { return .clear }
    return rule.read(value, place(name), &errors).map { .set($0) } ?? .keep
  }

  /// A rule between fields. It is only checked if each field by itself is valid.
  /// - Parameter fault: completes "<name> …".
  mutating func require(_ condition: @autoclosure () -> Bool, _ name: String, _ fault: String) {
    if object != nil, errors.isEmpty, !condition() { errors.add(place(name), fault) }
  }

  /// All faults, including unknown members.
  func finish() -> FieldErrors {
    var errors = errors
    for member in object?.members ?? [] where !names.contains(member.name) {
      errors.add(path, "\(path.isEmpty ? "there is" : "has") no field \(FieldErrors.quoted(member.name))")
    }
    return errors
  }

  private func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  /// Records the field while describing; returns its value while decoding.
  private mutating func value(_ name: String, _ schema: Schema, isRequired: Bool) -> JSONValue? {
    precondition(names.insert(name).inserted, "the field \(name) is read twice")
    guard let object else {
      properties.append(Schema.Property(name: name, schema: schema, isRequired: isRequired))
      return nil
    }
    if let value = object[name], !(isRequired && value == .null) { return value }
    if isRequired { errors.add(place(name), "is missing") }
    return nil
  }
}

extension RequestBody {
  static var schema: Schema { FieldRule.object(Self.self).schema }

  /// Decodes a body. - Throws: `.validationFailed` with all faults.
  static func decode(_ value: JSONValue) throws(Problem) -> Self {
    guard case .object(let object) = value else { throw Problem(.validationFailed, "the body must be an object") }
    var reader = ObjectReader.decoding(object)
    let body = Self(from: &reader)
    let errors = reader.finish()
    if !errors.isEmpty { throw Problem(.validationFailed, errors.details) }
    return body
  }

  static var declaration: InputDeclaration {
    assert(
      Result { () throws(Problem) in try decode(example) }.isSuccess, "the example of \(Self.self) does not decode")
    var declaration = InputDeclaration.json(schema, example: example)
    declaration.isRequired = isRequired
    return declaration
  }

  static func read(_ request: AdmittedRequest) throws(Problem) -> Self {
    if request.body.isEmpty, !isRequired { return try decode(.object(JSONObject())) }
    let value: JSONValue
    do throws(JSONValueError) {
      value = try JSONValue.parse(request.body.span)
    } catch {
      throw Problem(error)
    }
    return try decode(value)
  }
}

extension Result {
  fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }
}
