// One line of the live view, and the bytes that bring a terminal from one picture to the next.

import Protocol

/// The size of a terminal in characters.
struct TopSize: Equatable, Sendable {
  var columns: Int
  var rows: Int
}

/// Texts at columns of one line. Each text is harmless: `TerminalText.cell` made it.
struct TopLine: Equatable, Sendable {
  struct Span: Equatable, Sendable {
    /// From 0.
    let column: Int
    let text: String
    let style: Screen.Style?
  }

  private(set) var spans: [Span] = []
  /// Whether the line is shown in reverse video from side to side.
  var isMarked = false
  private(set) var width = 0

  init() {}

  /// A line with one text.
  init(_ text: String, _ style: Screen.Style? = nil) { append(text, style) }

  /// Adds a text behind the others.
  mutating func append(_ text: String, _ style: Screen.Style? = nil) { put(text, at: width, style) }

  /// Puts a text at a column.
  mutating func put(_ text: String, at column: Int, _ style: Screen.Style? = nil) {
    let safe = TerminalText.cell(text)
    if safe.isEmpty { return }
    spans.append(Span(column: column, text: safe, style: style))
    width = max(width, column + DisplayWidth.of(safe))
  }

  /// The first `columns` columns of the line.
  func cut(to columns: Int) -> TopLine {
    if width <= columns { return self }
    var line = TopLine()
    line.isMarked = isMarked
    for span in spans where span.column < columns {
      line.put(DisplayWidth.cut(span.text, to: columns - span.column), at: span.column, span.style)
    }
    return line
  }

  /// The line as plain text, as it stands on the screen.
  var text: String {
    var text = ""
    for span in spans.sorted(by: { $0.column < $1.column }) {
      let gap = span.column - DisplayWidth.of(text)
      if gap > 0 { text += String(repeating: " ", count: gap) }
      text += span.text
    }
    return text
  }
}

/// Writes pictures to a terminal.
struct TopCanvas: Sendable {
  private var shown: [TopLine] = []
  private var size = TopSize(columns: 0, rows: 0)
  private let usesColour: Bool

  init(usesColour: Bool) { self.usesColour = usesColour }

  /// The bytes that take a terminal over: the alternate screen, no cursor, no automatic line end.
  static let begin = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J"
  /// The bytes that give it back as it was.
  static let end = "\u{1B}[0m\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"

  /// Forgets what the terminal shows, so that the next picture is written whole.
  mutating func forget() { shown = [] }

  /// The bytes that show a picture. Only lines that differ from those of the last picture are written.
  mutating func bytes(_ lines: [TopLine], _ size: TopSize) -> String {
    var text = ""
    if size != self.size || shown.isEmpty {
      text += "\u{1B}[0m\u{1B}[2J"
      shown = []
      self.size = size
    }
    let lines = lines.prefix(size.rows).map { $0.cut(to: size.columns) }
    for row in 0..<size.rows {
      let line = row < lines.count ? lines[row] : TopLine()
      let old = row < shown.count ? shown[row] : TopLine()
      if line != old { text += "\u{1B}[\(row + 1);1H" + written(line) }
    }
    shown = lines
    return text
  }

  /// Each text gets its column by a control sequence: then a terminal that gives a character another width than this
  /// program cannot move the texts behind it.
  private func written(_ line: TopLine) -> String {
    var text = "\u{1B}[0m\u{1B}[K"
    let mark = line.isMarked && usesColour ? "\u{1B}[7m" : ""
    if !mark.isEmpty { text += mark + String(repeating: " ", count: size.columns) }
    for span in line.spans {
      text += "\u{1B}[\(span.column + 1)G"
      if let style = span.style, usesColour {
        text += "\u{1B}[\(style.rawValue)m" + span.text + "\u{1B}[0m" + mark
      } else {
        text += span.text
      }
    }
    return mark.isEmpty ? text : text + "\u{1B}[0m"
  }
}
