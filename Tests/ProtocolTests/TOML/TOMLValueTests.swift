import Protocol
import Testing

@Suite struct TOMLValueTests {
  @Test(arguments: [
    ("bare", "Key_1-a = 1", #""Key_1-a" = 1"#),
    ("bare_digits", "1234 = 'v'", #""1234" = "v""#),
    ("bare_dash", "- = 1", #""-" = 1"#),
    ("bare_like_a_date", "2001-02-03 = 1", #""2001-02-03" = 1"#),
    ("basic", #""a.b\tc" = 1"#, #""a.b\tc" = 1"#),
    ("literal", #"'q"q' = 1"#, #""q\"q" = 1"#),
    ("empty_basic", #""" = 1"#, #""" = 1"#),
    ("empty_literal", "'' = 1", #""" = 1"#),
    ("dotted", "a.b.c = 1", #""a" = {"b" = {"c" = 1}}"#),
    ("dotted_blanks", "a . \t'b' . \"c\"\t= 1", #""a" = {"b" = {"c" = 1}}"#),
    ("dotted_quoted_dot", "site.'example.org' = true", #""site" = {"example.org" = true}"#),
    ("dotted_like_a_float", "3.14 = 'pi'", #""3" = {"14" = "pi"}"#),
    ("dotted_siblings", "a.b = 1\na.c = 2", #""a" = {"b" = 1, "c" = 2}"#),
    ("dotted_out_of_order", "a.b = 1\nx.y = 2\na.c = 3", #""a" = {"b" = 1, "c" = 3}, "x" = {"y" = 2}"#),
    ("quoted_is_bare", "x = 1\n'y' = 2", #""x" = 1, "y" = 2"#),
    ("indented", "\t  a = 1", #""a" = 1"#),
    ("no_blanks", "a=1", #""a" = 1"#),
    ("equivalent_but_different", "'é' = 1\n'e\u{301}' = 2", "\"é\" = 1, \"e\u{301}\" = 2"),
  ])
  func `a key is read`(name: String, text: String, expected: String) throws {
    let table = try parseTOML(text)
    // The bytes are compared, so that the two spellings of é stay different.
    #expect(Array(spelling(table).utf8) == Array(expected.utf8))
  }

  @Test(arguments: [
    ("basic", #""a b""#, "a b"),
    ("empty", #""""#, ""),
    ("escapes", #""\b\t\n\f\r\"\\""#, "\u{8}\t\n\u{C}\r\"\\"),
    ("unicode_4", #""\u00e9\u20AC\u0000""#, "é€\0"),
    ("unicode_8", #""\U0001F600\U0010FFFF""#, "😀\u{10FFFF}"),
    ("around_surrogates", #""\uD7FF\uE000""#, "\u{D7FF}\u{E000}"),
    ("raw_utf8_and_tab", "\"Zürich\t😀\"", "Zürich\t😀"),
    ("hash_inside", #""no # comment""#, "no # comment"),
    ("literal", #"'C:\Users\n "x"'"#, #"C:\Users\n "x""#),
    ("literal_empty", "''", ""),
    ("multi", "\"\"\"\nRoses\nViolets\"\"\"", "Roses\nViolets"),
    ("multi_empty", "\"\"\"\"\"\"", ""),
    ("multi_only_newline", "\"\"\"\n\"\"\"", ""),
    ("multi_keeps_second_newline", "\"\"\"\n\na\"\"\"", "\na"),
    ("multi_crlf", "\"\"\"\r\na\r\nb\"\"\"", "a\r\nb"),
    ("multi_line_continuation", "\"\"\"\nThe quick \\\n\n\n  brown \\  \t\n  fox.\\\n  \"\"\"", "The quick brown fox."),
    ("multi_continuation_crlf", "\"\"\"a\\\r\n\r\n b\"\"\"", "ab"),
    ("multi_escaped_backslash_at_end", "\"\"\"a\\\\\nb\"\"\"", "a\\\nb"),
    ("multi_one_quote", #""""a"b""""#, #"a"b"#),
    ("multi_two_quotes", #""""a""b""""#, #"a""b"#),
    ("multi_one_quote_at_end", #""""a"""""#, #"a""#),
    ("multi_two_quotes_at_end", #""""a""""""#, #"a"""#),
    ("multi_only_two_quotes", #""""""""""#, "\"\""),
    ("multi_escaped_third", #""""a""\"b""""#, #"a"""b"#),
    ("multi_literal", "'''\nI [dw]on't \\\nneed'''", "I [dw]on't \\\nneed"),
    ("multi_literal_quotes_at_end", "''''x'''''", "'x''"),
    ("multi_literal_double_quotes", #"'''a"""b'''"#, #"a"""b"#),
  ])
  func `a string is read`(name: String, text: String, expected: String) throws {
    let value = try parseTOML("v = \(text)")["v"]
    #expect(value == .string(expected))
  }

  @Test(
    arguments: [
      ("zero", "0", 0), ("plus_zero", "+0", 0), ("minus_zero", "-0", 0), ("plus", "+99", 99), ("minus", "-17", -17),
      ("underscores", "5_349_221", 5_349_221), ("underscore_each", "1_2_3_4_5", 12_345),
      ("largest", "9223372036854775807", .max), ("smallest", "-9_223_372_036_854_775_808", .min),
      ("hex", "0xDEADBEEF", 0xDEAD_BEEF), ("hex_mixed", "0xdead_BEEF", 0xDEAD_BEEF), ("hex_zeros", "0x00_0f", 15),
      ("hex_largest", "0x7fffffffffffffff", .max), ("hex_e", "0xe", 14),
      ("octal", "0o01234567", 342_391), ("octal_zero", "0o0", 0), ("binary", "0b1101_0110", 0xD6),
    ] as [(String, String, Int64)])
  func `an integer is read`(name: String, text: String, expected: Int64) throws {
    #expect(try parseTOML("v = \(text)")["v"] == .integer(expected))
  }

  @Test(arguments: [
    ("plus", "+1.0", 1), ("fraction", "3.1415", 3.1415), ("minus", "-0.01", -0.01), ("exponent", "5e+22", 5e22),
    ("exponent_zeros", "1e006", 1e6), ("capital", "-2E-2", -2e-2), ("both", "6.626e-34", 6.626e-34),
    ("underscores", "224_617.445_991_228", 224_617.445991228), ("underscore_exponent", "1e1_0", 1e10),
    ("zero_exponent", "0e0", 0), ("infinity", "inf", .infinity), ("plus_infinity", "+inf", .infinity),
    ("minus_infinity", "-inf", -.infinity), ("smallest", "5e-324", .leastNonzeroMagnitude),
    ("underflow", "1e-999", 0), ("largest", "1.7976931348623157e308", .greatestFiniteMagnitude),
    ("exact", "0.1000000000000000055511151231257827", 0.1),
  ])
  func `a float is read`(name: String, text: String, expected: Double) throws {
    #expect(try parseTOML("v = \(text)")["v"] == .float(expected))
  }

  @Test func `a float zero keeps its sign`() throws {
    guard case .float(let value) = try parseTOML("v = -0.0")["v"] else {
      Issue.record("no float")
      return
    }
    #expect(value.sign == .minus)
  }

  @Test(arguments: ["nan", "+nan", "-nan"])
  func `not-a-number is read`(text: String) throws {
    guard case .float(let value) = try parseTOML("v = \(text)")["v"] else {
      Issue.record("no float")
      return
    }
    #expect(value.isNaN)
  }

  @Test(arguments: [
    ("zulu", TOMLValue.offsetDateTime("1979-05-27T07:32:00Z")),
    ("lower_case", .offsetDateTime("1979-05-27t07:32:00z")),
    ("offset", .offsetDateTime("1979-05-27T00:32:00-07:00")),
    ("fraction_and_offset", .offsetDateTime("1979-05-27T00:32:00.999999+23:59")),
    ("blank", .offsetDateTime("1979-05-27 07:32:00Z")),
    ("leap_second", .offsetDateTime("1990-12-31T23:59:60Z")),
    ("local", .localDateTime("1979-05-27T07:32:00")),
    ("local_blank_fraction", .localDateTime("1979-05-27 00:32:00.999")),
    ("date", .localDate("1979-05-27")),
    ("leap_day", .localDate("2024-02-29")),
    ("leap_century", .localDate("2000-02-29")),
    ("year_0", .localDate("0000-01-01")),
    ("long_month", .localDate("2023-12-31")),
    ("time", .localTime("07:32:00")),
    ("time_fraction", .localTime("00:32:00.999999999999")),
  ])
  func `a date or time is read as written`(name: String, expected: TOMLValue) throws {
    let text = spelling(expected)
    #expect(try parseTOML("v = \(text)")["v"] == expected)
    #expect(try parseTOML("v = [\(text),\(text) # c\n]")["v"] == .array([expected, expected]))
    #expect(try parseTOML("v = \(text) # 1")["v"] == expected)
  }

  @Test(arguments: [
    ("empty", "", ""),
    ("byte_order_mark", "\u{FEFF}a = 1", #""a" = 1"#),
    ("blank_lines", "\n \t\n\r\n", ""),
    ("comment_at_end", "# é 😀 \t", ""),
    ("comments", "# a\na = 1 # b\r\n#\nb = 'x#y' #", #""a" = 1, "b" = "x#y""#),
    ("crlf", "a = 1\r\n[t]\r\nb = 2\r\n", #""a" = 1, "t" = {"b" = 2}"#),
    ("booleans", "t = true\nf = false", #""t" = true, "f" = false"#),
    ("array_empty", "v = []", #""v" = []"#),
    ("array_mixed", "v = [1, 'a', 1.5, true, [], {}]", #""v" = [1, "a", 1.5, true, [], {}]"#),
    ("array_lines", "v = [ # c\n\n 1\n, # c\n 2,\n # c\n]", #""v" = [1, 2]"#),
    ("array_trailing_comma", "v = [1,2,]", #""v" = [1, 2]"#),
    ("array_nested", "v = [[1,2],[[]]]", #""v" = [[1, 2], [[]]]"#),
    ("array_crlf", "v = [\r\n1,\r\n2\r\n]", #""v" = [1, 2]"#),
    ("inline_empty", "v = { }", #""v" = {}"#),
    ("inline", "v = { x = 1, 'y' = { z = [] } }", #""v" = {"x" = 1, "y" = {"z" = []}}"#),
    ("inline_dotted", "v = { a.b = 1, a.c = 2 }", #""v" = {"a" = {"b" = 1, "c" = 2}}"#),
    ("inline_newline_in_array", "v = { a = [\n1\n], b = \"\"\"\nx\"\"\" }", #""v" = {"a" = [1], "b" = "x"}"#),
    ("header_blanks", " [ a . 'b c' ] # c", #""a" = {"b c" = {}}"#),
    ("header_empty_key", "['']\na=1", #""" = {"a" = 1}"#),
    ("header_quoted_bracket", #"["]"]"#, #""]" = {}"#),
    ("header_without_super", "[x.y.z]\n[x]\na = 1", #""x" = {"y" = {"z" = {}}, "a" = 1}"#),
    ("header_out_of_order", "[a.x]\n[b]\n[a.y]", #""a" = {"x" = {}, "y" = {}}, "b" = {}"#),
    ("array_of_tables", "[[p]]\nn = 1\n[[p]]\n[[p]]\nn = 3", #""p" = [{"n" = 1}, {}, {"n" = 3}]"#),
    ("array_of_tables_blanks", "[[ p . q ]]", #""p" = {"q" = [{}]}"#),
    (
      "array_of_tables_nested", "[[f]]\n[f.p]\nc = 1\n[[f.v]]\nn = 1\n[[f.v]]\n[[f]]\n[f.p]\n[[f.v]]",
      #""f" = [{"p" = {"c" = 1}, "v" = [{"n" = 1}, {}]}, {"p" = {}, "v" = [{}]}]"#
    ),
  ])
  func `a document is read`(name: String, text: String, expected: String) throws {
    #expect(spelling(try parseTOML(text)) == expected)
  }

  @Test func `values are found by path, and nothing is found where a level is no table`() throws {
    let table = try parseTOML("a.b = 1\nc = 'x'")
    #expect(table["a", "b"] == .integer(1))
    #expect(table["a", "x"] == nil)
    #expect(table["c", "b"] == nil)
  }

  @Test func `a key is found by its bytes, not by canonical equivalence`() throws {
    let table = try parseTOML("\"\\u00e9\" = 1")
    #expect(table["\u{e9}"] == .integer(1))
    #expect(table["e\u{301}"] == nil)
  }

  @Test func `CRLF and LF read the same, except for the line ends inside strings`() throws {
    var crlf = ""
    for scalar in richTOML.unicodeScalars { crlf += scalar == "\n" ? "\r\n" : String(scalar) }
    let pieces = spelling(try parseTOML(crlf)).split(separator: #"\r\n"#, omittingEmptySubsequences: false)
    #expect(pieces.count == 3)
    #expect(pieces.joined(separator: #"\n"#) == spelling(try parseTOML(richTOML)))
  }
}
