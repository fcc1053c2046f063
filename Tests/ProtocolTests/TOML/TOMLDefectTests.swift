import Protocol
import Testing

/// A text that is refused, with the place and the reason.
struct TOMLDefect: Sendable, CustomTestStringConvertible {
  let text: String
  let line: Int
  let column: Int
  let reason: TOMLError.Reason

  init(_ text: String, _ line: Int, _ column: Int, _ reason: TOMLError.Reason) {
    self.text = text
    self.line = line
    self.column = column
    self.reason = reason
  }

  var testDescription: String { text }

  func expectRefusal(_ location: SourceLocation = #_sourceLocation) {
    #expect(throws: TOMLError(line: line, column: column, reason: reason), sourceLocation: location) {
      try parseTOML(text)
    }
  }
}

@Suite struct TOMLDefectTests {
  @Test(arguments: [
    TOMLDefect("= 1", 1, 1, .expected(.key)),
    TOMLDefect("a", 1, 2, .unexpectedEnd),
    TOMLDefect("a\n", 1, 2, .expected(.equalsSign)),
    TOMLDefect("a b = 1", 1, 3, .expected(.equalsSign)),
    TOMLDefect("a =", 1, 4, .unexpectedEnd),
    TOMLDefect("a =\n1", 1, 4, .expected(.value)),
    TOMLDefect("a = # c", 1, 5, .expected(.value)),
    TOMLDefect("a = 1 b = 2", 1, 7, .expected(.endOfLine)),
    TOMLDefect("a = 1, ", 1, 6, .expected(.endOfLine)),
    TOMLDefect("a = 'x' y", 1, 9, .expected(.endOfLine)),
    TOMLDefect("a. = 1", 1, 4, .expected(.key)),
    TOMLDefect("a..b = 1", 1, 3, .expected(.key)),
    TOMLDefect(".a = 1", 1, 1, .expected(.key)),
    TOMLDefect("a.\nb = 1", 1, 3, .expected(.key)),
    TOMLDefect("é = 1", 1, 1, .expected(.key)),
    TOMLDefect("a+b = 1", 1, 2, .expected(.equalsSign)),
    TOMLDefect("\"\"\"a\"\"\" = 1", 1, 1, .multiLineKey),
    TOMLDefect("b.'''a''' = 1", 1, 3, .multiLineKey),
    TOMLDefect("'a\n' = 1", 1, 1, .unterminatedString),
    TOMLDefect("\u{FEFF}a = ?", 1, 5, .expected(.value)),
    TOMLDefect("\u{FEFF}\u{FEFF}a = 1", 1, 1, .expected(.key)),
    TOMLDefect("a = 1\n\u{FEFF}b = 1", 2, 1, .expected(.key)),
    TOMLDefect("[]", 1, 2, .expected(.key)),
    TOMLDefect("[a", 1, 3, .unexpectedEnd),
    TOMLDefect("[a\n]", 1, 3, .expected(.headerEnd)),
    TOMLDefect("[a]]", 1, 4, .expected(.endOfLine)),
    TOMLDefect("[a] b = 1", 1, 5, .expected(.endOfLine)),
    TOMLDefect("[a b]", 1, 4, .expected(.headerEnd)),
    TOMLDefect("[a.]", 1, 4, .expected(.key)),
    TOMLDefect("[ [a]]", 1, 3, .expected(.key)),
    TOMLDefect("[[a] ]", 1, 5, .expected(.arrayHeaderEnd)),
    TOMLDefect("[[a]", 1, 5, .unexpectedEnd),
    TOMLDefect("[[]]", 1, 3, .expected(.key)),
    TOMLDefect("a = 1\n\n  ] = 2", 3, 3, .expected(.key)),
    TOMLDefect("a = 'ü😀'x", 1, 9, .expected(.endOfLine)),
  ])
  func `a defective line is refused`(defect: TOMLDefect) { defect.expectRefusal() }

