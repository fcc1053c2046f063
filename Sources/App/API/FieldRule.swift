// The rule for a field of a body or a query. One value holds the check, the schema and the sentence about a fault, so
// that the documentation and the check agree.

import Protocol

/// The rule for one value.
struct FieldRule<Value: Sendable>: Sendable {
  var schema: Schema
  /// The value that stands for a missing or wrong one until the request is refused. It is also used while describing.
  let standIn: Value
  /// Reads a JSON value. A fault is added to the errors under the given path.
  let read: @Sendable (JSONValue, String, inout FieldErrors) -> Value?
  /// Reads the text of a query parameter. Nil for values without a text form: lists and objects.
  let readText: (@Sendable (String, String, inout FieldErrors) -> Value?)?

  /// A rule for a single value.
  /// - Parameters:
  ///   - expectation: completes "<field> …", e.g. `must be true or false`.
  ///   - json: returns nil for a wrong value; `text` does the same.
  init(
    _ schema: Schema, standIn: Value, expectation: String, json: @escaping @Sendable (JSONValue) -> Value?,
    text: @escaping @Sendable (String) -> Value?
  ) {
    self.schema = schema
    self.standIn = standIn
    read = { value, path, errors in
      if let read = json(value) { return read }
      errors.add(path, expectation)
      return nil
    }
    readText = { value, path, errors in
      if let read = text(value) { return read }
      errors.add(path, expectation)
      return nil
    }
  }

  /// A rule for a value with parts, which report their own faults.
  init(
    _ schema: Schema, standIn: Value, read: @escaping @Sendable (JSONValue, String, inout FieldErrors) -> Value?
  ) {
    self.schema = schema
    self.standIn = standIn
    self.read = read
    readText = nil
  }
}

extension FieldRule {
  /// A rule for a text that is read in the same way from a body and a query.
  private static func text(
    _ schema: Schema, standIn: Value, expectation: String, _ parse: @escaping @Sendable (String) -> Value?
  ) -> FieldRule {
    FieldRule(
      schema, standIn: standIn, expectation: expectation,
      json: { if case .string(let text) = $0 { parse(text) } else { nil } }, text: parse)
  }
}

extension FieldRule where Value == String {
  /// One line: `length` code points without control characters (PostgreSQL cannot store NUL).
  static func string(_ length: ClosedRange<Int>, format: String? = nil) -> FieldRule {
    var schema = Schema.string
    schema.count = length
    schema.format = format
    schema.pattern = #"^[^\u0000-\u001F\u007F]*$"#
    return text(
      schema, standIn: "",
      expectation: "must be a text of \(length.lowerBound) to \(length.upperBound) characters on one line"
    ) { text in
      let scalars = text.unicodeScalars
      let isOneLine = !scalars.contains { $0.value < 0x20 || $0.value == 0x7F }
      return isOneLine && length.contains(scalars.count) ? text : nil
    }
  }

  /// A name that another system chose: any characters except NUL, which PostgreSQL cannot store. It may be empty.
  static var name: FieldRule {
    var schema = Schema.string
    schema.count = 0...4096
    schema.pattern = Schema.withoutNUL
    return text(schema, standIn: "", expectation: "must be a text of 0 to 4096 characters") { text in
      text.unicodeScalars.count <= 4096 && !text.utf8.contains(0) ? text : nil
    }
  }

  /// A password or another secret: any characters except NUL. It is never shown.
  static func secret(_ length: ClosedRange<Int>) -> FieldRule {
    var schema = Schema.string(format: "password")
    schema.count = length
    schema.pattern = Schema.withoutNUL
    return text(
      schema, standIn: "",
      expectation: "must be a text of \(length.lowerBound) to \(length.upperBound) characters"
    ) { text in
      length.contains(text.unicodeScalars.count) && !text.utf8.contains(0) ? text : nil
    }
  }

  /// Several lines, e.g. PEM: `length` bytes of UTF-8 without NUL.
  /// - Parameter format: the name of the text's format. A schema cannot describe the format any further.
  static func lines(bytes length: ClosedRange<Int>, format: String) -> FieldRule {
    text(
      .string(format: format), standIn: "",
      expectation: "must be a text of \(length.lowerBound) to \(length.upperBound) bytes"
    ) { text in
      length.contains(text.utf8.count) && !text.utf8.contains(0) ? text : nil
    }
  }

  /// An e-mail address: a text with one `@` inside. Only sending a mail can show whether the address works.
  static var email: FieldRule {
    var schema = Schema.string(format: "email")
    schema.count = 3...254
    return text(schema, standIn: "", expectation: "must be an e-mail address") { text in
      let parts = text.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
      let isClean = !text.unicodeScalars.contains { $0.value <= 0x20 || $0.value == 0x7F }
      return (3...254).contains(text.unicodeScalars.count) && isClean && parts.count == 2
        && parts.allSatisfy { !$0.isEmpty } ? text : nil
    }
  }
}

extension FieldRule where Value == String {
  /// One of some texts.
  static func choice(of texts: [String]) -> FieldRule {
    text(.choice(texts), standIn: texts[0], expectation: "must be one of \(texts.joined(separator: ", "))") { text in
      texts.contains(text) ? text : nil
    }
  }
}

extension FieldRule where Value == Int64 {
  /// A 64-bit identifier as a text. As a number it would change in programs that know only doubles.
  static var identifier: FieldRule {
    var schema = Schema.string
    schema.pattern = "^-?[0-9]{1,19}$"
    return text(schema, standIn: 0, expectation: "must be a whole number of 64 bits") { text in
      text.utf8.first == UInt8(ascii: "+") ? nil : Int64(text)
    }
  }
}

