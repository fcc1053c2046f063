// The Host field and the authority of an absolute target (RFC 9110 §7.2, RFC 3986 §3.2). The rule is narrower than the
// grammar on purpose: no user information, no percent-encoding, no sub-delims, no empty host or port. Real host names
// need none of these, and each of them can make two readers see two different hosts.

/// `name`, `1.2.3.4` or `[v6]`, with or without `:port`.
enum HTTPHost {
  static func validate(_ host: ArraySlice<UInt8>) throws(HTTPError) {
    guard let nameEnd = endOfName(host), isPort(host[nameEnd...]) else { throw HTTPError(.invalidHost) }
  }

  private static func endOfName(_ host: ArraySlice<UInt8>) -> Int? {
    if host.first == UInt8(ascii: "[") {
      guard let close = host.firstIndex(of: UInt8(ascii: "]")) else { return nil }
      let address = host[(host.startIndex + 1)..<close]
      let isAddress = address.allSatisfy {
        HTTPGrammar.hexValue($0) != nil || $0 == HTTPGrammar.colon || $0 == UInt8(ascii: ".")
      }
      // The longest address has 45 bytes (INET6_ADDRSTRLEN), the shortest one is `::`.
      return isAddress && (2...45).contains(address.count) ? close + 1 : nil
    }
    let end = host.firstIndex { !HTTPGrammar.isUnreserved($0) } ?? host.endIndex
    // A DNS name has at most 255 bytes.
    return (1...255).contains(end - host.startIndex) ? end : nil
  }

  private static func isPort(_ rest: ArraySlice<UInt8>) -> Bool {
    if rest.isEmpty { return true }
    let digits = rest.dropFirst()
    guard rest.first == HTTPGrammar.colon, (1...5).contains(digits.count), digits.allSatisfy(HTTPGrammar.isDigit)
    else { return false }
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) } <= 65_535
  }
}
