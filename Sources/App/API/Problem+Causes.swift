// Turns errors of Protocol and the database into problems. Their sentences are written here and not where the error is
// found.

import Protocol

extension Problem {
  /// A message that violates HTTP or exceeds a limit.
  init(_ error: HTTPError) {
    let kind: Kind
    switch error.status {
    case .requestHeaderFieldsTooLarge: kind = .headTooLarge
    case .uriTooLong: kind = .targetTooLong
    case .contentTooLarge: kind = .bodyTooLarge
    case .expectationFailed: kind = .unsupportedExpectation
    case .notImplemented: kind = .unsupportedTransferCoding
    case .httpVersionNotSupported: kind = .unsupportedHTTPVersion
    default: kind = error.reason == .invalidQuery ? .invalidQuery : .malformedRequest  // any other status
    }
    self.init(kind, error.reason.rawValue)
  }

  init(_ error: InflateError) {
    switch error {
    case .truncated: self.init(.invalidCompression, "the gzip member is cut off")
    case .corrupt(let offset): self.init(.invalidCompression, "the gzip member is damaged before byte \(offset)")
    case .trailingBytes: self.init(.invalidCompression, "bytes follow the gzip member")
    case .tooLarge(let limit): self.init(.bodyTooLarge, "the body inflates to more than \(limit) bytes")
    case .ratioExceeded: self.init(.bodyTooLarge, "the body inflates to suspiciously many times its size")
    }
  }

  init(_ error: JSONValueError) {
    let what: String
    switch error.reason {
    case .unexpectedEnd: what = "the text ends too early"
    case .unexpectedByte: what = "unexpected character"
    case .trailingBytes: what = "something follows the value"
    case .invalidUTF8: what = "a string is not valid UTF-8"
    case .controlCharacter: what = "a string holds a control character that is not escaped"
    case .invalidEscape: what = "invalid escape"
    case .loneSurrogate: what = "half of a surrogate pair"
    case .invalidNumber: what = "invalid number"
    case .numberOutOfRange: what = "number out of range"
    case .duplicateKey(let name): what = "the name \(FieldErrors.quoted(name)) occurs twice"
    case .tooDeep(let limit): what = "more than \(limit) arrays and objects inside one another"
    case .tooLarge(let limit):
      self.init(.bodyTooLarge, "more than \(limit) bytes")
      return
    }
    self.init(.invalidJSON, "\(what), at byte \(error.offset)")
  }
}

extension Problem: DatabaseFailure {
  /// A failed statement or connection. A failure that the client caused, such as a name that is taken, has to be
  /// reported by the endpoint before it uses this initializer. The error itself is only for the log.
  init(_ error: DatabaseError) {
    switch error.kind {
    case .connectionLost where error.mayHaveHappened, .unanswered where error.mayHaveHappened:
      self.init(.outcomeUnknown, retryAfterSeconds: 5)
    case .connectFailed, .connectionLost, .unanswered, .waitedTooLong:
      self.init(.databaseUnavailable, retryAfterSeconds: 5)
    case .overloaded: self.init(.overloaded, retryAfterSeconds: 5)
    case .cancelled, .shutDown: self.init(.shuttingDown, retryAfterSeconds: 5)
    case .unexpectedResult: self.init(.internalError)
    case .statement where error.isRetryable: self.init(.databaseUnavailable, retryAfterSeconds: 5)
    case .statement where error.sqlstate == SQLState.uniqueViolation: self.init(.conflict)
    case .statement where error.sqlstate == SQLState.queryCanceled:
      self.init(.overloaded, "the query took too long (query_timeout)", retryAfterSeconds: 5)
    case .statement: self.init(.internalError)
    }
    cause = error.description
  }
}
