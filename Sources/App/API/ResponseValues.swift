// The types of values in answers.

import Protocol

extension String: ResponseValue {
  static var schema: Schema { .string }
  func write(to json: inout JSONWriter) { json.value(self) }
}

extension Bool: ResponseValue {
  static var schema: Schema { .boolean }
  func write(to json: inout JSONWriter) { json.value(self) }
}

extension Int: ResponseValue {
  static var schema: Schema { .integer(format: "int64") }
  func write(to json: inout JSONWriter) { json.value(self) }
}

extension Int32: ResponseValue {
  static var schema: Schema { .integer(format: "int32") }
  func write(to json: inout JSONWriter) { json.value(self) }
}

extension Int64: ResponseValue {
  static var schema: Schema { .integer(format: "int64") }
  func write(to json: inout JSONWriter) { json.value(self) }
}

extension Double: ResponseValue {
  static var schema: Schema { .double }
  func write(to json: inout JSONWriter) { json.value(self) }
}

extension UUID: ResponseValue {
  static var schema: Schema { .uuid }
  func write(to json: inout JSONWriter) { json.value(description) }
}

extension Timestamp: ResponseValue {
  static var schema: Schema { .instant }
  func write(to json: inout JSONWriter) { json.value(rfc3339) }
}

/// Any value, for data that is only passed on.
extension JSONValue: ResponseValue {
  static var schema: Schema { .any }
  func write(to json: inout JSONWriter) { json.value(self) }
}

/// For an enum with texts as raw values: its schema lists them.
extension ResponseValue where Self: CaseIterable & RawRepresentable, RawValue == String {
  static var schema: Schema { .choice(allCases.map(\.rawValue)) }
  func write(to json: inout JSONWriter) { json.value(rawValue) }
}

extension Role: ResponseValue {}
