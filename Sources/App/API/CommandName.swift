// The name of an endpoint's command in the command line. One rule makes it from method and path; a declaration names
// another word only where a person expects one.

import Protocol

/// The words of a command, such as `queries top`.
struct CommandName: Hashable, Sendable, CustomStringConvertible {
  let words: [String]

  init(_ text: String) { words = text.split(separator: " ").map(String.init) }

  var description: String { words.joined(separator: " ") }
}

/// Where an endpoint gets its command from.
enum CommandRule: Sendable, ExpressibleByStringLiteral {
  /// From method and path. Endpoints outside of `/api/v1`, and those that only collectors may call, have no command.
  case derived
  /// From the declaration.
  case named(String)
  /// The endpoint has no command.
  case none

  init(stringLiteral text: String) { self = .named(text) }
}

extension CommandName {
  /// The name by the rule.
  /// - Parameter isList: whether the answer is a list.
  /// - Returns: nil for an endpoint without a command.
  init?(_ rule: CommandRule, _ method: HTTPMethod, _ path: PathPattern, _ access: Access, isList: Bool) {
    switch rule {
    case .none: return nil
    case .named(let text): self.init(text)
    case .derived:
      guard path.segments.prefix(2) == [.fixed("api"), .fixed("v1")], access.isForPeople else { return nil }
      self.init(Self.derived(method, Array(path.segments.dropFirst(2)), isList: isList))
    }
  }

  /// - Parameter segments: the path below `/api/v1`.
  private static func derived(_ method: HTTPMethod, _ segments: [PathPattern.Segment], isList: Bool) -> String {
    let nouns = segments.compactMap { segment in if case .fixed(let word) = segment { word } else { nil } }
    let isItem = if case .parameter? = segments.last { true } else { false }
    let isBelowItem = !isItem && nouns.count < segments.count
    // What belongs to a server is asked for by its own word: `locks 1`.
    if method == .get, isBelowItem, segments.count == 3, nouns.first == "servers" { return nouns[1] }
    let verb: String? =
      switch method {
      case .get: isItem ? "show" : isList && !isBelowItem ? "list" : nil
      case .post: isBelowItem ? nil : "create"
      case .patch: "change"
      case .put: "put"
      case .delete: "delete"
      default: method.name.lowercased()
      }
    return (nouns + [verb].compactMap { $0 }).joined(separator: " ")
  }
}

extension Access {
  /// Whether people may call the endpoint.
  fileprivate var isForPeople: Bool {
    switch self {
    case .anyone, .user, .collectorOrUser: true
    case .collector, .registrationSecret: false
    }
  }
}

extension [AnswerDeclaration] {
  /// Whether the first answer has rows in a member `data`.
  var haveRows: Bool {
    first?.contents.first?.schema.properties.contains { $0.name == "data" && $0.schema.kind == .array } ?? false
  }
}
