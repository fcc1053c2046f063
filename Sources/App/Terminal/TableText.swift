// A table as text: a line of names, and a line for each row. Columns that do not fit the terminal are left out and named.

import Protocol

struct TableText: Sendable {
  /// The widest cell on a terminal.
  private static let widestCell = 60
  private static let gap = 2

  let screen: Screen
  private let cells = CellText()

  init(_ screen: Screen) { self.screen = screen }

  /// The lines of a table.
  /// - Parameter isChosen: whether a person has chosen the columns. Then none is left out.
  func lines(_ table: AnswerTable, isChosen: Bool) -> [String] {
    var lines: [String] = []
    if !table.title.isEmpty { lines.append(screen.style(.title, heading(TerminalText.oneLine(table.title)))) }
    if table.rows.isEmpty { return lines + ["No rows."] }
    let columns = table.columns.filter { column in
      isChosen || table.rows.contains { !isEmpty(table.value($0, column)) } && !isTable(column, table)
    }
    // A name may be a key of a document that a collector sent.
    let names = columns.map { TerminalText.oneLine($0.name) }
    let grid = columns.map { column in
      table.rows.map { TerminalText.oneLine(cells.text(table.value($0, column), column)) }
    }
    let isRight = columns.indices.map { index in
      columns[index].isNumber || table.rows.allSatisfy { isNumber(table.value($0, columns[index])) }
    }
    var widths: [Int] = []
    for (name, cells) in zip(names, grid) {
      let widest = cells.map(DisplayWidth.of).max() ?? 0
      let most = screen.isTerminal && !isChosen ? min(widest, Self.widestCell) : widest
      widths.append(max(DisplayWidth.of(name), most))
    }
    let shown = isChosen ? columns.count : fitting(widths)
    func line(_ texts: [String]) -> String {
      var line = ""
      for index in 0..<shown {
        let text = DisplayWidth.cut(texts[index], to: widths[index])
        let room = String(repeating: " ", count: widths[index] - DisplayWidth.of(text))
        let isLast = index == shown - 1
        line += isRight[index] ? room + paint(text, columns[index]) : paint(text, columns[index]) + (isLast ? "" : room)
        if !isLast { line += String(repeating: " ", count: Self.gap) }
      }
      return line
    }
    lines.append(screen.style(.heading, line(names)))
    for row in table.rows.indices { lines.append(line(grid.map { $0[row] })) }
    if shown < columns.count {
      let left = names[shown...]
      lines.append(
        screen.style(
          .faint, "\(left.count) more columns (--columns): \(left.joined(separator: ", "))."))
    }
    return lines
  }

  /// Lines with one value each.
  func lines(_ facts: [(column: AnswerColumn, value: JSONValue)]) -> [String] {
    let shown = facts.filter { !isEmpty($0.value) }
    let width = shown.map { DisplayWidth.of($0.column.name) }.max() ?? 0
    let margin = String(repeating: " ", count: width + Self.gap)
    return shown.map { fact in
      let name = TerminalText.oneLine(fact.column.name)
      let room = String(repeating: " ", count: width - min(width, DisplayWidth.of(name)) + Self.gap)
      // A text of several lines keeps them.
      let text = TerminalText.escape(cells.text(fact.value, fact.column), keeping: ["\n"])
      return screen.style(.heading, name) + room + paint(text, fact.column).replacing("\n", with: "\n" + margin)
    }
  }

  /// How many columns fit the screen.
  private func fitting(_ widths: [Int]) -> Int {
    guard screen.isTerminal else { return widths.count }
    var used = 0
    for (index, width) in widths.enumerated() {
      used += width + (index > 0 ? Self.gap : 0)
      if used > screen.columns { return max(1, index) }
    }
    return widths.count
  }

  private func heading(_ name: String) -> String {
    let words = name.replacing("_", with: " ")
    return words.prefix(1).uppercased() + words.dropFirst()
  }

  private func paint(_ text: String, _ column: AnswerColumn) -> String {
    guard ["state", "severity", "status", "outcome"].contains(column.name) else { return text }
    return Screen.Style(state: text).map { screen.style($0, text) } ?? text
  }

  private func isEmpty(_ value: JSONValue) -> Bool {
    switch value {
    case .null: true
    case .array(let elements): elements.isEmpty
    case .object(let object): object.members.isEmpty
    case .bool, .integer, .double, .string: false
    }
  }

  /// Whether a column holds lists of objects that no cell can show.
  private func isTable(_ column: AnswerColumn, _ table: AnswerTable) -> Bool {
    table.rows.contains { row in
      guard case .array(let elements) = table.value(row, column), case .object? = elements.first else { return false }
      return elements.contains { cells.setting($0) == nil }
    }
  }

  private func isNumber(_ value: JSONValue) -> Bool {
    switch value {
    case .integer, .double, .null: true
    case .bool, .string, .array, .object: false
    }
  }
}
