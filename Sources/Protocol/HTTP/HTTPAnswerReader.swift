// Collects complete responses, for a client that uses a response only when it is complete. `HTTPLimits.bodyBytes`
// limits the size of a body.

/// A complete response.
public struct HTTPAnswer: Sendable, Equatable {
  public let head: HTTPResponseHead
  /// The body without chunk framing. Empty if the response has none.
  public let body: [UInt8]
  /// Whether another request may follow on the connection.
  public let keepsConnection: Bool

  public var status: HTTPStatus { head.status }

  /// The pause that Retry-After asks for in whole seconds (RFC 9110 §10.2.3). Nil if there is none, or it is a date.
  public var retryAfter: Duration? {
    guard let text = head.fields.string(named: "retry-after"), let seconds = UInt32(text) else { return nil }
    return .seconds(Int64(seconds))
  }
}

/// An `HTTPClientMachine` that collects each response. Interim responses are dropped.
public struct HTTPAnswerReader: ~Copyable {
  public enum Outcome: Equatable {
    /// All input was taken.
    case needInput
    /// The response is complete, and it ends with the last byte of the input.
    case answer(HTTPAnswer)
    /// The response failed. The owner closes the connection.
    case failed(HTTPClientError)
  }

  private var machine: HTTPClientMachine
  private var head: HTTPResponseHead?
  private var body: [UInt8] = []

  public init(limits: HTTPLimits = HTTPLimits()) { machine = HTTPClientMachine(limits: limits) }

  /// Appends the head of a request to `output` and expects its response; see `HTTPClientMachine.send`.
  public mutating func send(_ head: HTTPRequestTemplate, bodyBytes: Int, to output: inout ByteBuffer) {
    machine.send(head, bodyBytes: bodyBytes, to: &output)
  }

  /// Takes all of `plaintext`. Bytes behind a complete response fail it: no request asked for them, and the reader
  /// cannot tell whether the response or the bytes behind it are wrong.
  public mutating func read(_ plaintext: borrowing ByteBuffer) -> Outcome {
    var position = 0
    while true {
      switch machine.next(plaintext.span, &position) {
      case .interim: continue
      case .head(let head): self.head = head
      case .body(let range): plaintext.withUnsafeBytes { body.append(contentsOf: $0[range]) }
      case .end: return position == plaintext.count ? .answer(takeAnswer()) : .failed(.unrequestedBytes)
      case .fail(let error): return .failed(error)
      case .needInput: return .needInput
      }
    }
  }

  /// Call it when the server has closed its side of the connection.
  /// - Returns: nil if no response was expected.
  public mutating func inputEnded() -> Outcome? {
    switch machine.inputEnded() {
    case .end: return .answer(takeAnswer())
    case .fail(let error): return .failed(error)
    case .needInput: return nil
    case .interim, .head, .body: preconditionFailure("the end of the input has no bytes")
    }
  }

  private mutating func takeAnswer() -> HTTPAnswer {
    guard let head else { preconditionFailure("a response ended before its head") }
    defer {
      self.head = nil
      body = []
    }
    return HTTPAnswer(head: head, body: body, keepsConnection: machine.isIdle)
  }
}
