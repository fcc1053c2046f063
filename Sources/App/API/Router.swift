// Finds the endpoint of a request. Fixed paths are found by their bytes without an allocation, which pushes need. A
// path that ends in a slash or contains an empty segment is another path and is not found.

import Protocol

/// A fault in the list of endpoints.
enum RouterError: Error, Equatable, Sendable {
  case duplicateID(String)
  /// Some path would match both endpoints.
  case ambiguous(String, String)
}

/// Finds endpoints by method and path.
struct Router: Sendable {
  enum Match: Sendable {
    case found(Endpoint, PathParameters)
    /// The path exists, but not with this method. `allow` is sorted by name.
    case methodNotAllowed(allow: [HTTPMethod])
    case notFound
  }

  let endpoints: [Endpoint]
  /// Indices by the bytes of the path, for paths without parameters.
  private let fixed: [ArraySlice<UInt8>: [Int]]
  /// Indices of the other paths, by the number of segments.
  private let patterns: [Int: [Int]]

  init(_ endpoints: [Endpoint]) throws(RouterError) {
    var fixed: [ArraySlice<UInt8>: [Int]] = [:]
    var patterns: [Int: [Int]] = [:]
    for (index, endpoint) in endpoints.enumerated() {
      for other in endpoints[..<index] {
        if other.id == endpoint.id { throw .duplicateID(endpoint.id) }
        // A fixed path has priority over a pattern, so only two paths of the same kind can conflict.
        let isSameKind = other.path.parameters.isEmpty == endpoint.path.parameters.isEmpty
        if isSameKind, other.method == endpoint.method, other.path.overlaps(endpoint.path) {
          throw .ambiguous(other.id, endpoint.id)
        }
      }
      if endpoint.path.parameters.isEmpty {
        fixed[ArraySlice(endpoint.path.template.utf8), default: []].append(index)
      } else {
        patterns[endpoint.path.segments.count, default: []].append(index)
      }
    }
    self.endpoints = endpoints
    self.fixed = fixed
    self.patterns = patterns
  }

  /// Finds the endpoint of a request. The GET endpoint answers HEAD if HEAD is not declared.
  func match(_ method: HTTPMethod, _ target: RequestTarget) -> Match {
    var allow: Set<HTTPMethod> = []
    if let found = matchFixed(target.rawPath, method, &allow) { return .found(found, PathParameters()) }
    let segments = target.segments
    if target.rawPath.contains(UInt8(ascii: "%")) {
      let decoded = Array(segments.map { "/\($0)" }.joined().utf8)
      if let found = matchFixed(decoded[...], method, &allow) { return .found(found, PathParameters()) }
    }
    var fallback: (Endpoint, PathParameters)?
    for index in patterns[segments.count] ?? [] {
      let endpoint = endpoints[index]
      guard let parameters = endpoint.path.match(segments) else { continue }
      if endpoint.method == method { return .found(endpoint, parameters) }
      if endpoint.method == .get, method == .head { fallback = (endpoint, parameters) }
      allow.insert(endpoint.method)
    }
    if let fallback { return .found(fallback.0, fallback.1) }
    if allow.isEmpty { return .notFound }
    if allow.contains(.get) { allow.insert(.head) }
    return .methodNotAllowed(allow: allow.sorted { $0.name < $1.name })
  }

  private func matchFixed(
    _ path: ArraySlice<UInt8>, _ method: HTTPMethod, _ allow: inout Set<HTTPMethod>
  ) -> Endpoint? {
    guard let indices = fixed[path] else { return nil }
    for index in indices where endpoints[index].method == method { return endpoints[index] }
    for index in indices where endpoints[index].method == .get && method == .head { return endpoints[index] }
    for index in indices { allow.insert(endpoints[index].method) }
    return nil
  }
}

extension Problem {
  static func methodNotAllowed(_ allow: [HTTPMethod]) -> Problem {
    Problem(.methodNotAllowed, fields: [HTTPField("Allow", allow.map(\.name).joined(separator: ", "))])
  }
}
