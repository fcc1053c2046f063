// The part of JSON Schema (draft 2020-12, as OpenAPI 3.1 uses it) that the declarations need.

import Protocol

/// The shape of one JSON value.
struct Schema: Equatable, Sendable {
  enum Kind: String, Sendable { case string, integer, number, boolean, array, object, any }

  struct Property: Equatable, Sendable {
    let name: String
    var schema: Schema
    var isRequired = true
  }

  let kind: Kind
  /// An object with a name is written once, under `components/schemas`, and referenced elsewhere.
  var name: String?
  var description = ""
  /// The unit of a number, or `time` for a text that is a time; only for people, and also in the description.
  var unit = ""
  /// Limits of the value that no keyword can express, as a sentence.
  var limits = ""
  var isNullable = false
  var defaultValue: JSONValue?
  var format: String?
  var pattern: String?
  /// The allowed texts; empty if any text is allowed.
  var values: [String] = []
  var minimum: JSONValue?
  var maximum: JSONValue?
  /// The number of code points of a string or of elements of an array.
  var count: ClosedRange<Int>?
  /// A value must match one of these schemas; empty if there are no alternatives.
  var alternatives: [Schema] = []
  /// The schema of an array's elements, as a list with one element. Empty for any other kind.
  var element: [Schema] = []
  var properties: [Property] = []
  /// The schema of every member of an object whose client chooses the names, as a list with one element.
  var members: [Schema] = []
  /// The pattern of the names of such members.
  var memberNames: String?
  /// Whether the object has no other members than `properties`.
  var isClosed = false

  init(_ kind: Kind) { self.kind = kind }

  /// The pattern of texts that PostgreSQL can store.
  static let withoutNUL = #"^[^\u0000]*$"#

  static let any = Schema(.any)
  static let string = Schema(.string)
  static let integer = Schema(.integer)
  static let number = Schema(.number)
  static let double = Schema.formatted(.number, "double")
  static let boolean = Schema(.boolean)
  static let uuid = string(format: "uuid")
  static let instant = string(format: "date-time")

  static func string(format: String) -> Schema { formatted(.string, format) }
  /// - Parameter format: `int32` or `int64`.
  static func integer(format: String) -> Schema { formatted(.integer, format) }

  private static func formatted(_ kind: Kind, _ format: String) -> Schema {
    var schema = Schema(kind)
    schema.format = format
    return schema
  }

  static func choice(_ values: [String]) -> Schema {
    var schema = Schema.string
    schema.values = values
    return schema
  }

  static func either(_ alternatives: [Schema]) -> Schema {
    var schema = Schema(.any)
    schema.alternatives = alternatives
    return schema
  }

  static func array(of element: Schema, count: ClosedRange<Int>? = nil) -> Schema {
    var schema = Schema(.array)
    schema.element = [element]
    schema.count = count
    return schema
  }

  static func object(named name: String?, _ properties: [Property], isClosed: Bool = false) -> Schema {
    var schema = Schema(.object)
    schema.name = name
    schema.properties = properties
    schema.isClosed = isClosed
    return schema
  }

  /// An object whose names the client chooses. - Parameter names: the pattern of a name.
  static func map(of member: Schema, names: String) -> Schema {
    var schema = Schema(.object)
    schema.members = [member]
    schema.memberNames = names
    return schema
  }

  func described(_ description: String) -> Schema {
    var schema = self
    schema.description = description
    return schema
  }

  var nullable: Schema {
    var schema = self
    schema.isNullable = true
    return schema
  }
}

extension Schema {
  /// Every named object in this schema, including itself, inner ones first.
  var namedObjects: [Schema] {
    let inner = (element + members).flatMap(\.namedObjects) + properties.flatMap(\.schema.namedObjects)
    guard name != nil else { return inner }
    var bare = self
    bare.isNullable = false
    bare.description = ""
    bare.unit = ""
    bare.defaultValue = nil
    return inner + [bare]
  }

  /// Writes the schema where it is used; as a reference if it has a name.
  func write(to json: inout JSONWriter) {
    guard let name else { return writeInline(to: &json) }
    let path = "#/components/schemas/\(name)"
    json.object { json in
      if isNullable {
        json.key("anyOf")
        json.array { json in
          json.object { json in json.member("$ref", path) }
          json.object { json in json.member("type", "null") }
        }
      } else {
        json.member("$ref", path)
      }
      if !description.isEmpty { json.member("description", description) }
    }
  }

  /// Writes the schema itself, whether or not it has a name.
  func writeInline(to json: inout JSONWriter) {
    json.object { json in
      writeType(to: &json)
      if let format { json.member("format", format) }
      if let pattern { json.member("pattern", pattern) }
      writeLimits(to: &json)
      if !values.isEmpty {
        json.key("enum")
        json.array { json in
          for value in values { json.value(value) }
          if isNullable { json.null() }
        }
      }
      if !alternatives.isEmpty {
        json.key("anyOf")
        json.array { json in
          for alternative in alternatives { alternative.write(to: &json) }
          if isNullable { json.object { json in json.member("type", "null") } }
        }
      }
      if let element = element.first {
        json.key("items")
        element.write(to: &json)
      }
      if kind == .object { writeMembers(to: &json) }
      if let defaultValue {
        json.key("default")
        json.value(defaultValue)
      }
      let prose = [description, limits].filter { !$0.isEmpty }.joined(separator: " ")
      if !prose.isEmpty { json.member("description", prose) }
    }
  }

  private func writeType(to json: inout JSONWriter) {
    if kind == .any { return }
    json.key("type")
    guard isNullable else { return json.value(kind.rawValue) }
    json.array { json in
      json.value(kind.rawValue)
      json.value("null")
    }
  }

  private func writeLimits(to json: inout JSONWriter) {
    if let minimum {
      json.key("minimum")
      json.value(minimum)
    }
    if let maximum {
      json.key("maximum")
      json.value(maximum)
    }
    guard let count else { return }
    let what = kind == .array ? "Items" : "Length"
    if count.lowerBound > 0 { json.member("min\(what)", count.lowerBound) }
    if count.upperBound < Int.max { json.member("max\(what)", count.upperBound) }
  }

  private func writeMembers(to json: inout JSONWriter) {
    if let member = members.first {
      json.key("additionalProperties")
      member.write(to: &json)
      json.key("propertyNames")
      json.object { json in if let memberNames { json.member("pattern", memberNames) } }
      return
    }
    json.key("properties")
    json.object { json in
      for property in properties {
        json.key(property.name)
        property.schema.write(to: &json)
      }
    }
    let required = properties.filter(\.isRequired)
    if !required.isEmpty {
      json.key("required")
      json.array { json in for property in required { json.value(property.name) } }
    }
    if isClosed { json.member("additionalProperties", false) }
  }
}
