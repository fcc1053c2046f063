// Base 16 (RFC 4648 section 8). Encoding gives lower case; decoding accepts either case.

/// Hexadecimal text of bytes.
public enum Hex {
  /// Two lower-case digits for each byte.
  public static func encode(_ bytes: Span<UInt8>) -> String {
    String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
      for index in bytes.indices {
        buffer[index * 2] = digit(bytes[index] >> 4)
        buffer[index * 2 + 1] = digit(bytes[index] & 0x0F)
      }
      return bytes.count * 2
    }
  }

  /// Two lower-case digits for each byte.
  public static func encode(_ bytes: [UInt8]) -> String { encode(bytes.span) }

  /// The bytes that `text` encodes.
  /// - Returns: nil if the number of digits is odd, or if a character is not a hex digit.
  public static func decode(_ text: Span<UInt8>) -> [UInt8]? {
    guard text.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 2)
    for index in stride(from: 0, to: text.count, by: 2) {
      guard let high = value(text[index]), let low = value(text[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  /// As above, for a String.
  public static func decode(_ text: String) -> [UInt8]? { decode(Array(text.utf8).span) }

  /// The digit for `nibble`, which must be below 16.
  static func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? nibble + 0x30 : nibble + 0x57 }

  /// The value of one ASCII digit; nil for any other character.
  static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x37
    case 0x61...0x66: digit - 0x57
    default: nil
    }
  }
}
