// Strings of a JSON text. The search for their end goes eight bytes at a time; only strings with an escape are decoded.

/// The range of a string in the text, between its quotes.
struct JSONText: Equatable {
  var start: Int
  var end: Int
  /// Whether the string holds an escape.
  var isEscaped: Bool
  /// Whether some byte is not ASCII. Such a string must be checked for UTF-8 before it is stored.
  var isWide: Bool

  var range: Range<Int> { start..<end }
  var count: Int { end - start }
}

extension JSONCursor {
  /// Reads a string, beginning at its opening quote. The form of escapes is checked. UTF-8 is not checked here; see
  /// `check` and `decode`.
  @inline(__always)
  mutating func text() throws(DecodeFault) -> JSONText {
    guard peek == 0x22 else { throw unexpected() }
    let start = position + 1
    let count = bytes.count
    var index = start
    var wide: UInt64 = 0
    var isEscaped = false
    while true {
      if index + 8 <= count {
        let word = uncheckedWord(at: index)
        let stops = ByteLanes.stringStops(word)
        if stops == 0 {
          wide |= word
          index += 8
          continue
        }
        let bits = UInt64(stops.trailingZeroBitCount & ~7)
        wide |= word & ((1 << bits) &- 1)
        index += Int(bits >> 3)
      }
      let byte = byte(at: index)
      if byte == 0x22 {
        position = index + 1
        return JSONText(start: start, end: index, isEscaped: isEscaped, isWide: wide & ByteLanes.highBits != 0)
      }
      if byte == 0x5C {
        isEscaped = true
        index = try escapeEnd(index)
      } else if byte < 0x20 {
        throw .malformed(index >= count ? .unexpectedEnd : .controlCharacter, at: index)
      } else {
        wide |= UInt64(byte)
        index += 1
      }
    }
  }

  /// The index after the escape that begins at `index`.
  private func escapeEnd(_ index: Int) throws(DecodeFault) -> Int {
    switch byte(at: index + 1) {
    case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: return index + 2
    case 0x75:
      for digit in index + 2..<index + 6 where Self.hexValue(byte(at: digit)) == nil {
        throw .malformed(digit >= bytes.count ? .unexpectedEnd : .badEscape, at: min(digit, bytes.count))
      }
      return index + 6
    default:
      throw .malformed(index + 1 >= bytes.count ? .unexpectedEnd : .badEscape, at: min(index + 1, bytes.count))
    }
  }