  @Test(arguments: [
    TOMLDefect("v = [1 2]", 1, 8, .expected(.commaOrArrayEnd)),
    TOMLDefect("v = [,]", 1, 6, .expected(.value)),
    TOMLDefect("v = [1,,2]", 1, 8, .expected(.value)),
    TOMLDefect("v = [1", 1, 7, .unexpectedEnd),
    TOMLDefect("v = [1,\n# c", 2, 4, .unexpectedEnd),
    TOMLDefect("v = [\n1\n}", 3, 1, .expected(.commaOrArrayEnd)),
    TOMLDefect("v = {", 1, 6, .unexpectedEnd),
    TOMLDefect("v = { a = 1, }", 1, 14, .expected(.key)),
    TOMLDefect("v = { , }", 1, 7, .expected(.key)),
    TOMLDefect("v = { a = 1 b = 2 }", 1, 13, .expected(.commaOrInlineTableEnd)),
    TOMLDefect("v = { a = 1\n}", 1, 12, .expected(.commaOrInlineTableEnd)),
    TOMLDefect("v = {\na = 1 }", 1, 6, .expected(.key)),
    TOMLDefect("v = { a = 1, # c\n b = 2 }", 1, 14, .expected(.key)),
    TOMLDefect("v = { a }", 1, 9, .expected(.equalsSign)),
    TOMLDefect("v = {} {}", 1, 8, .expected(.endOfLine)),
  ])
  func `a defective container is refused`(defect: TOMLDefect) { defect.expectRefusal() }

