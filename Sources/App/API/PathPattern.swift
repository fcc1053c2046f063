// The path of an endpoint with its parameters and their types, such as `/api/v1/servers/{id:int}/metrics`.

import Protocol

/// A path as segments, each either fixed or a parameter: `{name}`, `{name:int}` (a positive integer) or `{name:uuid}`.
struct PathPattern: Hashable, Sendable, ExpressibleByStringLiteral {
  enum Segment: Hashable, Sendable {
    case fixed(String)
    case parameter(String, Kind)
  }

  enum Kind: Hashable, Sendable { case text, integer, uuid }

  let segments: [Segment]

  /// - Parameter text: begins with `/`. An invalid pattern is a programming error and stops the program.
  init(_ text: String) {
    if text == "/" {
      segments = []
      return
    }
    let pieces = text.split(separator: "/", omittingEmptySubsequences: false)
    precondition(pieces.count > 1 && pieces[0].isEmpty, "\(text): a path begins with /")
    segments = pieces.dropFirst().map { piece in
      guard piece.first == "{", piece.last == "}" else {
        precondition(
          !piece.isEmpty && !piece.contains { "{}%?#".contains($0) }, "\(text): not a path segment: \(piece)")
        return .fixed(String(piece))
      }
      let parts = piece.dropFirst().dropLast().split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      precondition(!parts[0].isEmpty, "\(text): a parameter has a name")
      switch parts.dropFirst() {
      case []: return .parameter(parts[0], .text)
      case ["int"]: return .parameter(parts[0], .integer)
      case ["uuid"]: return .parameter(parts[0], .uuid)
      default: preconditionFailure("\(text): unknown parameter type in \(piece)")
      }
    }
  }

  init(stringLiteral text: String) { self.init(text) }

  var parameters: [(name: String, kind: Kind)] {
    segments.compactMap { if case .parameter(let name, let kind) = $0 { (name, kind) } else { nil } }
  }

  /// The path without types, as OpenAPI writes it.
  var template: String {
    if segments.isEmpty { return "/" }
    return segments.map { segment in
      switch segment {
      case .fixed(let text): "/\(text)"
      case .parameter(let name, _): "/{\(name)}"
      }
    }.joined()
  }

  /// The parameters for a path with these decoded segments; nil if the path does not match.
  func match(_ path: [String]) -> PathParameters? {
    guard path.count == segments.count else { return nil }
    var parameters = PathParameters()
    for (segment, text) in zip(segments, path) {
      switch segment {
      case .fixed(let fixed): if fixed != text { return nil }
      case .parameter(let name, let kind):
        guard let value = kind.read(text) else { return nil }
        parameters.values.append((name, value))
      }
    }
    return parameters
  }

  /// Whether some path matches both patterns.
  func overlaps(_ other: PathPattern) -> Bool {
    segments.count == other.segments.count
      && zip(segments, other.segments).allSatisfy { one, two in
        switch (one, two) {
        case (.fixed(let text), .fixed(let other)): text == other
        case (.fixed(let text), .parameter(_, let kind)), (.parameter(_, let kind), .fixed(let text)):
          kind.read(text) != nil
        case (.parameter(_, let kind), .parameter(_, let other)):
          kind == .text || other == .text || kind == other
        }
      }
  }
}

extension PathPattern.Kind {
  /// Reads a segment. Nil if the text is not of this kind: then no resource has this name.
  func read(_ text: String) -> PathParameters.Value? {
    switch self {
    case .text: return text.isEmpty ? nil : .text(text)
    case .integer:
      // A number has only one spelling: no sign, no leading zero.
      guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), text.utf8.first != 0x30 else { return nil }
      return Int64(text).map { .integer($0) }
    case .uuid: return UUID(text).map { .uuid($0) }
    }
  }

  var schema: Schema {
    switch self {
    case .text:
      var schema = Schema.string
      // A target with an encoded control character or slash is rejected before its path is matched.
      schema.pattern = #"^[^\u0000-\u001F\u007F/]+$"#
      return schema
    case .integer:
      var schema = Schema.integer
      schema.minimum = 1
      return schema
    case .uuid: return .uuid
    }
  }
}

/// The values of a pattern's parameters in a path. Reading a parameter that was not declared is a programming error and
/// stops the program.
struct PathParameters: Sendable {
  enum Value: Equatable, Sendable {
    case text(String)
    case integer(Int64)
    case uuid(UUID)
  }

  fileprivate(set) var values: [(name: String, value: Value)] = []

  func text(_ name: String) -> String {
    guard case .text(let text) = value(name) else { preconditionFailure("{\(name)} is not a text") }
    return text
  }

  func integer(_ name: String) -> Int64 {
    guard case .integer(let number) = value(name) else { preconditionFailure("{\(name)} is not an integer") }
    return number
  }

  func uuid(_ name: String) -> UUID {
    guard case .uuid(let uuid) = value(name) else { preconditionFailure("{\(name)} is not a UUID") }
    return uuid
  }

  /// The id in the path's parameter `collector_id`; nil without such a parameter.
  var collectorID: UUID? { id("collector_id") }

  /// The UUID in a parameter; nil without such a parameter, or if it is no UUID.
  func id(_ name: String) -> UUID? {
    switch values.first(where: { $0.name == name })?.value {
    case .uuid(let id): id
    case .text(let text): UUID(text)
    case .integer, nil: nil
    }
  }

  private func value(_ name: String) -> Value {
    for entry in values where entry.name == name { return entry.value }
    preconditionFailure("the path has no parameter {\(name)}")
  }
}