  private static func hexValue(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x30...0x39: UInt32(byte - 0x30)
    case 0x41...0x46: UInt32(byte - 0x41 + 10)
    case 0x61...0x66: UInt32(byte - 0x61 + 10)
    default: nil
    }
  }

  func codeUnit(at index: Int) -> UInt32 {
    var unit: UInt32 = 0
    for digit in index..<index + 4 { unit = unit << 4 | (Self.hexValue(byte(at: digit)) ?? 0) }
    return unit
  }

  /// The scalar of the `\u` escape at `index`, and the index after it. A pair of surrogates is one scalar.
  private func scalar(at index: Int) throws(DecodeFault) -> (value: UInt32, end: Int) {
    let unit = codeUnit(at: index + 2)
    switch unit {
    case 0: throw .reject(.nulCharacter)
    case 0xD800...0xDBFF:
      guard byte(at: index + 6) == 0x5C, byte(at: index + 7) == 0x75 else { throw .reject(.badUnicode) }
      let low = codeUnit(at: index + 8)
      guard 0xDC00...0xDFFF ~= low else { throw .reject(.badUnicode) }
      return (0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00), index + 12)
    case 0xDC00...0xDFFF: throw .reject(.badUnicode)
    default: return (unit, index + 6)
    }
  }

  /// Checks that PostgreSQL can hold the string: UTF-8, no U+0000, no lone surrogate.
  /// - Throws: `.reject` if it cannot.
  func check(_ text: JSONText) throws(DecodeFault) {
    if text.isWide { try checkUTF8(text.range) }
    if !text.isEscaped { return }
    var index = text.start
    while index < text.end {
      if byte(at: index) != 0x5C {
        index += 1
      } else if byte(at: index + 1) == 0x75 {
        index = try scalar(at: index).end
      } else {
        index += 2
      }
    }
  }

  func checkUTF8(_ range: Range<Int>) throws(DecodeFault) {
    do { _ = try UTF8Span(validating: bytes.extracting(range)) } catch { throw .reject(.badUTF8) }
  }

  /// Appends the string with its escapes decoded.
  /// - Throws: as `check`.
  func decode(_ text: JSONText, into target: inout ByteBuffer) throws(DecodeFault) {
    if text.isWide { try checkUTF8(text.range) }
    // The loop copies whole words. The last word may reach beyond the string, so 8 more bytes are reserved. Decoding an
    // escape never makes it longer.
    try target.appendUninitialized(minimumCapacity: text.count + 8) { (memory) throws(DecodeFault) -> Int in
      var written = 0
      var index = text.start
      while index < text.end {
        if index + 8 <= bytes.count {
          let word = uncheckedWord(at: index)
          memory.storeBytes(of: word.littleEndian, toByteOffset: written, as: UInt64.self)
          let stops = ByteLanes.maybeEqual(word, 0x5C)
          let plain = min(stops == 0 ? 8 : stops.trailingZeroBitCount >> 3, text.end - index)
          index += plain
          written += plain
          if stops == 0 || index >= text.end { continue }
        }
        let byte = byte(at: index)
        if byte != 0x5C {
          memory[written] = byte
          index += 1
          written += 1
          continue
        }
        let escape = self.byte(at: index + 1)
        if escape == 0x75 {
          let (value, end) = try scalar(at: index)
          written += Self.write(scalar: value, to: memory, at: written)
          index = end
        } else {
          memory[written] = Self.meaning(ofEscape: escape)
          index += 2
          written += 1
        }
      }
      return written
    }
  }

  static func meaning(ofEscape byte: UInt8) -> UInt8 {
    switch byte {
    case 0x62: 0x08
    case 0x66: 0x0C
    case 0x6E: 0x0A
    case 0x72: 0x0D
    case 0x74: 0x09
    default: byte
    }
  }

  /// Writes a scalar as UTF-8.
  /// - Returns: the number of bytes written, never more than the escape has.
  static func write(scalar value: UInt32, to memory: UnsafeMutableRawBufferPointer, at index: Int) -> Int {
    if value < 0x80 {
      memory[index] = UInt8(value)
      return 1
    }
    if value < 0x800 {
      memory[index] = UInt8(0xC0 | value >> 6)
      memory[index + 1] = UInt8(0x80 | value & 0x3F)
      return 2
    }
    if value < 0x10000 {
      memory[index] = UInt8(0xE0 | value >> 12)
      memory[index + 1] = UInt8(0x80 | value >> 6 & 0x3F)
      memory[index + 2] = UInt8(0x80 | value & 0x3F)
      return 3
    }
    memory[index] = UInt8(0xF0 | value >> 18)
    memory[index + 1] = UInt8(0x80 | value >> 12 & 0x3F)
    memory[index + 2] = UInt8(0x80 | value >> 6 & 0x3F)
    memory[index + 3] = UInt8(0x80 | value & 0x3F)
    return 4
  }

  /// Whether the string with its escapes decoded equals `expected`.
  func equals(_ text: JSONText, _ expected: StaticString) -> Bool {
    if !text.isEscaped { return Self.isEqual(bytes.extracting(text.range), expected) }
    if text.count > 6 * expected.utf8CodeUnitCount { return false }  // no escape has more than six bytes
    var decoded = ByteBuffer()
    do throws(DecodeFault) { try decode(text, into: &decoded) } catch { return false }
    return Self.isEqual(decoded.span, expected)
  }

  private static func isEqual(_ bytes: Span<UInt8>, _ expected: StaticString) -> Bool {
    guard bytes.count == expected.utf8CodeUnitCount else { return false }
    return expected.withUTF8Buffer { expected in
      for index in bytes.indices where bytes[index] != expected[index] { return false }
      return true
    }
  }
}
