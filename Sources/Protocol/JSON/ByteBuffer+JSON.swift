// Text is written as a JSON string. The search for characters that need an escape goes eight bytes at a time, because
// few texts have any.

extension ByteBuffer {
  /// Appends `utf8` as a JSON string with its quotes. Only the characters that RFC 8259 §7 demands are escaped: quote,
  /// backslash, control characters. The text between them is copied in whole runs.
  /// - Parameter utf8: valid UTF-8; it is not checked.
  public mutating func append(jsonString utf8: Span<UInt8>) {
    reserve(utf8.count + 2)
    append(UInt8(ascii: "\""))
    var start = 0
    while true {
      let end = Self.plainText(utf8, from: start)
      append(utf8.extracting(start..<end))
      if end == utf8.count { break }
      appendEscaped(utf8[end])
      start = end + 1
    }
    append(UInt8(ascii: "\""))
  }

  /// The end of the text from `start` on that needs no escape.
  private static func plainText(_ utf8: Span<UInt8>, from start: Int) -> Int {
    if utf8.count - start < 8 { return shortPlainText(utf8, from: start) }
    var index = start
    while index < utf8.count {
      // The last word may overlap the word before it, in which the search found nothing.
      index = min(index, utf8.count - 8)
      // Safety: the span holds at least eight bytes from `index` on.
      let word = UInt64(littleEndian: utf8.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self))
      let stops = ByteLanes.stringStops(word)
      if stops != 0 { return index + stops.trailingZeroBitCount / 8 }
      index += 8
    }
    return utf8.count
  }

  private static func shortPlainText(_ utf8: Span<UInt8>, from start: Int) -> Int {
    var index = start
    while index < utf8.count, utf8[index] >= 0x20, utf8[index] != UInt8(ascii: "\""), utf8[index] != UInt8(ascii: "\\")
    {
      index += 1
    }
    return index
  }

  private mutating func appendEscaped(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): append("\\\"")
    case UInt8(ascii: "\\"): append("\\\\")
    case 0x08: append("\\b")
    case 0x09: append("\\t")
    case 0x0A: append("\\n")
    case 0x0C: append("\\f")
    case 0x0D: append("\\r")
    default:
      append("\\u00")
      for nibble in [byte >> 4, byte & 0xF] {
        append(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10)
      }
    }
  }
}
