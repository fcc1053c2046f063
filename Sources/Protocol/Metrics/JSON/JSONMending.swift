// Mends strings that PostgreSQL cannot hold. Each part of a string that is not a character becomes U+FFFD. A string
// over a limit is cut before the character that would pass the limit. The same bytes always give the same text, so a
// mended name still names one object.
//
// The decoder calls these functions only for strings that `check` or `decode` refused, and for strings that are too
// long. It reads all other strings once.

extension JSONCursor {
  /// U+FFFD in UTF-8.
  static var replacement: (UInt8, UInt8, UInt8) { (0xEF, 0xBF, 0xBD) }

  /// One step through a string: a character, an escape, or bytes that are neither.
  private struct Unit {
    /// The index after the unit.
    let end: Int
    /// Whether the unit is a character or an escape that PostgreSQL can hold.
    let isSound: Bool
  }

  /// The unit at `index` in a string that ends at `end`.
  private func unit(at index: Int, before end: Int) -> Unit {
    let first = byte(at: index)
    if first == 0x5C {
      guard byte(at: index + 1) == 0x75 else { return Unit(end: index + 2, isSound: true) }
      switch codeUnit(at: index + 2) {
      case 0: return Unit(end: index + 6, isSound: false)
      case 0xD800...0xDBFF:
        let isPair =
          index + 12 <= end && byte(at: index + 6) == 0x5C && byte(at: index + 7) == 0x75
          && 0xDC00...0xDFFF ~= codeUnit(at: index + 8)
        return Unit(end: isPair ? index + 12 : index + 6, isSound: isPair)
      case 0xDC00...0xDFFF: return Unit(end: index + 6, isSound: false)
      default: return Unit(end: index + 6, isSound: true)
      }
    }
    if first < 0x80 { return Unit(end: index + 1, isSound: true) }
    // The well-formed sequences of the Unicode Standard, table 3-7. Of an ill-formed sequence, the longest part that
    // could begin a well-formed one is a unit.
    let more: Int
    let second: ClosedRange<UInt8>
    switch first {
    case 0xC2...0xDF: (more, second) = (1, 0x80...0xBF)
    case 0xE0: (more, second) = (2, 0xA0...0xBF)
    case 0xED: (more, second) = (2, 0x80...0x9F)
    case 0xE1...0xEF: (more, second) = (2, 0x80...0xBF)
    case 0xF0: (more, second) = (3, 0x90...0xBF)
    case 0xF1...0xF3: (more, second) = (3, 0x80...0xBF)
    case 0xF4: (more, second) = (3, 0x80...0x8F)
    default: return Unit(end: index + 1, isSound: false)
    }
    for step in 1...more {
      let next = index + step
      let range = step == 1 ? second : 0x80...0xBF
      guard next < end, range.contains(byte(at: next)) else { return Unit(end: next, isSound: false) }
    }
    return Unit(end: index + 1 + more, isSound: true)
  }

  /// The end of the longest prefix of the string that consists of whole characters and has at most `limit` bytes,
  /// counted with escapes as in the text.
  func cut(_ text: JSONText, to limit: Int) -> Int {
    if text.count <= limit { return text.end }
    let reach = text.start + limit
    var index = text.start
    while true {
      while index + 8 <= reach, isPlain(at: index) { index += 8 }
      let next = unit(at: index, before: text.end).end
      if next > reach { return index }
      index = next
    }
  }

  /// Whether the eight bytes from `index` on are ASCII without an escape.
  /// - Precondition: the bytes exist.
  private func isPlain(at index: Int) -> Bool {
    let word = uncheckedWord(at: index)
    return word & ByteLanes.highBits == 0 && ByteLanes.maybeEqual(word, 0x5C) == 0
  }

  /// Appends the mended string with its escapes decoded. `limit` counts bytes with escapes as in the text.
  func decodeMended(_ text: JSONText, limit: Int, into target: inout ByteBuffer) {
    mend(text, limit: limit, keepingEscapes: false, into: &target)
  }

  /// Appends the mended string as it stands in the text: escapes stay escapes.
  func appendMended(_ text: JSONText, limit: Int, into target: inout ByteBuffer) {
    mend(text, limit: limit, keepingEscapes: true, into: &target)
  }

  private func mend(_ text: JSONText, limit: Int, keepingEscapes: Bool, into target: inout ByteBuffer) {
    let end = cut(text, to: limit)
    var index = text.start
    while index < end {
      if index + 8 <= end, isPlain(at: index) {
        target.append(bytes.extracting(index..<index + 8))
        index += 8
        continue
      }
      let unit = unit(at: index, before: text.end)
      if !unit.isSound {
        target.append(Self.replacement.0)
        target.append(Self.replacement.1)
        target.append(Self.replacement.2)
      } else if byte(at: index) == 0x5C, !keepingEscapes {
        append(escapeAt: index, to: &target)
      } else {
        target.append(bytes.extracting(index..<unit.end))
      }
      index = unit.end
    }
  }

  private func append(escapeAt index: Int, to target: inout ByteBuffer) {
    let escape = byte(at: index + 1)
    guard escape == 0x75 else { return target.append(Self.meaning(ofEscape: escape)) }
    var value = codeUnit(at: index + 2)
    if 0xD800...0xDBFF ~= value { value = 0x10000 + (value - 0xD800) << 10 + (codeUnit(at: index + 8) - 0xDC00) }
    target.appendUninitialized(minimumCapacity: 4) { Self.write(scalar: value, to: $0, at: 0) }
  }

  /// The changes that were made to a value.
  struct Mending {
    /// The reason for the first change; nil if the value is unchanged.
    var first: RejectCode?
    /// Whether a string was mended.
    var hasMendedText = false
    /// Whether a number became `null`.
    var hasNull = false
  }

  /// Reads one value of any kind, as `skipValue` does, and appends it in a form that jsonb can hold: strings are
  /// mended, and a number beyond PostgreSQL's `numeric` becomes `null`.
  mutating func appendMendedValue(
    depth: Int, maximumDepth: Int, into target: inout ByteBuffer
  ) throws(DecodeFault) -> Mending {
    var mending = Mending()
    let start = position
    try skipValue(depth: depth, maximumDepth: maximumDepth, storable: false)
    var reader = JSONCursor(bytes, at: start)
    while reader.position < position {
      switch reader.peek {
      case 0x22:
        let text = try reader.text()
        target.append(0x22 as UInt8)
        if let fault = fault(of: text) {
          mending.first = mending.first ?? fault
          mending.hasMendedText = true
          appendMended(text, limit: .max / 2, into: &target)
        } else {
          target.append(bytes.extracting(text.range))
        }
        target.append(0x22 as UInt8)
      case 0x2D, 0x30...0x39:
        let number = try reader.number()
        if number.fitsNumeric {
          target.append(bytes.extracting(number.start..<number.end))
        } else {
          mending.first = mending.first ?? .outOfRange
          mending.hasNull = true
          target.append("null")
        }
      default:
        target.append(reader.peek)
        reader.position += 1
      }
    }
    return mending
  }

  /// The reason that PostgreSQL cannot hold the string; nil if it can.
  func fault(of text: JSONText) -> RejectCode? {
    do throws(DecodeFault) {
      try check(text)
      return nil
    } catch {
      guard case .reject(let code) = error else { preconditionFailure("a check of a string failed in another way") }
      return code
    }
  }
}

extension DecodeFault {
  /// The code of a fault that concerns only one value.
  /// - Throws: any other fault.
  func valueFault() throws(DecodeFault) -> RejectCode {
    guard case .reject(let code) = self else { throw self }
    return code
  }
}
