// The character classes and the list rule that several parts of HTTP use.

/// Byte classes of RFC 9110 §5.6 and RFC 3986 §2.
enum HTTPGrammar {
  static let cr: UInt8 = 0x0D
  static let lf: UInt8 = 0x0A
  static let space: UInt8 = 0x20
  static let tab: UInt8 = 0x09
  static let comma: UInt8 = 0x2C
  static let colon: UInt8 = 0x3A
  static let semicolon: UInt8 = 0x3B
  static let slash: UInt8 = 0x2F
  static let percent: UInt8 = 0x25

  static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  static func isAlpha(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

  /// `tchar`: the characters in names of methods, fields and codings: letters, digits, !#$%&'*+-.^_`|~
  static func isToken(_ byte: UInt8) -> Bool {
    // One bit for each byte: bytes 0...63 in the first number, 64...127 in the second.
    let set: UInt64 = byte < 64 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
    return byte < 128 && set >> UInt64(byte & 63) & 1 == 1
  }

  /// `unreserved` of RFC 3986 §2.3.
  static func isUnreserved(_ byte: UInt8) -> Bool {
    if isAlpha(byte) || isDigit(byte) { return true }
    switch byte {
    case 0x2D, 0x2E, 0x5F, 0x7E: return true  // - . _ ~
    default: return false
    }
  }

  /// `pchar` without percent-encoding: unreserved, sub-delims, ":" and "@".
  static func isPathCharacter(_ byte: UInt8) -> Bool {
    if isUnreserved(byte) { return true }
    switch byte {
    case 0x21, 0x24, 0x26...0x2C, 0x3B, 0x3D, 0x3A, 0x40: return true  // ! $ & ' ( ) * + , ; = : @
    default: return false
    }
  }

  /// Visible ASCII without `"`, `#`, `<`, `>`: the query characters of RFC 3986 and a few more that browsers do not
  /// encode.
  static func isQueryCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x22, 0x23, 0x3C, 0x3E: false
    default: byte > 0x20 && byte < 0x7F
    }
  }

  static func isWhitespace(_ byte: UInt8) -> Bool { byte == space || byte == tab }

  /// A control byte that no line of a head may hold. HTAB counts as whitespace; CR and LF end the line.
  static func isControl(_ byte: UInt8) -> Bool { (byte < 0x20 && byte != tab) || byte == 0x7F }

  /// The value 0...15 of a hexadecimal digit; nil for any other byte.
  static func hexValue(_ byte: UInt8) -> Int? {
    if isDigit(byte) { return Int(byte &- 0x30) }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? Int(letter) + 10 : nil
  }

  /// Compares ASCII text without regard to case.
  /// - Parameter lowercase: the expected text, in lower case.
  static func equal(_ bytes: Span<UInt8>, lowercase: StaticString) -> Bool {
    guard lowercase.utf8CodeUnitCount == bytes.count else { return false }
    // Safety: the text has as many bytes as the span.
    for index in bytes.indices where lowered(bytes[index]) != lowercase.utf8Start[index] { return false }
    return true
  }

  static func lowered(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

  /// `range` without whitespace at its ends.
  static func trimmed(_ range: Range<Int>, of bytes: Span<UInt8>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, isWhitespace(bytes[start]) { start += 1 }
    while end > start, isWhitespace(bytes[end - 1]) { end -= 1 }
    return start..<end
  }

  /// Calls `body` with each element of a comma-separated list (RFC 9110 §5.6.1), without surrounding whitespace. An
  /// element may be empty.
  static func forEachElement(of bytes: Span<UInt8>, _ body: (Span<UInt8>) -> Void) {
    var start = 0
    for index in 0...bytes.count where index == bytes.count || bytes[index] == comma {
      body(bytes.extracting(trimmed(start..<index, of: bytes)))
      start = index + 1
    }
  }
}
