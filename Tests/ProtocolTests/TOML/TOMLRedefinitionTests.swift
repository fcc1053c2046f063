import Protocol
import Testing

@Suite struct TOMLRedefinitionTests {
  @Test(arguments: [
    TOMLDefect("a = 1\na = 2", 2, 1, .duplicateKey),
    TOMLDefect("a = 1\n'a' = 1", 2, 1, .duplicateKey),
    TOMLDefect("a = 1\n\"\\u0061\" = 1", 2, 1, .duplicateKey),
    TOMLDefect("a.b = 1\na.b = 2", 2, 3, .duplicateKey),
    TOMLDefect("a.b = 1\na = 2", 2, 1, .duplicateKey),
    TOMLDefect("a = 1\na.b = 2", 2, 1, .keyIsNotATable),
    TOMLDefect("a.b = 1\na.b.c = 2", 2, 3, .keyIsNotATable),
    TOMLDefect("a = 1979-05-27\na.b.c = 2", 2, 1, .keyIsNotATable),
    TOMLDefect("[t]\na = 1\na = 2", 3, 1, .duplicateKey),
    TOMLDefect("[[t]]\na = 1\na = 2", 3, 1, .duplicateKey),
    TOMLDefect("v = { a = 1, a = 2 }", 1, 14, .duplicateKey),
    TOMLDefect("v = { a.b = 1, a.b = 2 }", 1, 18, .duplicateKey),
    TOMLDefect("v = { a.b = 1, a = 2 }", 1, 16, .duplicateKey),
    TOMLDefect("v = { a = 1, a.b = 2 }", 1, 14, .keyIsNotATable),
    TOMLDefect("a = 1\na = ?", 2, 1, .duplicateKey),
  ])
  func `a key that is defined twice is refused`(defect: TOMLDefect) { defect.expectRefusal() }

  @Test(arguments: [
    TOMLDefect("[a]\n[a]", 2, 2, .duplicateTable),
    TOMLDefect("[a]\n[b]\n[ 'a' ]", 3, 3, .duplicateTable),
    TOMLDefect("[a.b]\n[a]\n[a]", 3, 2, .duplicateTable),
    TOMLDefect("[a]\n[a.b]\n[a]", 3, 2, .duplicateTable),
    TOMLDefect("[a.b]\n[a.b]", 2, 4, .duplicateTable),
    TOMLDefect("a = 1\n[a]", 2, 2, .duplicateKey),
    TOMLDefect("a = {}\n[a]", 2, 2, .duplicateKey),
    TOMLDefect("a = 1\n[a.b]", 2, 2, .keyIsNotATable),
    TOMLDefect("[a]\nb = 1\n[a.b]", 3, 4, .duplicateKey),
    TOMLDefect("[a]\nb = 1\n[a.b.c]", 3, 4, .keyIsNotATable),
    TOMLDefect("[a.b]\n[a]\nb = 1", 3, 1, .duplicateKey),
    TOMLDefect("a.b = 1\n[a]", 2, 2, .duplicateTable),
    TOMLDefect("[fruit]\napple.color = 1\n[fruit.apple]", 3, 8, .duplicateTable),
    TOMLDefect("[fruit]\napple.taste.sweet = true\n[fruit.apple.taste]", 3, 14, .duplicateTable),
    TOMLDefect("[a.b.c]\nz = 9\n[a]\nb.c.t = 1", 4, 3, .extendsDefinedTable),
    TOMLDefect("[a.b]\nz = 9\n[a]\nb.t = 1", 4, 1, .extendsDefinedTable),
    TOMLDefect("[a.b.c.d]\nz = 9\n[a]\nb.c.d.k.t = 1", 4, 5, .extendsDefinedTable),
    TOMLDefect("[a.b.c]\n[a]\nb.x = 1\n[a.b]", 4, 4, .duplicateTable),
  ])
  func `a table that is defined twice is refused`(defect: TOMLDefect) { defect.expectRefusal() }

