// Unpadded base 64 (RFC 4648 sections 4 and 5): the URL-safe alphabet for JWT, the standard one for password hashes
// (PHC string format). Decoding is strict, so a byte string has exactly one encoding and a signed text cannot be
// changed without changing its meaning. The decoder refuses padding, white space, the other alphabet, and bits set
// after the last byte.

/// Base 64 with the URL-safe alphabet, without padding.
public enum Base64URL {
  /// The encoding of `bytes`.
  public static func encode(_ bytes: Span<UInt8>) -> String { Base64.urlSafe.encode(bytes) }

  /// The encoding of `bytes`.
  public static func encode(_ bytes: [UInt8]) -> String { Base64.urlSafe.encode(bytes.span) }

  /// The bytes that `text` encodes.
  /// - Returns: nil unless `text` is the one unpadded encoding of some bytes.
  public static func decode(_ text: Span<UInt8>) -> [UInt8]? { Base64.urlSafe.decode(text) }

  /// As above, for a String.
  public static func decode(_ text: String) -> [UInt8]? { decode(Array(text.utf8).span) }
}

/// One of the two alphabets. They differ in the characters for 62 and 63.
struct Base64 {
  static let standard = Base64(character62: UInt8(ascii: "+"), character63: UInt8(ascii: "/"))
  static let urlSafe = Base64(character62: UInt8(ascii: "-"), character63: UInt8(ascii: "_"))

  let character62: UInt8
  let character63: UInt8

  func encode(_ bytes: Span<UInt8>) -> String {
    let length = (bytes.count * 4 + 2) / 3
    return String(unsafeUninitializedCapacity: length) { buffer in
      var pending: UInt32 = 0
      var bits = 0
      var out = 0
      for index in bytes.indices {
        pending = pending << 8 | UInt32(bytes[index])
        bits += 8
        while bits >= 6 {
          bits -= 6
          buffer[out] = character(pending >> UInt32(bits) & 0x3F)
          out += 1
        }
      }
      if bits > 0 {
        buffer[out] = character(pending << UInt32(6 - bits) & 0x3F)
        out += 1
      }
      return out
    }
  }

  func decode(_ text: Span<UInt8>) -> [UInt8]? {
    guard text.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count * 3 / 4)
    var pending: UInt32 = 0
    var bits: UInt32 = 0
    for index in text.indices {
      guard let value = value(text[index]) else { return nil }
      pending = pending << 6 | value
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: pending >> bits))
      }
    }
    guard pending & ((1 << bits) - 1) == 0 else { return nil }
    return bytes
  }

  private func character(_ value: UInt32) -> UInt8 {
    switch value {
    case 0..<26: UInt8(value) + UInt8(ascii: "A")
    case 26..<52: UInt8(value) - 26 + UInt8(ascii: "a")
    case 52..<62: UInt8(value) - 52 + UInt8(ascii: "0")
    case 62: character62
    default: character63
    }
  }

  private func value(_ character: UInt8) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
    case character62: 62
    case character63: 63
    default: nil
    }
  }
}