extension FieldRule where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> FieldRule {
    var schema = Schema.integer(format: range.upperBound <= Int(Int32.max) ? "int32" : "int64")
    schema.minimum = .integer(Int64(range.lowerBound))
    schema.maximum = .integer(Int64(range.upperBound))
    return FieldRule(
      schema, standIn: range.lowerBound,
      expectation: "must be a whole number from \(range.lowerBound) to \(range.upperBound)",
      json: { value in
        switch value {
        case .integer(let number): range.contains(Int(number)) ? Int(number) : nil
        // JSON Schema counts 5.0 as an integer, and some clients send only such numbers.
        case .double(let number): Int(exactly: number).flatMap { range.contains($0) ? $0 : nil }
        case .null, .bool, .string, .array, .object: nil
        }
      },
      text: { text in
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text) else { return nil }
        return range.contains(number) ? number : nil
      })
  }
}

extension FieldRule where Value == Double {
  static func number(_ range: ClosedRange<Double>) -> FieldRule {
    var schema = Schema.double
    schema.minimum = .double(range.lowerBound)
    schema.maximum = .double(range.upperBound)
    let parse: @Sendable (Double) -> Double? = { range.contains($0) ? $0 : nil }
    return FieldRule(
      schema, standIn: range.lowerBound,
      expectation: "must be a number from \(range.lowerBound) to \(range.upperBound)",
      json: { value in
        switch value {
        case .integer(let number): parse(Double(number))
        case .double(let number): parse(number)
        case .null, .bool, .string, .array, .object: nil
        }
      },
      // The grammar of JSON, so that "nan", "0x1p3" and "inf" are rejected here, too.
      text: { text in
        switch Result(catching: { () throws(JSONValueError) in try JSONValue.parse(Array(text.utf8).span) }) {
        case .success(.integer(let number)): parse(Double(number))
        case .success(.double(let number)): parse(number)
        case .success, .failure: nil
        }
      })
  }
}

extension FieldRule where Value == Bool {
  static var flag: FieldRule {
    FieldRule(
      .boolean, standIn: false, expectation: "must be true or false",
      json: { if case .bool(let flag) = $0 { flag } else { nil } }, text: { Bool($0) })
  }
}

extension FieldRule where Value == UUID {
  static var uuid: FieldRule {
    text(.uuid, standIn: UUID(high: 0, low: 0), expectation: "must be a UUID") { UUID($0) }
  }
}

extension FieldRule where Value == Timestamp {
  static var instant: FieldRule {
    text(
      .instant, standIn: Timestamp(unixSeconds: 0),
      expectation: "must be an RFC 3339 time such as 2026-01-31T12:00:00Z (in a query, + is written %2B)"
    ) { Timestamp(rfc3339: $0) }
  }
}

extension FieldRule where Value == Duration {
  /// A duration: a whole number and a unit, such as `30s`, `5m`, `24h`, `7d`, `2w`.
  static func duration(_ range: ClosedRange<Duration>) -> FieldRule {
    var schema = Schema.string
    schema.pattern = DurationPattern.of(range)
    let bounds = (DurationText.write(range.lowerBound), DurationText.write(range.upperBound))
    schema.limits = "From \(bounds.0) to \(bounds.1)."
    return text(
      schema, standIn: range.lowerBound,
      expectation: "must be a duration from \(bounds.0) to \(bounds.1): a number with the unit s, m, h, d or w"
    ) { text in
      DurationText.parse(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }
}

extension FieldRule where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
  /// One of the raw values of `Value`.
  static func choice(_ type: Value.Type = Value.self) -> FieldRule {
    let cases = Array(Value.allCases)
    let values = cases.map(\.rawValue)
    return text(
      .choice(values), standIn: cases[0], expectation: "must be one of \(values.joined(separator: ", "))"
    ) { Value(rawValue: $0) }
  }
}

extension FieldRule where Value == JSONValue {
  /// Any value, for data that is only passed on.
  static var any: FieldRule {
    FieldRule(.any, standIn: .null) { value, _, _ in value }
  }
}

extension FieldRule {
  /// An array of `count` elements, each checked by `rule`.
  static func list<Element>(_ rule: FieldRule<Element>, count: ClosedRange<Int>) -> FieldRule where Value == [Element] {
    FieldRule(.array(of: rule.schema, count: count), standIn: []) { value, path, errors in
      guard case .array(let elements) = value, count.contains(elements.count) else {
        errors.add(path, "must be an array of \(count.lowerBound) to \(count.upperBound) elements")
        return nil
      }
      return elements.enumerated().map { index, element in
        rule.read(element, "\(path)[\(index)]", &errors) ?? rule.standIn
      }
    }
  }

  /// An object that has rules for its own fields.
  static func object(_ type: Value.Type = Value.self) -> FieldRule where Value: RequestBody {
    var describing = ObjectReader.describing()
    let standIn = Value(from: &describing)
    let schema = Schema.object(named: Value.schemaName, describing.properties, isClosed: true)
    return FieldRule(schema, standIn: standIn) { value, path, errors in
      guard case .object(let members) = value else {
        errors.add(path, "must be an object")
        return nil
      }
      var reader = ObjectReader.decoding(members, path: path, errors: errors)
      let read = Value(from: &reader)
      errors = reader.finish()
      return read
    }
  }
}
