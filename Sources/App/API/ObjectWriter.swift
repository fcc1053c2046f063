// Encoder and schema of an answer in one: describing means writing the example and recording the members. As for
// ObjectReader, this requires that `write` is a straight line; values that may be absent use `nullable` and `optional`.

import Protocol

/// A JSON object that is an answer.
protocol ResponseBody: ResponseOutput {
  /// The name of its schema, unique among bodies and answers.
  static var schemaName: String { get }
  static var example: Self { get }
  /// Writes each member exactly once.
  func write(to object: inout ObjectWriter)
}

/// A value that is not an object with its own schema.
protocol ResponseValue: Sendable {
  static var schema: Schema { get }
  func write(to json: inout JSONWriter)
}

/// Writes or describes the members of one object.
struct ObjectWriter: ~Copyable {
  private var json = JSONWriter()
  /// The members so far; nil while only encoding.
  private var properties: [Schema.Property]?

  private init(isDescribing: Bool) { properties = isDescribing ? [] : nil }

  static func encode(_ body: some ResponseBody) -> [UInt8] {
    var writer = ObjectWriter(isDescribing: false)
    writer.writeObject(body)
    let bytes = writer.json.finish()
    return bytes.withUnsafeBytes { Array($0) }
  }

  static func describe<Body: ResponseBody>(_ type: Body.Type) -> Schema {
    var writer = ObjectWriter(isDescribing: true)
    return writer.writeObject(type.example) ?? .any
  }

  mutating func member(_ name: String, _ value: some ResponseValue, _ prose: String = "") {
    note(name, type(of: value).schema.described(prose))
    json.key(name)
    value.write(to: &json)
  }

  /// A member that is null if there is no value.
  mutating func nullable<Value: ResponseValue>(_ name: String, _ value: Value?, _ prose: String = "") {
    note(name, Value.schema.described(prose).nullable)
    json.key(name)
    if let value { value.write(to: &json) } else { json.null() }
  }

  /// A member that is omitted if there is no value.
  mutating func optional<Value: ResponseValue>(_ name: String, _ value: Value?, _ prose: String = "") {
    note(name, Value.schema.described(prose), isRequired: false)
    guard let value else { return }
    json.key(name)
    value.write(to: &json)
  }

  mutating func member<Value: ResponseValue>(_ name: String, _ values: [Value], _ prose: String = "") {
    note(name, .array(of: Value.schema).described(prose))
    json.key(name)
    json.array { json in for value in values { value.write(to: &json) } }
  }

  mutating func member<Body: ResponseBody>(_ name: String, _ body: Body, _ prose: String = "") {
    nested(name, prose, isRequired: true) { writer in
      let schema = writer.writeObject(body)
      return schema
    }
  }

  /// A member that is null if there is no object.
  mutating func nullable<Body: ResponseBody>(_ name: String, _ body: Body?, _ prose: String = "") {
    nested(name, prose, isRequired: true) { writer in
      guard let body else {
        writer.json.null()
        return writer.isDescribing ? ObjectWriter.describe(Body.self).nullable : nil
      }
      return writer.writeObject(body)?.nullable
    }
  }

  mutating func member<Body: ResponseBody>(_ name: String, _ bodies: [Body], _ prose: String = "") {
    nested(name, prose, isRequired: true) { writer in
      let enclosing = writer.json.beginArray()
      for body in bodies { writer.writeObject(body) }
      writer.json.endArray(enclosing)
      return writer.isDescribing ? .array(of: ObjectWriter.describe(Body.self)) : nil
    }
  }

  private var isDescribing: Bool { properties != nil }

  private mutating func note(_ name: String, _ schema: Schema, isRequired: Bool = true) {
    properties?.append(Schema.Property(name: name, schema: schema, isRequired: isRequired))
  }

  /// Writes a member whose schema is known only after it is written.
  private mutating func nested(
    _ name: String, _ prose: String, isRequired: Bool, _ write: (inout ObjectWriter) -> Schema?
  ) {
    json.key(name)
    if let schema = write(&self) { note(name, schema.described(prose), isRequired: isRequired) }
  }

  /// - Returns: the schema while describing; else nil.
  @discardableResult
  private mutating func writeObject<Body: ResponseBody>(_ body: Body) -> Schema? {
    let outer = properties
    if isDescribing { properties = [] }
    let enclosing = json.beginObject()
    body.write(to: &self)
    json.endObject(enclosing)
    let schema = properties.map { Schema.object(named: Body.schemaName, $0) }
    properties = outer
    return schema
  }
}

extension ResponseBody {
  static var schemaName: String { String(describing: Self.self) }
  static var schema: Schema { ObjectWriter.describe(Self.self) }
  static var declaration: AnswerDeclaration? { .json(Self.self) }

  func response(_ status: HTTPStatus) -> HTTPResponse { .json(self, status: status) }
}

extension HTTPResponse {
  /// A JSON response with additional header fields, e.g. an ETag.
  static func json(_ body: some ResponseBody, status: HTTPStatus = .ok, fields: [HTTPField] = []) -> HTTPResponse {
    HTTPResponse(
      status: status, fields: [HTTPField("Content-Type", MediaType.json.description)] + fields,
      body: ObjectWriter.encode(body))
  }

  /// - Parameter type: the media type, with its charset if it has one.
  static func text(
    _ text: String, type: String = "text/plain; charset=utf-8", status: HTTPStatus = .ok, fields: [HTTPField] = []
  ) -> HTTPResponse {
    HTTPResponse(status: status, fields: [HTTPField("Content-Type", type)] + fields, body: Array(text.utf8))
  }
}
