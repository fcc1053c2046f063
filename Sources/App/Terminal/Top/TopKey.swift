// The keys of the live view, from the bytes that a terminal sends.

import Protocol

/// One key.
enum TopKey: Hashable, Sendable {
  case character(Character)
  case up, down, left, right, pageUp, pageDown, home, end
  case enter, escape, backspace
  /// Ctrl with a letter, in lower case.
  case control(Character)
}

/// Turns bytes into keys. It keeps a character that is not complete for the next bytes.
struct TopKeyReader: Sendable {
  /// The longest sequence that a key is looked for in. Longer ones are no keys and are left out.
  private static let longestSequence = 16
  private var rest: [UInt8] = []

  /// - Parameter bytes: what one read(2) gave. A terminal sends the sequence of a key at once, so an ESC at the end is the
  ///   key Esc.
  mutating func keys(_ bytes: [UInt8]) -> [TopKey] {
    var input = (rest + bytes)[...]
    rest = []
    var keys: [TopKey] = []
    while let first = input.first {
      switch first {
      case 0x1B: if let key = Self.sequence(&input) { keys.append(key) }
      case 0x0D, 0x0A: keys.append(.enter)
      case 0x7F, 0x08: keys.append(.backspace)
      case 1...0x1A: keys.append(.control(Character(Unicode.Scalar(first + 0x60))))
      case 0..<0x20: break
      case 0x20..<0x7F: keys.append(.character(Character(Unicode.Scalar(first))))
      default:
        guard let character = character(&input) else { return keys }
        keys.append(.character(character))
        continue
      }
      if first != 0x1B { input.removeFirst() }
    }
    return keys
  }

  /// A character of several bytes; nil if it is not complete. Bytes that are no UTF-8 become U+FFFD.
  private mutating func character(_ input: inout ArraySlice<UInt8>) -> Character? {
    guard let first = input.first else { return nil }
    let count = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1
    if input.count < count {
      rest = Array(input)
      return nil
    }
    let text = String(decoding: input.prefix(count), as: UTF8.self)
    input = input.dropFirst(count)
    return text.count == 1 ? text.first : "\u{FFFD}"
  }

  /// Takes an escape sequence (ECMA-48 §5.4, and SS3 of cursor keys).
  private static func sequence(_ input: inout ArraySlice<UInt8>) -> TopKey? {
    input.removeFirst()
    guard let kind = input.first, kind == 0x5B || kind == 0x4F else { return .escape }
    let body = input.dropFirst().prefix(longestSequence)
    guard let end = body.firstIndex(where: { (0x40...0x7E).contains($0) }) else {
      input = []
      return nil
    }
    let final = body[end]
    let parameters = body[body.startIndex..<end]
    input = input[(end + 1)...]
    switch (final, parameters.first) {
    case (0x41, _): return .up
    case (0x42, _): return .down
    case (0x43, _): return .right
    case (0x44, _): return .left
    case (0x48, _), (0x7E, 0x31), (0x7E, 0x37): return .home
    case (0x46, _), (0x7E, 0x34), (0x7E, 0x38): return .end
    case (0x7E, 0x35): return .pageUp
    case (0x7E, 0x36): return .pageDown
    default: return nil
    }
  }
}
