// Text as a JSON string, looked through eight bytes at a time: nearly none of it needs an escape.

extension ByteBuffer {
  /// Appends a JSON string: escapes what RFC 8259 §7 demands (quote, backslash, controls) and nothing else; runs between are
  /// copied whole. - Parameter utf8: valid UTF-8; it isn't checked.
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

  /// Where the text from `start` on ends that needs no escape.
  private static func plainText(_ utf8: Span<UInt8>, from start: Int) -> Int {
    if utf8.count - start < 8 { return shortPlainText(utf8, from: start) }
    var index = start
    while index < utf8.count {
      // The last word may overlap the one before it, of which nothing stopped the text.
      index = min(index, utf8.count - 8)
      // Safety: eight bytes are left.
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
