// The lists of the live view: fleet, queries and locks.

import Protocol

struct TopTable {
  private static let gap = 1
  /// A mark before the selected row, which is also there without colours.
  private static let margin = 2

  private let model: TopModel
  private let schemas: TopSchemas
  private let cells = CellText()

  init(_ model: TopModel, _ schemas: TopSchemas) { (self.model, self.schemas) = (model, schemas) }

  /// The head and the rows around the selected one.
  func lines(_ room: Int) -> [TopLine] {
    guard model.data[model.view] != nil else {
      return [TopLine(model.failure == nil ? "Waiting for the first answer …" : "There is no answer yet.", .faint)]
    }
    let rows = model.rows
    let columns = placed
    let visible = max(0, room - 1)
    if rows.isEmpty { return [head(columns), TopLine(nothing, .faint)] }
    let selection = min(model.list.selection, rows.count - 1)
    // The selected row stays in sight; the list moves by whole screens.
    let first = visible == 0 ? 0 : selection / visible * visible
    return [head(columns)]
      + rows.indices.dropFirst(first).prefix(visible).map { line(rows[$0], columns, isSelected: $0 == selection) }
  }

  private var nothing: String {
    if !model.list.filter.isEmpty { return "Nothing has \(model.list.filter) in it. An empty filter shows all." }
    switch model.view {
    case .locks: return "No session waits for another one."
    case .queries: return "No statements in this range; t chooses a longer one."
    case .fleet, .server, .ingest: return "No server has enrolled."
    }
  }

  private struct Place {
    let column: TopColumn
    let start: Int
    let width: Int
  }

  /// The columns that fit the screen. The last column of the view gets the room that is left, and those before it give way
  /// to it.
  private var placed: [Place] {
    let columns = model.view.columns
    guard let last = columns.last else { return [] }
    let all = model.size.columns
    var places: [Place] = []
    var start = Self.margin
    for column in columns.dropLast() {
      let isFirst = places.count < 2
      if !isFirst, start + column.width + Self.gap + last.width > all { continue }
      places.append(Place(column: column, start: start, width: column.width))
      start += column.width + Self.gap
    }
    if all - start >= min(last.width, 8) { places.append(Place(column: last, start: start, width: all - start)) }
    return places
  }

  private func head(_ places: [Place]) -> TopLine {
    var line = TopLine()
    for place in places {
      let isSorted = model.list.sort != nil && model.list.sort == place.column.order
      let mark = isSorted ? (model.list.isDescending ? "▼" : "▲") : ""
      put(place.column.title + mark, place, isRight: isNumber(place.column), .heading, in: &line)
    }
    return line
  }

  private func line(_ row: JSONValue, _ places: [Place], isSelected: Bool) -> TopLine {
    var line = TopLine()
    line.isMarked = isSelected
    if isSelected { line.put(">", at: 0) }
    for place in places {
      let text = text(row, place.column)
      put(text, place, isRight: isNumber(place.column), isSelected ? nil : style(row, place.column), in: &line)
    }
    return line
  }

  private func put(
    _ text: String, _ place: Place, isRight: Bool, _ style: Screen.Style?, in line: inout TopLine
  ) {
    let cut = DisplayWidth.cut(TerminalText.cell(text), to: place.width)
    let start = isRight ? place.start + place.width - DisplayWidth.of(cut) : place.start
    line.put(cut, at: start, style)
  }

  private func isNumber(_ column: TopColumn) -> Bool {
    if model.view == .locks, column.name == "pid" { return false }
    return schemas.column(column.name, of: model.view).isNumber
  }

  private func text(_ row: JSONValue, _ column: TopColumn) -> String {
    let value = row[member: column.name] ?? .null
    switch (model.view, column.name) {
    case (.fleet, "why"):
      guard case .array(let findings) = value else { return "" }
      return findings.compactMap { $0[member: "message"]?.string ?? $0[member: "check"]?.string }.joined(
        separator: "; ")
    case (.fleet, "xid_age"), (.queries, "calls"), (.queries, "rows"): return value.double.map(Self.short) ?? ""
    case (.queries, "share"): return value.double.map { CellText.decimal($0 * 100, places: 1) + " %" } ?? ""
    case (.queries, "text"):
      return (row[member: "is_new"] == .bool(true) ? "new: " : "") + TerminalText.oneLine(value.string ?? "")
    case (.locks, "pid"):
      let depth = Int(row[member: "depth"]?.integer ?? 0)
      let branch = depth > 0 ? String(repeating: "  ", count: min(depth, 8) - 1) + "└ " : ""
      return branch + "\(value.integer ?? 0)" + (row[member: "in_circle"] == .bool(true) ? " circle" : "")
    case (.locks, "query"): return TerminalText.oneLine(value.string ?? "")
    default: return cells.text(value, schemas.column(column.name, of: model.view))
    }
  }

  /// A number with at most four digits and a power of thousand.
  static func short(_ number: Double) -> String {
    let units = ["", " k", " M", " G", " T", " P"]
    var (size, index) = (number, 0)
    while abs(size) >= 10_000, index < units.count - 1 {
      size /= 1000
      index += 1
    }
    return CellText.decimal(size, places: index == 0 && size == size.rounded() ? 0 : 1) + units[index]
  }

  private func style(_ row: JSONValue, _ column: TopColumn) -> Screen.Style? {
    guard column.name == "state", let state = row[member: "state"]?.string else { return nil }
    return Screen.Style(state: state)
  }
}

extension JSONValue {
  /// The number; nil for any other value.
  var double: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .double(let number): number
    case .null, .bool, .string, .array, .object: nil
    }
  }
}
