// From token and certificate to a principal: checked on every request, on live connections too.

import Ground
import Protocol

/// The outcome of looking at who calls.
enum Authentication {
  case principal(Principal)
  /// A good access token: its session is looked up before a handler runs.
  case session(UserToken)
  /// - `claimed`: the collector that somebody else's request names.
  case refused(Problem, claimed: UUID? = nil)
  /// This lane has not heard of the collector, or of its certificate: ask the database, then look again. If it is still
  /// so, this is the refusal.
  case unknown(UUID, Problem)
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
    case .collector(certificate: let rule): return collector(token, on: connection, rule)
    case .collectorOrUser(_, certificate: let rule):
      // The stock collector answers a 401 here with a refresh and the same pull again, without end: 403 stops it.
      let asCollector = collector(token, on: connection, rule)
      guard case .refused(let problem, _) = asCollector else { return asCollector }
      if problem.kind.status != .unauthorized { return asCollector }
      let asUser = user(token)
      guard case .refused(let other, _) = asUser else { return asUser }
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

  private func collector(
    _ token: ArraySlice<UInt8>, on connection: HTTPConnection, _ rule: Access.CertificateRule
  ) -> Authentication {
    let id: UUID
    if let verified = connection.verifiedToken, verified.matches(token, now: unixSeconds, version: tokensVersion) {
      id = verified.collector
    } else {
      let grace = tokenGrace(rule, connection.certificate)
      do throws(JWTError) {
        let claims = try token.withSpan { span throws(JWTError) in
          try tokens.collector(span, now: unixSeconds, grace: grace)
        }
        id = claims.id
        // What is good here only, because of the certificate, is not remembered for elsewhere.
        connection.verifiedToken = claims.expiresAt.map {
          VerifiedToken(bytes: Array(token), collector: id, expiresAt: $0, version: tokensVersion)
        }
      } catch {
        return .refused(Problem(error))
      }
    }
    guard let record = collectors[id] else {
      return .unknown(id, Problem(.collectorRevoked, "there is no such collector"))
    }
    if record.isRevoked { return .refused(Problem(.collectorRevoked)) }
    guard let certificate = connection.certificate else {
      return .principal(.collector(Principal.Collector(id: id, hasCertificate: false)))
    }
    return collector(record, with: certificate, rule)
  }

  /// Seconds after its end for which a token is taken: where tokens and certificates are given out, one past its end, or of
  /// a time that our clock took back, is as good as the certificate beside it, which has to name the same collector.
  private func tokenGrace(_ rule: Access.CertificateRule, _ certificate: ShownCertificate?) -> Int64 {
    guard let certificate, certificate.isGenuine else { return 0 }
    switch rule {
    case .required: return 0
    case .optional: return settings.certificateLife.wholeSeconds
    case .renewable: return settings.certificateLife.wholeSeconds + settings.certificateGrace.wholeSeconds
    }
  }

  /// Whether the collector of a token may come in with the certificate of its connection.
  private func collector(
    _ record: CollectorRecord, with certificate: ShownCertificate, _ rule: Access.CertificateRule
  ) -> Authentication {
    switch certificate.verdict {
    // One that begins later is of a time that our clock took back: that we issued it, and to whom, the directory knows.
    case .trusted, .untrusted(.expired), .untrusted(.notYetValid): break
    case .untrusted(let reason):
      return .refused(Problem(.certificateRequired, "the certificate is not trusted: \(reason)"))
    }
    guard certificate.collector == record.id else {
      return .refused(
        Problem(.identityMismatch, "the certificate names another collector than the token"), claimed: record.id)
    }
    let grace = rule == .renewable ? settings.certificateGrace.wholeSeconds : 0
    if certificate.hasEnded(now: unixSeconds, grace: grace) { return .refused(Problem(.certificateExpired)) }
    let standing = certificate.fingerprint.map { record.standing(of: $0) } ?? .unknown
    switch standing {
    case .good:
      return .principal(.collector(Principal.Collector(id: record.id, hasCertificate: true)))
    case .revoked: return .refused(Problem(.certificateRevoked))
    case .unknown: return .unknown(record.id, Problem(.certificateUnknown))
    }
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
