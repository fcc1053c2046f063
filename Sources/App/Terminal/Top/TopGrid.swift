// Small tables and other parts that the texts of the live view consist of.

import Protocol

/// A table whose columns are as wide as their cells.
struct TopGrid {
  struct Column {
    let title: String
    var isRight = false
  }

  /// The widest cell, in characters, except in the last column.
  private static let widest = 30
  private static let gap = "  "

  let columns: [Column]
  var rows: [[String]] = []
  /// The style of a cell, by row and column.
  var styles: [[Int]: Screen.Style] = [:]

  init(_ columns: [Column]) { self.columns = columns }

  func lines() -> [TopLine] {
    let widths = columns.indices.map { index in
      let widest =
        ([columns[index].title] + rows.map { $0[index] }).map { DisplayWidth.of(TerminalText.cell($0)) }.max() ?? 0
      return index == columns.count - 1 ? widest : min(widest, Self.widest)
    }
    func line(_ cells: [String], _ style: (Int) -> Screen.Style?) -> TopLine {
      var line = TopLine()
      var start = 0
      for (index, cell) in cells.enumerated() {
        let text = DisplayWidth.cut(TerminalText.cell(cell), to: widths[index])
        line.put(text, at: columns[index].isRight ? start + widths[index] - DisplayWidth.of(text) : start, style(index))
        start += widths[index] + Self.gap.count
      }
      return line
    }
    return [line(columns.map(\.title)) { _ in .faint }]
      + rows.indices.map { row in line(rows[row]) { styles[[row, $0]] } }
  }
}

enum TopText {
  /// Small bars, one for each value; a blank where there is none.
  /// - Parameter width: the most bars. Of more values the last ones are shown.
  static func spark(_ values: [Double?], width: Int) -> String {
    let bars = Array("▁▂▃▄▅▆▇█")
    let shown = values.suffix(max(0, width))
    let known = shown.compactMap { $0 }
    guard let low = known.min(), let high = known.max() else { return "" }
    return String(
      shown.map { value -> Character in
        guard let value else { return " " }
        let part = high > low ? (value - low) / (high - low) : 0
        // The difference of two huge numbers is no number.
        return part.isFinite ? bars[min(bars.count - 1, Int(part * Double(bars.count)))] : bars[0]
      })
  }

  /// A bar that is filled in part.
  /// - Parameter part: from 0 to 1.
  static func bar(_ part: Double, width: Int) -> String {
    let filled = Int((max(0, min(1, part)) * Double(width)).rounded())
    return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
  }

  /// The text in lines of at most `width` columns. Line ends of the text stay.
  static func wrapped(_ text: String, width: Int) -> [String] {
    let width = max(8, width)
    var lines: [String] = []
    for paragraph in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      var line = ""
      for word in TerminalText.cell(String(paragraph)).split(separator: " ") {
        var word = String(word)
        if !line.isEmpty, DisplayWidth.of(line) + 1 + DisplayWidth.of(word) > width {
          lines.append(line)
          line = ""
        }
        // A word that is longer than a line is cut into pieces.
        while line.isEmpty, DisplayWidth.of(word) > width {
          var (piece, used) = ("", 0)
          for character in word {
            used += DisplayWidth.of(character)
            if used > width { break }
            piece.append(character)
          }
          lines.append(piece)
          word = String(word.dropFirst(piece.count))
        }
        line += (line.isEmpty ? "" : " ") + word
      }
      lines.append(line)
    }
    return lines
  }
}

/// All members of one row, one below the other.
struct TopRowText {
  private let row: JSONValue
  private let schema: Schema?
  private let cells = CellText()

  init(_ row: JSONValue, _ schema: Schema?) { (self.row, self.schema) = (row, schema) }

  func lines(_ columns: Int) -> [TopLine] {
    guard case .object(let object) = row else { return [] }
    let members = object.members.filter { $0.value != .null && $0.value != .array([]) }
    let name = min(max(8, members.map { DisplayWidth.of($0.name) }.max() ?? 8), max(8, columns / 3))
    // Statements are long: they stand last.
    let sorted = members.filter { !isLong($0) } + members.filter(isLong)
    return sorted.flatMap { member -> [TopLine] in
      let column = AnswerColumn(
        name: member.name, schema: schema?.properties.first { $0.name == member.name }?.schema)
      let texts = TopText.wrapped(cells.text(member.value, column), width: columns - name - 2)
      return texts.enumerated().map { index, text in
        var line = TopLine()
        if index == 0 { line.put(DisplayWidth.cut(member.name, to: name), at: 0, .heading) }
        line.put(text, at: name + 2)
        return line
      }
    }
  }

  private func isLong(_ member: JSONObject.Member) -> Bool { (member.value.string?.utf8.count ?? 0) > 60 }
}

/// The help of the live view.
enum TopHelp {
  static var lines: [TopLine] {
    TopKeyMeaning.all.map { key in
      var line = TopLine()
      line.put(key.keys, at: 1, .heading)
      line.put(key.meaning, at: 12)
      return line
    } + [
      TopLine(), TopLine(" Numbers have units; times are in the zone of this machine.", .faint),
      TopLine(" Data for programs: pganalytics fleet -o json, and --help of each command.", .faint),
    ]
  }
}
