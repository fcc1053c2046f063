/// Where the server is: `https://host[:port][/prefix]`.
struct ServerURL: Sendable, Equatable {
  /// Without the brackets of an IPv6 address.
  let host: String
  let port: UInt16
  /// For the Host field, as it was written.
  let authority: String
  /// What precedes `/api/v1`; empty or `/…` without a slash at the end.
  let prefix: String

  init?(_ text: String) {
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
    prefix = String(path)
  }

  func target(_ path: String) -> String { prefix + "/api/v1/" + path }
}
