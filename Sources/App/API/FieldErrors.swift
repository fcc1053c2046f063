// All faults of a body or a query, told at once: who has five mistakes should not need five attempts.

/// What is wrong, field by field.
struct FieldErrors: Sendable, Equatable {
  /// Faults told at most; the rest is counted.
  static let told = 20
  /// Code points of a client's own text repeated to it.
  static let quotedLength = 64

  private(set) var sentences: [String] = []
  private var untold = 0

  var isEmpty: Bool { sentences.isEmpty }

  /// - Parameters:
  ///   - path: the field, e.g. `tags[2]` or `owner.name`; empty for the body itself.
  ///   - fault: e.g. `must be a whole number from 1 to 9`.
  mutating func add(_ path: String, _ fault: String) {
    if sentences.count == Self.told {
      untold += 1
    } else {
      sentences.append(path.isEmpty ? fault : "\(path) \(fault)")
    }
  }

  /// All of it, as the details of a problem.
  var details: String {
    sentences.joined(separator: "; ") + (untold > 0 ? "; and \(untold) more" : "")
  }

  /// A text of the client, short enough to be repeated.
  static func quoted(_ text: String) -> String {
    let scalars = text.unicodeScalars
    if scalars.count <= quotedLength { return "\"\(text)\"" }
    return "\"\(String(String.UnicodeScalarView(scalars.prefix(quotedLength))))…\""
  }
}
