// Texts for a terminal. Collectors send names and statements with any characters; a terminal would obey the control
// characters among them.

enum TerminalText {
  /// The text with every character that a terminal obeys, or that hides or turns around other characters, in a visible
  /// form.
  /// - Parameter keeping: the control characters that stay as they are.
  static func escape(_ text: String, keeping: Set<Unicode.Scalar> = []) -> String {
    if !text.unicodeScalars.contains(where: { isUnsafe($0) && !keeping.contains($0) }) { return text }
    var safe = ""
    for scalar in text.unicodeScalars {
      if isUnsafe(scalar), !keeping.contains(scalar) {
        safe += spelled(scalar)
      } else {
        safe.unicodeScalars.append(scalar)
      }
    }
    return safe
  }

  /// The text on one line: blanks, tabs and line ends become one space, other such characters visible.
  static func oneLine(_ text: String) -> String {
    escape(text.split { $0 == " " || $0.isNewline || $0 == "\t" }.joined(separator: " "))
  }

  /// The most characters of a cell that are looked at, and the most marks on one of them.
  private static let longestCell = 2000
  private static let marks = 2

  /// The text on one line, for a cell at a fixed column. Joiners, variation selectors and skin tones are left out, because
  /// terminals disagree about the width of what they make. A long text is cut.
  static func cell(_ text: String) -> String {
    if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }), text.utf8.count <= longestCell { return text }
    var cell = ""
    for character in text.prefix(longestCell) {
      if character.isNewline || character == "\t" {
        cell.append(" ")
        continue
      }
      let scalars = character.unicodeScalars.filter { !isModifier($0) }
      cell.unicodeScalars.append(contentsOf: scalars.prefix(1 + marks))
    }
    return escape(cell)
  }

  private static func isModifier(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x200C...0x200D, 0xFE00...0xFE0F, 0x1F3FB...0x1F3FF: true
    default: false
    }
  }

  /// JSON whose texts have no such character: they are written as `\u….`, which means the same to every reader.
  static func escapeJSON(_ json: String) -> String {
    if !json.unicodeScalars.contains(where: { isUnsafe($0) && $0.value >= 0x7F }) { return json }
    var safe = ""
    for scalar in json.unicodeScalars {
      if isUnsafe(scalar), scalar.value >= 0x7F {
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          safe += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      } else {
        safe.unicodeScalars.append(scalar)
      }
    }
    return safe
  }

  private static func spelled(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    default:
      let digits = String(scalar.value, radix: 16, uppercase: true)
      return scalar.value < 0x100 ? "\\x" + (digits.count < 2 ? "0" : "") + digits : "\\u{\(digits)}"
    }
  }

  /// Control characters of ASCII and Latin-1, and the characters that change the direction of text or are invisible.
  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F...0x9F, 0xAD, 0x200B, 0x200E...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF,
      0xFFF9...0xFFFB, 0xE0000...0xE007F:
      true
    default: false
    }
  }
}

/// The number of columns that texts take on a terminal.
enum DisplayWidth {
  static func of(_ text: String) -> Int {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
    return text.reduce(0) { $0 + of($1) }
  }

  /// - Returns: 2 for East Asian wide characters and emoji, 0 for a mark without a letter, else 1.
  static func of(_ character: Character) -> Int {
    guard let first = character.unicodeScalars.first else { return 0 }
    if first.value < 0x300 { return 1 }
    if first.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{FE0F}") { return 2 }
    switch first.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    switch first.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
      0xFE30...0xFE4F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }

  /// The beginning of a text that takes at most `width` columns; an ellipsis stands for the rest.
  static func cut(_ text: String, to width: Int) -> String {
    if of(text) <= width { return text }
    var (cut, used) = ("", 0)
    for character in text {
      let wide = of(character)
      if used + wide > width - 1 { break }
      cut.append(character)
      used += wide
    }
    return cut + "…"
  }
}
