// Collects one response after the other from plaintext.

internal import Protocol

struct ResponseReader: ~Copyable {
  enum Outcome {
    /// All input was taken.
    case needInput
    case answer(Answer)
    /// The connection is of no further use.
    case violated(ConnectionLoss)
  }

  private var machine = HTTPResponseMachine()
  private var head: HTTPResponseHead?
  private var body: [UInt8] = []

  mutating func expectResponse() { machine.expectResponse() }

  mutating func read(_ plaintext: borrowing ByteBuffer) -> Outcome {
    var position = 0
    while true {
      switch machine.next(plaintext.span, &position) {
      case .interim: continue
      case .head(let head): self.head = head
      case .body(let range): plaintext.withUnsafeBytes { body.append(contentsOf: $0[range]) }
      case .end: return position == plaintext.count ? .answer(takeAnswer()) : .violated(.unexpectedBytes)
      case .reject(let error): return .violated(.badAnswer(error))
      case .needInput: return position == plaintext.count ? .needInput : .violated(.unexpectedBytes)
      }
    }
  }

  /// The server will send no more. - Returns: nil if there was nothing to come.
  mutating func inputEnded() -> Outcome? {
    switch machine.inputEnded() {
    case .end: .answer(takeAnswer())
    case .needInput: nil
    case .reject, .interim, .head, .body: .violated(.closedUnanswered)
    }
  }

  private mutating func takeAnswer() -> Answer {
    defer {
      head = nil
      body = []
    }
    return Answer(head: head!, body: body, keepsConnection: machine.isIdle)
  }
}