  @Test(arguments: [
    TOMLDefect("v = {}\nv.a = 1", 2, 1, .extendsInlineTable),
    TOMLDefect("v = { a = {} }\nv.a.b = 1", 2, 1, .extendsInlineTable),
    TOMLDefect("v = {}\n[v.a]", 2, 2, .extendsInlineTable),
    TOMLDefect("v = { a.b = 1 }\n[v.a]", 2, 2, .extendsInlineTable),
    TOMLDefect("[t]\nv = {}\n[t.v.a]", 3, 4, .extendsInlineTable),
    TOMLDefect("v = {}\n[[v.a]]", 2, 3, .extendsInlineTable),
    TOMLDefect("v = { a = {}, a.b = 1 }", 1, 15, .extendsInlineTable),
    TOMLDefect("a.b = 1\na = {}", 2, 1, .duplicateKey),
    TOMLDefect("[a.b]\n[a]\nb = {}", 3, 1, .duplicateKey),
  ])
  func `an inline table cannot be extended`(defect: TOMLDefect) { defect.expectRefusal() }

  @Test(arguments: [
    TOMLDefect("a = []\n[[a]]", 2, 3, .extendsStaticArray),
    TOMLDefect("a = [{}]\n[[a]]", 2, 3, .extendsStaticArray),
    TOMLDefect("a = [{}]\n[a.b]", 2, 2, .extendsStaticArray),
    TOMLDefect("a = [{}]\na.b = 1", 2, 1, .extendsStaticArray),
    TOMLDefect("a = []\n[a]", 2, 2, .duplicateKey),
    TOMLDefect("a = 1\n[[a]]", 2, 3, .duplicateKey),
    TOMLDefect("a = {}\n[[a]]", 2, 3, .duplicateKey),
    TOMLDefect("[a]\n[[a]]", 2, 3, .tableIsNotAnArray),
    TOMLDefect("[fruit.physical]\n[[fruit]]", 2, 3, .tableIsNotAnArray),
    TOMLDefect("a.b = 1\n[[a]]", 2, 3, .tableIsNotAnArray),
    TOMLDefect("[[a]]\n[a]", 2, 2, .tableIsAnArray),
    TOMLDefect("[[f]]\n[[f.v]]\n[f.v]", 3, 4, .tableIsAnArray),
    TOMLDefect("[[f]]\n[f.v]\n[[f.v]]", 3, 5, .tableIsNotAnArray),
    TOMLDefect("[[a.b]]\n[a]\nb.y = 2", 3, 1, .tableIsAnArray),
    TOMLDefect("[[a.b]]\n[a]\nb = 2", 3, 1, .duplicateKey),
  ])
  func `tables, arrays of tables and static arrays cannot be mixed`(defect: TOMLDefect) { defect.expectRefusal() }

  @Test(arguments: [
    ("super_table_later", "[a.b]\n[a]\nc = 1", #""a" = {"b" = {}, "c" = 1}"#),
    ("sub_table_of_a_defined_one", "[a]\nc = 1\n[a.b]", #""a" = {"c" = 1, "b" = {}}"#),
    ("dotted_in_several_lines", "[f]\na.x = 1\nb = 2\na.y = 3", #""f" = {"a" = {"x" = 1, "y" = 3}, "b" = 2}"#),
    (
      "sub_table_of_a_dotted_one", "[fruit]\napple.color = 1\n[fruit.apple.texture]\nsmooth = true",
      #""fruit" = {"apple" = {"color" = 1, "texture" = {"smooth" = true}}}"#
    ),
    ("dotted_into_an_implicit_one", "[a.b.c]\n[a]\nb.x = 1", #""a" = {"b" = {"c" = {}, "x" = 1}}"#),
    ("array_in_a_dotted_one", "a.b = 1\n[[a.c]]\n[[a.c]]", #""a" = {"b" = 1, "c" = [{}, {}]}"#),
    ("same_header_in_each_element", "[[a]]\n[a.b]\n[[a]]\n[a.b]", #""a" = [{"b" = {}}, {"b" = {}}]"#),
    (
      "same_dotted_key_in_each_element", "[[a]]\nb.c = 1\n[[a]]\nb.c = 2",
      #""a" = [{"b" = {"c" = 1}}, {"b" = {"c" = 2}}]"#
    ),
    ("same_key_in_each_inline_table", "v = [{a = 1}, {a = 2}]", #""v" = [{"a" = 1}, {"a" = 2}]"#),
  ])
  func `tables grow where the rules allow it`(name: String, text: String, expected: String) throws {
    #expect(spelling(try parseTOML(text)) == expected)
  }
}
