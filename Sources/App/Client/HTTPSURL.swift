/// The URL of a server: `https://host[:port][/path]`.
public struct HTTPSURL: Sendable, Equatable {
  /// A name or an address, without the brackets of an IPv6 address.
  public let host: String
  /// 443 if the text has none.
  public let port: UInt16
  /// The value of a request's Host field: host and port as they were written.
  public let authority: String
  /// Empty, or `/…` without a slash at the end. It is kept as it was written, so it is already percent-encoded.
  public let path: String

  /// Parses `text`. Returns nil for another scheme, for user names, queries and fragments, and for anything but
  /// printable ASCII.
  public init?(_ text: String) {
    let scheme = "https://"
    guard text.hasPrefix(scheme) else { return nil }
    let rest = text.dropFirst(scheme.count)
    let end = rest.firstIndex(of: "/") ?? rest.endIndex
    var path = rest[end...]
    while path.last == "/" { path.removeLast() }
    let authority = rest[..<end]
    let isPlain = (authority + path).utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    guard isPlain, !path.contains("?"), !path.contains("#"), !authority.contains("@") else { return nil }
    var portText: Substring?
    if authority.hasPrefix("[") {
      guard let bracket = authority.firstIndex(of: "]") else { return nil }
      host = String(authority[authority.index(after: authority.startIndex)..<bracket])
      let tail = authority[authority.index(after: bracket)...]
      guard tail.isEmpty || tail.hasPrefix(":") else { return nil }
      if !tail.isEmpty { portText = tail.dropFirst() }
    } else {
      let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2 else { return nil }
      host = String(parts[0])
      if parts.count == 2 { portText = parts[1] }
    }
    let port = portText.map { UInt16($0) ?? 0 } ?? 443
    guard port > 0, !host.isEmpty else { return nil }
    self.port = port
    self.authority = String(authority)
    self.path = String(path)
  }
}
