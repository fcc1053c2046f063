// The address of a mailbox (RFC 5321 §4.1.2), narrower than the grammar: ASCII only, and no quoted local part. Addresses
// of other letters need SMTPUTF8 on the whole way, which a notification cannot rely on.

/// A mailbox such as `dba@example.com`. A value has no space, no control character and no angle bracket, so it can stand
/// in a command and in a header.
public struct MailAddress: Hashable, Sendable, CustomStringConvertible {
  /// The most bytes of an address (RFC 5321 §4.5.3.1.3: a path of 256 bytes has two brackets).
  public static let maximumBytes = 254
  private static let maximumLocalBytes = 64

  /// The address as it was written.
  public let description: String
  /// The part behind the `@`: a domain name, or an address in square brackets.
  public let domain: String

  /// Reads an address. Nil for any other text, also for one with a display name or angle brackets.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.maximumBytes, let at = bytes.lastIndex(of: UInt8(ascii: "@")) else { return nil }
    guard at <= Self.maximumLocalBytes, Self.isDotAtom(bytes[..<at]), Self.isDomain(bytes[(at + 1)...]) else {
      return nil
    }
    description = text
    domain = String(decoding: bytes[(at + 1)...], as: UTF8.self)
  }

  private static func isDotAtom(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { atom in
      !atom.isEmpty && atom.allSatisfy(isAtomCharacter)
    }
  }

  private static func isAtomCharacter(_ byte: UInt8) -> Bool {
    // `atext` has the characters of a token of HTTP, and also / = ? { }.
    HTTPGrammar.isToken(byte) || "/=?{}".utf8.contains(byte)
  }

  private static func isDomain(_ bytes: ArraySlice<UInt8>) -> Bool {
    if bytes.first == UInt8(ascii: "[") {
      let inner = bytes.dropFirst().dropLast()
      return bytes.last == UInt8(ascii: "]") && !inner.isEmpty
        && inner.allSatisfy { HTTPGrammar.isUnreserved($0) || $0 == HTTPGrammar.colon }
    }
    return bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
      (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
        && label.allSatisfy { HTTPGrammar.isAlpha($0) || HTTPGrammar.isDigit($0) || $0 == UInt8(ascii: "-") }
    }
  }
}
