// From token and certificate to a principal: checked on every request, on live connections too.

import Protocol

/// The outcome of looking at who calls.
enum Authentication {
  case principal(Principal)
  /// A good access token: its session is looked up before a handler runs.
  case session(UserToken)
  case refused(Problem)
  /// The token names a collector that this lane has not heard of: ask the database, then look again.
  case unknownCollector(UUID)
}

extension Lane {
  /// Who sends `head` on `connection`, as far as `access` wants to know.
  func authenticate(_ head: HTTPRequestHead, on connection: HTTPConnection, for access: Access) -> Authentication {
    switch access {
    case .anyone, .registrationSecret: return .principal(.anonymous)
    case .user, .collector, .collectorOrUser: break
    }
    guard let token = head.bearerToken else { return .refused(Problem(.unauthenticated, "no bearer token")) }
    switch access {
    case .anyone, .registrationSecret: return .principal(.anonymous)
    case .user: return user(token)
    case .collector(certificate: .required): return collector(token, on: connection)
    case .collector(certificate: .optional):
      // Only a refresh is asked for so. A token past its end is as good as its certificate.
      let isVouchedFor = connection.certificate?.verdict == .trusted
      return collector(token, on: connection, grace: isVouchedFor ? settings.certificateLife.wholeSeconds : 0)
    case .collectorOrUser:
      // The stock collector answers a 401 here with a refresh and the same pull again, without end: 403 stops it.
      let asCollector = collector(token, on: connection)
      guard case .refused(let problem) = asCollector else { return asCollector }
      if problem.kind.status != .unauthorized { return asCollector }
      let asUser = user(token)
      guard case .refused(let other) = asUser else { return asUser }
      // Proven to be a person's, whose client knows what to do: no collector holds such a token.
      if other.kind == .expiredToken { return asUser }
      return .refused(Problem(.tokenRefused, problem.kind.message))
    }
  }

  private func user(_ token: ArraySlice<UInt8>) -> Authentication {
    do throws(JWTError) {
      return .session(try token.withSpan { span throws(JWTError) in try tokens.user(span, now: unixSeconds) })
    } catch {
      return .refused(Problem(error))
    }
  }

  /// - Parameter grace: seconds after its end for which the token is taken, if the certificate names the same collector.
  private func collector(
    _ token: ArraySlice<UInt8>, on connection: HTTPConnection, grace: Int64 = 0
  ) -> Authentication {
    let id: UUID
    if let verified = connection.verifiedToken, verified.matches(token, now: unixSeconds) {
      id = verified.collector
    } else {
      do throws(JWTError) {
        let claims = try token.withSpan { span throws(JWTError) in
          try tokens.collector(span, now: unixSeconds, grace: grace)
        }
        id = claims.id
        connection.verifiedToken = VerifiedToken(bytes: Array(token), collector: id, expiresAt: claims.expiresAt)
      } catch {
        return .refused(Problem(error))
      }
    }
    guard let record = collectors[id] else { return .unknownCollector(id) }
    if record.isRevoked { return .refused(Problem(.collectorRevoked)) }
    guard let certificate = connection.certificate else {
      return .principal(.collector(Principal.Collector(id: id, certificateFingerprint: nil)))
    }
    switch certificate.verdict {
    case .trusted: break
    case .untrusted(let reason):
      return .refused(Problem(.certificateRequired, "the certificate is not trusted: \(reason)"))
    }
    // A connection may outlive the certificate it was opened with.
    if certificate.notAfter <= unixSeconds {
      return .refused(Problem(.certificateRequired, "the certificate has expired"))
    }
    guard certificate.collector == id else {
      return .refused(Problem(.identityMismatch, "the certificate names another collector than the token"))
    }
    return .principal(.collector(Principal.Collector(id: id, certificateFingerprint: certificate.fingerprintHex)))
  }
}

extension Problem {
  /// Why a token is refused. Facts about its form and its times are no secret; whether a signature is nearly right is.
  init(_ error: JWTError) {
    // Kinds by their full name: several cases of the two enums are called the same, and `self.init(.badSignature)` would
    // be this initializer again.
    switch error {
    case .malformed: self.init(Kind.malformedToken)
    case .tooLong: self.init(Kind.malformedToken, "more than \(JWT.maximumBytes) bytes")
    case .unsupportedAlgorithm: self.init(Kind.unsupportedAlgorithm)
    case .unknownKey: self.init(Kind.unknownKey)
    case .badSignature: self.init(Kind.badSignature)
    case .wrongIssuer: self.init(Kind.wrongIssuer)
    case .wrongAudience: self.init(Kind.wrongAudience)
    case .missingClaim(let name): self.init(Kind.missingClaim, name)
    case .notYetValid: self.init(Kind.tokenNotYetValid)
    case .expired: self.init(Kind.expiredToken)
    }
  }
}

extension ArraySlice<UInt8> {
  /// Lends the elements as a span.
  func withSpan<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
    try withUnsafeBufferPointer { buffer throws(E) -> R in
      // Safety: the buffer outlives the call, and the span cannot leave it.
      try body(Span(_unsafeElements: buffer))
    }
  }
}
