/// A request method (RFC 9110 §9). Case matters: `get` is not `GET`.
public enum HTTPMethod: Sendable, Hashable {
  case get, head, post, put, patch, delete, options
  /// Another token, of at most `longestName` bytes.
  case other(String)

  /// The longest method name that is read, in bytes.
  static let longestName = 32

  /// The method with this name.
  /// - Parameter name: as on the wire. A name that is not one of the known cases gives `.other`.
  public init(_ name: String) {
    switch name {
    case "GET": self = .get
    case "HEAD": self = .head
    case "POST": self = .post
    case "PUT": self = .put
    case "PATCH": self = .patch
    case "DELETE": self = .delete
    case "OPTIONS": self = .options
    default: self = .other(name)
    }
  }

  init(parsing bytes: ArraySlice<UInt8>) throws(HTTPError) {
    guard (1...Self.longestName).contains(bytes.count), bytes.allSatisfy(HTTPGrammar.isToken) else {
      throw HTTPError(.invalidMethod)
    }
    self = Self.known(bytes.span) ?? .other(String(decoding: bytes, as: UTF8.self))
  }

  private static let names: [(StaticString, HTTPMethod)] = [
    ("GET", .get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("PATCH", .patch), ("DELETE", .delete),
    ("OPTIONS", .options),
  ]

  /// The known method with these bytes; nil for another one. It makes no String.
  private static func known(_ bytes: Span<UInt8>) -> HTTPMethod? {
    for (name, method) in names where bytes.count == name.utf8CodeUnitCount {
      // Safety: the name has as many bytes as the span.
      if bytes.indices.allSatisfy({ bytes[$0] == name.utf8Start[$0] }) { return method }
    }
    return nil
  }

  /// The name as on the wire.
  public var name: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .patch: "PATCH"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .other(let name): name
    }
  }
}
