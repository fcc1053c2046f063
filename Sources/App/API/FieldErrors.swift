// Collects all faults of a body or a query, so that a client with five mistakes needs only one attempt to see them.

/// The faults, field by field.
struct FieldErrors: Sendable, Equatable {
  /// The largest number of faults in the text. Further faults are counted.
  static let reportedMaximum = 20
  /// The largest number of code points of a client's own text that is repeated.
  static let quotedLength = 64

  private(set) var sentences: [String] = []
  private var unreported = 0

  var isEmpty: Bool { sentences.isEmpty }

  /// - Parameters:
  ///   - path: the field, e.g. `tags[2]` or `owner.name`; empty for the body itself.
  ///   - fault: e.g. `must be a whole number from 1 to 9`.
  mutating func add(_ path: String, _ fault: String) {
    if sentences.count == Self.reportedMaximum {
      unreported += 1
    } else {
      sentences.append(path.isEmpty ? fault : "\(path) \(fault)")
    }
  }

  /// All faults as one text, for the details of a problem.
  var details: String {
    sentences.joined(separator: "; ") + (unreported > 0 ? "; and \(unreported) more" : "")
  }

  /// A text of the client in quotes, shortened if it is long.
  static func quoted(_ text: String) -> String {
    let scalars = text.unicodeScalars
    if scalars.count <= quotedLength { return "\"\(text)\"" }
    return "\"\(String(String.UnicodeScalarView(scalars.prefix(quotedLength))))…\""
  }
}