  @Test(arguments: [
    TOMLDefect(#"v = "abc"#, 1, 5, .unterminatedString),
    TOMLDefect("v = \"a\nb\"", 1, 5, .unterminatedString),
    TOMLDefect("v = 'a\r\nb'", 1, 5, .unterminatedString),
    TOMLDefect("x = 1\nv = \"\"\"a\nb\"\"", 2, 5, .unterminatedString),
    TOMLDefect("v = '''a''", 1, 5, .unterminatedString),
    TOMLDefect(#"v = """a"""""""#, 1, 14, .expected(.endOfLine)),
    TOMLDefect("v = '''a''''''", 1, 14, .expected(.endOfLine)),
    TOMLDefect(#"v = "é\x00""#, 1, 7, .invalidEscape),
    TOMLDefect(#"v = "\e""#, 1, 6, .invalidEscape),
    TOMLDefect(#"v = "\ ""#, 1, 6, .invalidEscape),
    TOMLDefect(#"v = "\u12g4""#, 1, 6, .invalidEscape),
    TOMLDefect(#"v = "\u123""#, 1, 6, .invalidEscape),
    TOMLDefect(#"v = "\uD800""#, 1, 6, .invalidEscape),
    TOMLDefect(#"v = "\uDFFF""#, 1, 6, .invalidEscape),
    TOMLDefect(#"v = "\U00110000""#, 1, 6, .invalidEscape),
    TOMLDefect(#"v = "\U0001F60""#, 1, 6, .invalidEscape),
    TOMLDefect(#"v = "\"#, 1, 6, .invalidEscape),
    TOMLDefect("v = \"\"\"\na \\ b\"\"\"", 2, 3, .invalidEscape),
    TOMLDefect("v = \"a\u{0}\"", 1, 7, .controlCharacter),
    TOMLDefect("v = \"a\u{1F}\"", 1, 7, .controlCharacter),
    TOMLDefect("v = \"a\u{7F}\"", 1, 7, .controlCharacter),
    TOMLDefect("v = 'a\u{8}'", 1, 7, .controlCharacter),
    TOMLDefect("v = 'a\rb'", 1, 7, .controlCharacter),
    TOMLDefect("v = \"\"\"\na\rb\"\"\"", 2, 2, .controlCharacter),
    TOMLDefect("v = '''\n\u{B}'''", 2, 1, .controlCharacter),
    TOMLDefect("# a\u{0}", 1, 4, .controlCharacter),
    TOMLDefect("# a\rb", 1, 4, .controlCharacter),
    TOMLDefect("# a\u{7F}", 1, 4, .controlCharacter),
    TOMLDefect("v = [1, # \u{1}\n]", 1, 11, .controlCharacter),
    TOMLDefect("v = 1\r", 1, 6, .controlCharacter),
    TOMLDefect("\r", 1, 1, .controlCharacter),
    TOMLDefect("\u{0}", 1, 1, .controlCharacter),
    TOMLDefect("a = 1\n\u{C}", 2, 1, .controlCharacter),
  ])
  func `a malformed string or control character is refused`(defect: TOMLDefect) { defect.expectRefusal() }

  @Test(arguments: [
    "01", "+01", "-00", "00", "1_", "_1", "1__2", "+_1", "+", "-", "++1", "1+", "0x", "0X1", "0xg", "0x_1", "0x1_",
    "+0x1",
    "-0b1", "0o8", "0O7", "0b2", "0B1", "1a", "0_1", ".5", "5.", "5._1", "5_.1", "1.2.3", "1e", "1e+", "1e_1", "1e1_",
    "1.e1",
    "01.5", "1e1.5", "-.5", "+inf_", "+Inf", "-NaN", "0x1.8", "1.5f", "1:2",
  ])
  func `a malformed number is refused`(text: String) {
    // A leading underscore begins a word, as a letter does.
    let reason: TOMLError.Reason = text.hasPrefix("_") ? .expected(.value) : .invalidNumber
    TOMLDefect("v = \(text)", 1, 5, reason).expectRefusal()
  }

  @Test(arguments: [
    "True", "TRUE", "tru", "truer", "yes", "null", "Inf", "infinity", "NaN", "word", "a.b", "@", "~", "é",
  ])
  func `a bare word is refused`(text: String) { TOMLDefect("v = [\(text)]", 1, 6, .expected(.value)).expectRefusal() }

  @Test(arguments: [
    "9223372036854775808", "-9223372036854775809", "0x8000000000000000", "0o1000000000000000000000",
    "99999999999999999999999999999999",
  ])
  func `an integer beyond 64 bits is refused`(text: String) {
    TOMLDefect("v = \(text)", 1, 5, .integerOutOfRange).expectRefusal()
  }

  @Test(arguments: ["1e309", "-1.8e308", "1e99999999999999999999"])
  func `a float beyond the largest double is refused`(text: String) {
    TOMLDefect("v = \(text)", 1, 5, .floatOutOfRange).expectRefusal()
  }

  @Test(arguments: [
    "1979-5-27", "1979-05-7", "1979-13-01", "1979-00-01", "1979-01-00", "1979-01-32", "1979-04-31", "2023-02-29",
    "1900-02-29", "1979-05-27T", "1979-05-27T07:32", "1979-05-27T07:32Z", "1979-05-27T24:00:00", "1979-05-27T07:60:00",
    "1979-05-27T07:32:61", "1979-05-27T07:32:00.", "1979-05-27T07:32:00.Z", "1979-05-27T07:32:00+7:00",
    "1979-05-27T07:32:00+0700", "1979-05-27T07:32:00+24:00", "1979-05-27T07:32:00-00:60", "1979-05-27T07:32:00ZZ",
    "1979-05-27 07:32", "1979-05-27x07:32:00", "1979-05-270", "07:32", "7:32:00x", "24:00:00", "07:32:00Z",
    "07:32:00+01:00", "07:3x:00", "07:32:0", "1979-", "19:",
  ])
  func `a malformed date or time is refused`(text: String) {
    // "7:32" does not look like a time, so it is read as a number.
    let reason: TOMLError.Reason = text.hasPrefix("7:") ? .invalidNumber : .invalidDateTime
    TOMLDefect("v = \(text)", 1, 5, reason).expectRefusal()
  }

  @Test(
    arguments: [
      ([0xFF], 0), ([0x61, 0xC0, 0x80], 1), ([0x23, 0xED, 0xA0, 0x80], 1), ([0x23, 0xC3, 0xA9, 0xE2, 0x82], 2),
      ([0x23, 0xF4, 0x90, 0x80, 0x80], 1),
    ] as [([UInt8], Int)])
  func `bytes that are not UTF-8 are refused at any place`(bytes: [UInt8], scalarsBefore: Int) {
    let prefix = Array("# ok\n".utf8)
    #expect(throws: TOMLError(line: 2, column: scalarsBefore + 1, reason: .invalidUTF8)) {
      try parseTOML(bytes: prefix + bytes)
    }
  }

  @Test func `an error states fault and place in one line`() throws {
    let error = #expect(throws: TOMLError.self) { try parseTOML("[a]\nb = 1\ntls = 2; b = 2") }
    #expect(error.map { "\($0)" } == "line 3, column 8: the end of the line is expected")
    let twice = #expect(throws: TOMLError.self) { try parseTOML("[a]\nx.b = 1\n  é = 0") }
    #expect(twice.map { "\($0)" } == "line 3, column 3: a key is expected")
    let repeated = #expect(throws: TOMLError.self) { try parseTOML("'ü'.a=1\nb=2\n'ü'. \t a=3") }
    #expect(repeated.map { "\($0)" } == "line 3, column 8: a key is defined twice")
  }
}
