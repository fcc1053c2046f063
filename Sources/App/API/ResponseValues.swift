// The values that answers consist of. The log writes texts, numbers, flags and ids the same way (`LogValue`).

import Protocol

extension String: ResponseValue {
  static var schema: Schema { .string }
}

extension Bool: ResponseValue {
  static var schema: Schema { .boolean }
}

extension Int: ResponseValue {
  static var schema: Schema { .integer(format: "int64") }
}

extension Int32: ResponseValue {
  static var schema: Schema { .integer(format: "int32") }
}

extension Int64: ResponseValue {
  static var schema: Schema { .integer(format: "int64") }
}

extension Double: ResponseValue {
  static var schema: Schema { .double }
}

extension UUID: ResponseValue {
  static var schema: Schema { .uuid }
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
