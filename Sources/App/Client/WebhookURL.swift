/// The reason that a text is no URL of a webhook.
public enum WebhookURLError: Error, Equatable, Sendable, CustomStringConvertible {
  case scheme
  case character
  case userName
  case fragment
  case host
  case port
  case tooLong

  /// A sentence for people.
  public var description: String {
    switch self {
    case .scheme: "A URL begins with https:// or http://."
    case .character: "A URL holds only printable ASCII, without spaces; other characters are percent-encoded."
    case .userName: "A URL here has no user name and password; a channel has a secret for that."
    case .fragment: "A URL here has no part behind #."
    case .host: "The host of a URL is a name, an IPv4 address, or an IPv6 address in square brackets."
    case .port: "A port is a number from 1 to 65535."
    case .tooLong: "A URL here has at most \(WebhookURL.maximumBytes) bytes."
    }
  }
}

/// The URL of a webhook: `https://host[:port][/path][?query]`, or the same with `http`. Path and query are often secret,
/// so no error names them.
public struct WebhookURL: Sendable, Equatable {
  /// The most bytes of a URL.
  public static let maximumBytes = 4096

  /// Whether the scheme is https.
  public let usesTLS: Bool
  /// A name or an address, without the brackets of an IPv6 address.
  public let host: String
  /// 443 or 80 if the text has none.
  public let port: UInt16
  /// The value of a request's Host field: host and port as they were written.
  public let authority: String
  /// Path and query as they were written; at least `/`.
  public let target: String

  /// Reads a URL.
  public init(_ text: String) throws(WebhookURLError) {
    if text.utf8.count > Self.maximumBytes { throw .tooLong }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .character }
    let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
    let scheme = parts[0].lowercased()
    guard parts.count == 2, scheme == "https" || scheme == "http" else { throw .scheme }
    if parts[1].contains("#") { throw .fragment }
    usesTLS = scheme == "https"
    let end = parts[1].firstIndex { $0 == "/" || $0 == "?" } ?? parts[1].endIndex
    let authority = parts[1][..<end]
    let rest = parts[1][end...]
    if authority.contains("@") { throw .userName }
    let (host, port) = try Self.split(authority)
    self.host = host
    self.port = port ?? (usesTLS ? 443 : 80)
    self.authority = String(authority)
    target = rest.hasPrefix("/") ? String(rest) : "/" + rest
  }

  /// Host and port, for people.
  public var place: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  private static func split(_ authority: Substring) throws(WebhookURLError) -> (String, UInt16?) {
    var host: Substring
    var portText: Substring?
    if authority.hasPrefix("[") {
      guard let bracket = authority.firstIndex(of: "]") else { throw .host }
      host = authority[authority.index(after: authority.startIndex)..<bracket]
      guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { throw .host }
      let tail = authority[authority.index(after: bracket)...]
      if !tail.isEmpty {
        guard tail.hasPrefix(":") else { throw .host }
        portText = tail.dropFirst()
      }
    } else {
      let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      host = parts[0]
      if parts.count == 2 { portText = parts[1] }
      let isName = host.utf8.count <= 253 && host.allSatisfy { $0.isLetter || $0.isNumber || "-._".contains($0) }
      guard isName, !host.isEmpty else { throw .host }
    }
    guard let portText else { return (String(host), nil) }
    guard (1...5).contains(portText.count), portText.allSatisfy(\.isNumber), let port = UInt16(portText), port > 0
    else {
      throw .port
    }
    return (String(host), port)
  }
}
