import Protocol
import Testing

private func parse(_ text: String, limits: JSONValueLimits = JSONValueLimits()) throws(JSONValueError) -> JSONValue {
  try JSONValue.parse(Array(text.utf8).span, limits: limits)
}

private func parse(bytes: [UInt8]) throws(JSONValueError) -> JSONValue { try JSONValue.parse(bytes.span) }

private func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
  var object = JSONObject()
  for (name, value) in members { object[name] = value }
  return .object(object)
}

@Suite struct JSONValueTests {
  @Test(arguments: [
    ("y_null", "null", JSONValue.null),
    ("y_true_with_space", " \t\r\ntrue\n", .bool(true)),
    ("y_false", "false", .bool(false)),
    ("y_zero", "0", .integer(0)),
    ("y_negative", "-12", .integer(-12)),
    ("y_negative_zero", "-0", .double(-0.0)),
    ("y_int64_max", "9223372036854775807", .integer(.max)),
    ("y_int64_min", "-9223372036854775808", .integer(.min)),
    ("y_int64_max_plus_1", "9223372036854775808", .double(9_223_372_036_854_775_808)),
    ("y_fraction", "1.5", .double(1.5)),
    ("y_whole_fraction", "2.0", .double(2)),
    ("y_exponent", "1E+2", .double(100)),
    ("y_exponent_of_zero", "0e-1", .double(0)),
    ("y_smallest_double", "5e-324", .double(.leastNonzeroMagnitude)),
    ("y_underflow_to_zero", "1e-999", .double(0)),
    ("y_empty_string", #""""#, .string("")),
    ("y_escapes", #""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")),
    ("y_escaped_nul", #""a\u0000b""#, .string("a\0b")),
    ("y_escaped_euro_both_cases", #""\u20ac\u20AC""#, .string("€€")),
    ("y_surrogate_pair", #""\ud83d\uDE00""#, .string("😀")),
    ("y_raw_utf8", #""Zürich 😀""#, .string("Zürich 😀")),
    ("y_empty_array", "[ ]", .array([])),
    ("y_nested_arrays", "[[],[null,1]]", .array([.array([]), .array([.null, .integer(1)])])),
    ("y_empty_object", "{ }", .object(JSONObject())),
    ("y_object", #"{"b":1,"a":[true]}"#, object(["b": .integer(1), "a": .array([.bool(true)])])),
    ("y_empty_key", #"{"":0}"#, object(["": .integer(0)])),
  ])
  func `valid JSON is accepted`(name: String, text: String, expected: JSONValue) throws {
    #expect(try parse(text) == expected)
  }

  @Test(arguments: [
    ("n_empty", "", JSONValueError.Reason.unexpectedEnd, 0),
    ("n_only_space", "  ", .unexpectedEnd, 2),
    ("n_byte_order_mark", "\u{FEFF}1", .unexpectedByte(0xEF), 0),
    ("n_word_cut", "tru", .unexpectedEnd, 3),
    ("n_word_case", "True", .unexpectedByte(UInt8(ascii: "T")), 0),
    ("n_nan", "NaN", .unexpectedByte(UInt8(ascii: "N")), 0),
    ("n_plus", "+1", .unexpectedByte(UInt8(ascii: "+")), 0),
    ("n_leading_zero", "01", .invalidNumber, 0),
    ("n_minus_alone", "-", .unexpectedEnd, 1),
    ("n_minus_letter", "-x", .invalidNumber, 0),
    ("n_dot_without_digits", "1.", .unexpectedEnd, 2),
    ("n_dot_first", ".5", .unexpectedByte(UInt8(ascii: ".")), 0),
    ("n_exponent_without_digits", "[1e]", .invalidNumber, 1),
    ("n_hex", "0x10", .invalidNumber, 0),
    ("n_too_large_a_double", "[1e309]", .numberOutOfRange, 1),
    ("n_string_unclosed", #""abc"#, .unexpectedEnd, 4),
    ("n_string_raw_newline", "\"a\nb\"", .controlCharacter, 2),
    ("n_escape_unknown", #""\x""#, .invalidEscape, 1),
    ("n_escape_short", #""\u12""#, .invalidEscape, 1),
    ("n_escape_cut", #""\u12"#, .unexpectedEnd, 5),
    ("n_lone_lead_surrogate", #""\ud800""#, .loneSurrogate, 1),
    ("n_lone_trail_surrogate", #""\udc00""#, .loneSurrogate, 1),
    ("n_lead_lead", #""\ud800\ud800""#, .loneSurrogate, 1),
    ("n_single_quotes", "'a'", .unexpectedByte(UInt8(ascii: "'")), 0),
    ("n_array_trailing_comma", "[1,]", .unexpectedByte(UInt8(ascii: "]")), 3),
    ("n_array_no_comma", "[1 2]", .unexpectedByte(UInt8(ascii: "2")), 3),
    ("n_array_unclosed", "[1", .unexpectedEnd, 2),
    ("n_object_trailing_comma", #"{"a":1,}"#, .unexpectedByte(UInt8(ascii: "}")), 7),
    ("n_object_unquoted_key", "{a:1}", .unexpectedByte(UInt8(ascii: "a")), 1),
    ("n_object_no_colon", #"{"a" 1}"#, .unexpectedByte(UInt8(ascii: "1")), 5),
    ("n_object_wrong_bracket", #"{"a":1]"#, .unexpectedByte(UInt8(ascii: "]")), 6),
    ("n_duplicate_key", #"{"a":1,"\u0061":2}"#, .duplicateKey("a"), 7),
    ("n_comment", "1//", .invalidNumber, 0),
    ("n_two_values", "{} {}", .trailingBytes, 3),
  ])
  func `invalid JSON is refused`(name: String, text: String, reason: JSONValueError.Reason, offset: Int) {
    #expect(throws: JSONValueError(reason: reason, offset: offset)) { try parse(text) }
  }

  @Test(arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0xF4, 0x90, 0x80, 0x80]] as [[UInt8]])
  func `invalid UTF-8 in a string is refused`(bytes: [UInt8]) {
    let text = [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]
    #expect(throws: JSONValueError(reason: .invalidUTF8, offset: 1)) { try parse(bytes: text) }
  }

  @Test func `the depth limit is accepted, and one more level is refused`() throws {
    let limits = JSONValueLimits(depth: 5)
    _ = try parse(#"[{"a":[[{}]]}]"#, limits: limits)
    #expect(throws: JSONValueError(reason: .tooDeep(limit: 5), offset: 5)) { try parse("[[[[[[]]]]]]", limits: limits) }
  }

  @Test func `the end of a container gives its depth back`() throws {
    _ = try parse("[[],[],[],{},{}]", limits: JSONValueLimits(depth: 2))
  }

  @Test func `the size limit is accepted, and one byte more is refused`() throws {
    _ = try parse("[1,2]", limits: JSONValueLimits(bytes: 5))
    #expect(throws: JSONValueError(reason: .tooLarge(limit: 5), offset: 5)) {
      try parse("[1,2] ", limits: JSONValueLimits(bytes: 5))
    }
  }

  @Test func `every proper prefix of an object is refused`() throws {
    let text = Array(#"{"a":[1.5e3,"x\u00e9\ud83d\ude00",null,true],"b":{"c":-2}}"#.utf8)
    _ = try parse(bytes: text)
    for end in text.indices {
      #expect(throws: JSONValueError.self) { try parse(bytes: Array(text[..<end])) }
    }
  }

  @Test(arguments: SeededGenerator.fuzzSeeds("JSONValue"))
  func `mutated text does not trap, and accepted text survives being written`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let text = Array(#"{"a":[1.5e3,"x\u00e9\ud83d\ude00",null,true,[]],"b":{"c":-2,"d":""}}"#.utf8)
    let alphabet = Array(#"{}[]",:\u0123456789eE+-. tfn"#.utf8) + [0x00, 0x80, 0xFF]
    for _ in 0..<2000 {
      var mutated = text
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        mutated[Int.random(in: mutated.indices, using: &generator)] = alphabet.randomElement(using: &generator) ?? 0
      }
      guard case .success(let value) = Result(catching: { try parse(bytes: mutated) }) else { continue }
      var writer = JSONWriter()
      writer.value(value)
      let buffer = writer.finish()
      let written = buffer.withUnsafeBytes { Array($0) }
      #expect(try parse(bytes: written) == value)
    }
  }

  @Test func `members are replaced, appended and removed by name`() {
    var object = JSONObject()
    object["a"] = .integer(1)
    object["b"] = .null
    object["a"] = .integer(2)
    #expect(object.members.map(\.name) == ["a", "b"])
    #expect(object["a"] == .integer(2))
    object["a"] = nil
    object["c"] = nil
    #expect(object.members.map(\.name) == ["b"])
  }
}
