// The sentences about refused pushes. They name the member of the body and no name from the program.

import Protocol

extension Problem {
  init(_ refusal: PushRefusal) {
    switch refusal {
    case .inflate(let error): self.init(error)
    case .foreignCollector:
      self.init(.identityMismatch, "collector_id in the body differs from the token's")
    case .foreign(let content):
      self.init(content.isCompressed ? .invalidCompression : .invalidJSON, content.sentence)
    case .payload(let error):
      switch error.kind {
      case .malformed(let defect): self.init(.invalidJSON, error.placed(defect.words))
      case .envelope(.tooManyRows): self.init(.bodyTooLarge, "more rows than a push may have")
      case .envelope(.tooManyMetrics): self.init(.bodyTooLarge, "more metrics than a push may have (push_metrics)")
      case .envelope(let fault): self.init(.validationFailed, error.placed(fault.words))
      }
    }
  }
}

extension PushError {
  /// The place and the fault: `metrics[3]: unexpected character, at byte 812`.
  fileprivate func placed(_ words: String) -> String {
    (path.isEmpty ? "" : path + ": ") + words + ", at byte \(offset)"
  }
}

extension JSONDefect {
  fileprivate var words: String {
    switch self {
    case .unexpectedByte: "unexpected character"
    case .unexpectedEnd: "the text ends too early"
    case .controlCharacter: "a string holds a control character that is not escaped"
    case .badEscape: "invalid escape"
    case .badNumber: "invalid number"
    case .tooDeep: "too many arrays and objects inside one another"
    case .trailingBytes: "something follows the object"
    }
  }
}

extension PushError.Envelope {
  fileprivate var words: String {
    switch self {
    case .notAnObject: "the body is not an object"
    case .missingCollectorID, .missingMetrics: "is missing"
    case .duplicateKey: "occurs twice"
    case .wrongType: "is of another type than declared"
    case .badText: "contains an invalid character"
    case .tooLong: "is too long"
    case .tooManyRows: "has too many rows"
    case .tooManyMetrics: "has too many metrics"
    }
  }
}
