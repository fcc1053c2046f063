import Protocol
import Testing

@testable import App

/// Answers as text: safe on a terminal, aligned, and complete in CSV and JSON.
@Suite struct AnswerTextTests {
  private let pipe = Screen(isTerminal: false, usesColour: false, columns: 80, rows: 24)
  private let terminal = Screen(isTerminal: true, usesColour: true, columns: 40, rows: 24)

  private func document(_ rows: [JSONValue]) -> AnswerDocument { AnswerDocument(["data": .array(rows)], nil) }
  private func text(_ form: OutputForm, _ rows: [JSONValue], _ screen: Screen? = nil, columns: String? = nil) throws
    -> String
  {
    try AnswerWriter(form: form, screen: screen ?? pipe, columns: columns).text(document(rows))
  }

  private static let hostile = "a\u{1B}]0;x\u{7}\u{9B}31m\u{202E}b\r\n\tc\u{0}\u{7F}\u{E0041}"

  @Test(arguments: OutputForm.allCases)
  func `no form lets a character through that a terminal obeys`(_ form: OutputForm) throws {
    let text = try text(
      form, [["name": .string(Self.hostile), "\u{1B}[2J": 1]],
      Screen(isTerminal: true, usesColour: false, columns: 400, rows: 24))
    for scalar in text.unicodeScalars where scalar != "\n" && scalar != "\r" {
      #expect(
        scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value) && scalar != "\u{202E}" && scalar.value < 0xE0000,
        "\(scalar.value)")
    }
  }

  @Test func `a file gets JSON and CSV as they are`() throws {
    #expect(try text(.csv, [["name": "a\"b,c\u{9B}"]]) == "name\r\n\"a\"\"b,c\u{9B}\"\r\n")
    #expect(
      try text(.ndjson, [["name": "x", "n": 1], ["name": "\u{9B}"]])
        == "{\"name\":\"x\",\"n\":1}\n{\"name\":\"\u{9B}\"}\n")
    #expect(try text(.ndjson, [["name": "x", "n": 1]], columns: "n") == "{\"n\":1}\n")
  }

  @Test func `wide characters and emoji take two columns`() throws {
    #expect(DisplayWidth.of("a日👍🏽é") == 6)
    #expect(DisplayWidth.of("👨‍👩‍👧") == 2 && DisplayWidth.of("e\u{301}") == 1)
    #expect(DisplayWidth.cut("日本語", to: 4) == "日…")
    let lines = try text(.table, [["name": "日本", "n": "x"], ["name": "abcde", "n": "y"]]).split(separator: "\n")
    #expect(lines == ["name   n", "日本   x", "abcde  y"])
  }

  @Test func `columns that do not fit a terminal are named`() throws {
    let text = try text(
      .table, [["a": "0123456789", "b": .string(String(repeating: "b", count: 30)), "c": 1]], terminal)
    #expect(text.contains("2 more columns (--columns): b, c."), "\(text)")
  }

  @Test func `values have units, and programs get them raw`() {
    #expect(CellText.bytes(1536) == "1.5 KiB" && CellText.bytes(7) == "7 B")
    #expect(
      CellText.duration(0.0123) == "12.3 ms" && CellText.duration(3 * 86_400 + 7200) == "3 d 2 h"
        && CellText.duration(59.96) == "60 s")
    #expect(CellText.decimal(1234567.891, places: 2) == "1,234,567.89" && CellText.decimal(-0.5, places: 1) == "-0.5")
    #expect(CellText().text(12_345_678, AnswerColumn(name: "calls")) == "12,345,678")
    #expect(CellText().text(12_345_678, AnswerColumn(name: "server_id")) == "12345678")
    #expect(CellText().text(2048, AnswerColumn(name: "size_bytes")) == "2 KiB")
  }

  @Test func `rows are sorted by a column, those without a value last`() throws {
    var table = document([["n": 2], ["n": nil], ["n": 10], ["n": 1.5]]).main
    try table.sort(by: "-n")
    #expect(table.rows == [["n": 10], ["n": 2], ["n": 1.5], ["n": nil]])
    try table.sort(by: "n")
    #expect(table.rows == [["n": 1.5], ["n": 2], ["n": 10], ["n": nil]])
    #expect(throws: ClientFailure.self) { try table.sort(by: "no") }
  }

  @Test func `a colour appears only on a terminal without NO_COLOR`() throws {
    let rows: [JSONValue] = [["state": "critical"]]
    #expect(try text(.table, rows, terminal).contains("\u{1B}[31mcritical"))
    #expect(try !text(.table, rows).contains("\u{1B}"))
  }
}
