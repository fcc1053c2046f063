// Writes an answer in the form that the person has chosen.

import Protocol

struct AnswerWriter: Sendable {
  let form: OutputForm
  let screen: Screen
  /// The value of `--columns`; nil: the program chooses.
  var columns: String?
  /// The value of `--sort`, if the server does not sort by it.
  var sort: String?

  /// The text of a JSON answer.
  /// - Throws: `.usage` for an unknown column.
  func text(_ document: AnswerDocument) throws(ClientFailure) -> String {
    var document = document
    if let sort, document.rows != nil, case .object(var object) = document.value {
      var table = document.main
      try table.sort(by: sort)
      object["data"] = .array(table.rows)
      document.value = .object(object)
    }
    switch form {
    case .json: return safeJSON(CommandValue.pretty(document.value)) + "\n"
    case .ndjson:
      let table = try chosen(document.main)
      return table.rows.map { safeJSON(CommandValue.compact(only(table, $0))) + "\n" }.joined()
    case .csv: return try csv(try chosen(document.main))
    case .table: return try tables(document)
    }
  }

  private func chosen(_ table: AnswerTable) throws(ClientFailure) -> AnswerTable {
    var table = table
    if let columns { try table.select(columns) }
    return table
  }

  /// The members of a row that the columns name.
  private func only(_ table: AnswerTable, _ row: JSONValue) -> JSONValue {
    guard columns != nil, columns != "all", case .object = row else { return row }
    var object = JSONObject()
    for column in table.columns { object[column.name] = table.value(row, column) }
    return .object(object)
  }

  /// RFC 4180.
  private func csv(_ table: AnswerTable) throws(ClientFailure) -> String {
    func line(_ texts: [String]) -> String { texts.map(Self.quoted).joined(separator: ",") + "\r\n" }
    var text = line(table.columns.map(\.name))
    for row in table.rows {
      text += line(
        table.columns.map { column in
          let value = table.value(row, column)
          return CommandValue.text(value) ?? CommandValue.compact(value)
        })
    }
    return screen.isTerminal ? TerminalText.escape(text, keeping: ["\n", "\r"]) : text
  }

  private static func quoted(_ text: String) -> String {
    let needs = text.utf8.contains { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
    return needs ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }

  private func safeJSON(_ json: String) -> String { screen.isTerminal ? TerminalText.escapeJSON(json) : json }

  private func tables(_ document: AnswerDocument) throws(ClientFailure) -> String {
    let text = TableText(screen)
    var parts: [[String]] = []
    if document.rows != nil {
      parts.append(text.lines(try chosen(document.main), isChosen: columns != nil))
    }
    let facts = text.lines(document.facts)
    if !facts.isEmpty { parts.append(facts) }
    parts += document.others.filter { !$0.rows.isEmpty }.map { text.lines($0, isChosen: false) }
    if let rest = document.rest { parts.append([screen.style(.faint, rest)]) }
    return parts.map { $0.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
  }

  /// A text as it came, for answers that are no JSON.
  func raw(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    return screen.isTerminal ? TerminalText.escape(text, keeping: ["\n", "\t"]) : text
  }
}
