// The template of a channel's body: a JSON text with placeholders in its strings, for servers that take other bodies
// than Slack's, such as {"content": "{{text}}"}.

import Protocol

/// The reason that a template is refused, as a clause after the name of the field.
struct TemplateFault: Error, Equatable, Sendable {
  let description: String
}

/// A checked template.
struct MessageTemplate: Equatable, Sendable {
  /// The texts that a template can contain.
  enum Placeholder: String, CaseIterable, Sendable {
    /// The whole message: title, findings and link.
    case text
    case title
    /// One line for each shown finding.
    case findings
    /// `opened`, `ended`, `several` or `test`.
    case event
    /// Empty in a message about several checks.
    case check
    case severity
    case count
    case url
    /// The idempotency id.
    case id
    /// When the message was composed, RFC 3339.
    case time
  }

  private enum Piece: Equatable, Sendable {
    case fixed(String)
    case place(Placeholder)
  }

  /// The largest number of bytes of a template.
  static let maximumBytes = 16 * 1024

  private let pieces: [Piece]

  /// Parses and checks a template. It must be a JSON object when its placeholders are filled in.
  init(_ text: String) throws(TemplateFault) {
    if text.utf8.count > Self.maximumBytes {
      throw TemplateFault(description: "must have at most \(Self.maximumBytes) bytes")
    }
    var pieces: [Piece] = []
    var rest = text[...]
    while let start = rest.firstRange(of: "{{") {
      guard let end = rest[start.upperBound...].firstRange(of: "}}") else {
        throw TemplateFault(description: "has a {{ without }}")
      }
      let name = rest[start.upperBound..<end.lowerBound].filter { $0 != " " }
      guard let placeholder = Placeholder(rawValue: name) else {
        let known = Placeholder.allCases.map(\.rawValue).joined(separator: ", ")
        throw TemplateFault(description: "has a placeholder other than \(known)")
      }
      pieces.append(.fixed(String(rest[..<start.lowerBound])))
      pieces.append(.place(placeholder))
      rest = rest[end.upperBound...]
    }
    pieces.append(.fixed(String(rest)))
    self.pieces = pieces
    // Quotes and line breaks in the sample show a placeholder outside of a string.
    let sample = render { _ in "\"x\"\n" }
    guard case .success(.object) = Result(catching: { () throws(JSONValueError) in try JSONValue.parse(sample.span) })
    else {
      throw TemplateFault(description: "must be a JSON object with its placeholders inside of strings")
    }
  }

  /// The body for `message`.
  func body(_ message: NotificationMessage, _ markup: MessageMarkup) -> [UInt8] {
    render { placeholder in
      switch placeholder {
      case .text: message.text(markup)
      case .title: markup.escaped(message.title)
      case .findings: message.findingLines(markup).joined(separator: "\n")
      case .event: message.event.rawValue
      case .check: message.check ?? ""
      case .severity: message.severity
      case .count: String(message.count)
      case .url: message.url
      case .id: message.id.description
      case .time: message.createdAt.rfc3339
      }
    }
  }

  /// Each value is written as the content of a JSON string.
  private func render(_ value: (Placeholder) -> String) -> [UInt8] {
    var bytes: [UInt8] = []
    for piece in pieces {
      switch piece {
      case .fixed(let text): bytes += Array(text.utf8)
      case .place(let placeholder):
        var json = JSONWriter()
        json.value(value(placeholder))
        let quoted = json.finish().withUnsafeBytes { Array($0) }
        bytes += quoted.dropFirst().dropLast()
      }
    }
    return bytes
  }
}
