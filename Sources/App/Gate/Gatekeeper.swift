// Authenticates requests: from token and certificate to a principal. Each loop has one gatekeeper. It also cuts off
// connections whose collector, certificate or authority is no longer valid.

import Ground
import Protocol
import Reactor

/// The outcome of authentication.
enum Authentication {
  case principal(Principal)
  /// The access token is valid. Its session is looked up before a handler runs.
  case session(UserToken)
  /// The API token has the right form. It is looked up before a handler runs.
  case apiToken(APITokenDigest)
  /// The request is refused. `claimed`: the collector that the request names without proof.
  case refused(Problem, claimed: UUID? = nil)
  /// This loop does not know the collector, or its certificate. The caller asks the database and authenticates again.
  /// If both are still unknown then, the problem refuses the request.
  case unknown(UUID, Problem)
}

/// One loop's counters of identities.
struct IdentityCounters: Sendable {
  /// Requests whose certificate, token, path and body did not name the same collector.
  var identityMismatches = 0
  /// Requests of a collector that is revoked, or whose certificate is revoked, unknown or expired.
  var collectorsRefused = 0

  /// Adds the counts of another loop.
  static func += (left: inout IdentityCounters, right: IdentityCounters) {
    left.identityMismatches += right.identityMismatches
    left.collectorsRefused += right.collectorsRefused
  }
}

/// The connections that a gatekeeper may cut off.
protocol GuardedConnections: AnyObject {
  /// Ends each connection for which `objection` returns a problem.
  func cutOff(_ objection: (ClientIdentity) -> Problem?)
}

/// The database work of a gatekeeper. Each completion is called once, on any thread.
protocol IdentityErrands: Sendable {
  /// Reads one collector. All loops know the result when `done` is called.
  func refresh(_ collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Records that a request came with the identity of this collector. All loops know it when `done` is called.
  func confirmUse(of collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void)
}

/// Authenticates the requests of one loop. It holds the collectors and keys, and is used on its loop only.
final class Gatekeeper {
  private(set) var counters = IdentityCounters()
  /// The TLS context for new sessions.
  private(set) var tlsContext: TLSContext
  /// The connections that may be cut off. The lane sets it once.
  weak var connections: (any GuardedConnections)?
  private var collectors: [UUID: CollectorRecord] = [:]
  private var tokens: Tokens
  /// Counts the changes of `tokens`. A token that was verified before a change has to be verified again.
  private var tokensVersion = 0
  /// Collectors whose use is being recorded in the database.
  private var confirming: Set<UUID> = []
  private let loop: EventLoop
  private let clock: LoopClock
  private let errands: any IdentityErrands
  private let refusals: IdentityRefusals
  /// The life and the grace period of certificates, in seconds.
  private var lives: (certificate: Int64, grace: Int64)

  /// - Parameter refusals: records refused identities in the audit trail.
  init(
    loop: EventLoop, clock: LoopClock, settings: Settings, tlsContext: TLSContext, tokens: Tokens,
    errands: any IdentityErrands, refusals: IdentityRefusals
  ) {
    self.loop = loop
    self.clock = clock
    self.tlsContext = tlsContext
    self.tokens = tokens
    self.errands = errands
    self.refusals = refusals
    lives = (settings.certificateLife.wholeSeconds, settings.certificateGrace.wholeSeconds)
  }

  /// Uses `settings` from now on.
  func apply(_ settings: Settings) {
    lives = (settings.certificateLife.wholeSeconds, settings.certificateGrace.wholeSeconds)
  }

  // MARK: Collectors and keys

  /// The record of a collector; nil if this loop does not know it.
  func record(of collector: UUID) -> CollectorRecord? { collectors[collector] }

  /// Replaces all collectors, and cuts off connections of those that have lost their access.
  func replaceCollectors(_ records: [UUID: CollectorRecord]) {
    let known = collectors
    collectors = records
    cutOffRevoked { known[$0] != nil || records[$0] != nil }
  }

  /// Changes some collectors, and cuts off connections of those that have lost their access.
  /// - Parameter changes: nil for a collector that no longer exists.
  func setCollectors(_ changes: [UUID: CollectorRecord?]) {
    var revoked: Set<UUID> = []
    for (id, record) in changes {
      if record != collectors[id], record?.hasRevocations ?? true { revoked.insert(id) }
      collectors[id] = record
    }
    if !revoked.isEmpty { cutOffRevoked { revoked.contains($0) } }
  }

  /// Cuts off connections of the chosen collectors if those have lost their access. It looks at every connection:
  /// revocations are rare, and each handshake and token would have to maintain an index by collector.
  private func cutOffRevoked(_ isAmong: (UUID) -> Bool) {
    connections?.cutOff { client in
      for id in client.collectors where isAmong(id) {
        guard let record = collectors[id] else { return Problem(.collectorRevoked, "there is no such collector") }
        if let problem = record.objection(to: client.certificate) { return problem }
      }
      return nil
    }
  }

  /// Replaces the TLS context for new connections. Cuts off connections whose certificate an authority issued that is
  /// no longer trusted.
  func replace(tls context: TLSContext) {
    let isTrustLost = !tlsContext.clientAuthorityKeyIDs.isSubset(of: context.clientAuthorityKeyIDs)
    tlsContext = context
    if !isTrustLost { return }
    connections?.cutOff { client in
      guard let certificate = client.certificate, certificate.isGenuine,
        !certificate.isSigned(byOneOf: context.clientAuthorityKeyIDs)
      else { return nil }
      return Problem(.certificateRequired, "the authority of the certificate is trusted no longer")
    }
  }

  /// Replaces the keys that verify tokens.
  func replace(tokens: Tokens) {
    self.tokens = tokens
    tokensVersion += 1
  }

  // MARK: Requests

  /// Records that a request with the identity of `collector` was admitted, which proves that the answer to its
  /// enrolment arrived.
  func admitted(_ collector: UUID) {
    guard collectors[collector]?.isUsed == false, confirming.insert(collector).inserted else { return }
    let (handle, gatekeeper) = (loop.handle, LoopBound(self, on: loop))
    // The result does not matter: as long as the record is unchanged, the next request tries again.
    errands.confirmUse(of: collector) { _ in
      handle.submit { loop in gatekeeper.value(on: loop).confirming.remove(collector) }
    }
  }

  /// Counts and audits a refusal if it concerns an identity. Ignores any other refusal.
  /// - Parameters:
  ///   - client: the identity that the request's connection has proved.
  ///   - claimed: the collector that the request names without proof.
  func audit(
    _ problem: Problem, of client: ClientIdentity, at address: SocketAddress, requestID: @autoclosure () -> String,
    claimed: UUID?
  ) {
    let action: AuditAction
    switch problem.kind {
    case .identityMismatch:
      counters.identityMismatches += 1
      action = .identityMismatch
    case .collectorRevoked, .certificateRevoked, .certificateUnknown, .certificateExpired:
      counters.collectorsRefused += 1
      action = .refuseCollector
    default: return  // does not concern an identity
    }
    let actor = client.collectors.first.map(AuditEvent.collector) ?? Principal.anonymous.actor
    var event = AuditEvent(action, by: actor, on: claimed.map(AuditEvent.collector))
    event.address = address.ipString
    event.requestID = requestID()
    refusals.record(event, problem, now: loop.now)
  }

  /// Authenticates a request, as far as `access` requires it.
  /// - Parameter client: the identity that the connection has proved so far. A token that is verified now is added.
  func authenticate(
    _ head: HTTPRequestHead, by client: inout ClientIdentity, for access: Access
  ) -> Authentication {
    switch access {
    case .anyone, .registrationSecret: return .principal(.anonymous)
    case .user, .collector, .collectorOrUser: break
    }
    guard let token = head.bearerToken else { return .refused(Problem(.unauthenticated, "no bearer token")) }
    switch access {
    case .anyone, .registrationSecret: return .principal(.anonymous)
    case .user: return user(token)
    case .collector(certificate: let rule): return collector(token, by: &client, rule)
    case .collectorOrUser(_, certificate: let rule):
      // The stock collector answers a 401 here with a token refresh and the same pull again, without end. A 403 stops
      // it.
      let asCollector = collector(token, by: &client, rule)
      guard case .refused(let problem, _) = asCollector else { return asCollector }
      if problem.kind.status != .unauthorized { return asCollector }
      let asUser = user(token)
      guard case .refused(let other, _) = asUser else { return asUser }
      // The token belongs to a user, whose client can handle its expiry. No collector holds such a token.
      if other.kind == .expiredToken { return asUser }
      return .refused(Problem(.tokenRefused, problem.kind.message))
    }
  }

  private func user(_ token: ArraySlice<UInt8>) -> Authentication {
    if APITokenValue.isMeant(by: token) {
      do throws(Problem) {
        return .apiToken(try APITokenValue(token).digest)
      } catch {
        return .refused(error)
      }
    }
    do throws(JWTError) {
      return .session(try token.withSpan { span throws(JWTError) in try tokens.user(span, now: clock.unixSeconds) })
    } catch {
      return .refused(Problem(error))
    }
  }

  private func collector(
    _ token: ArraySlice<UInt8>, by client: inout ClientIdentity, _ rule: Access.CertificateRule
  ) -> Authentication {
    let id: UUID
    if let verified = client.verifiedToken, verified.matches(token, now: clock.unixSeconds, version: tokensVersion) {
      id = verified.collector
    } else {
      let grace = tokenGrace(rule, client.certificate)
      do throws(JWTError) {
        let claims = try token.withSpan { span throws(JWTError) in
          try tokens.collector(span, now: clock.unixSeconds, grace: grace)
        }
        id = claims.id
        // A token that only the certificate's grace period makes valid is not remembered for other endpoints.
        client.verifiedToken = claims.expiresAt.map {
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
    guard let certificate = client.certificate else {
      return .principal(.collector(Principal.Collector(id: id, hasCertificate: false)))
    }
    return collector(record, with: certificate, rule)
  }

  /// The number of seconds after its expiry for which a token is accepted. Endpoints that issue tokens and certificates
  /// accept an expired token, or one that is not valid yet because the server's clock was set back. The certificate
  /// beside it has to name the same collector, and is proof enough.
  private func tokenGrace(_ rule: Access.CertificateRule, _ certificate: ShownCertificate?) -> Int64 {
    guard let certificate, certificate.isGenuine else { return 0 }
    switch rule {
    case .required: return 0
    case .optional: return lives.certificate
    case .renewable: return lives.certificate + lives.grace
    }
  }

  /// Checks whether the collector of a token is admitted with the certificate of its connection.
  private func collector(
    _ record: CollectorRecord, with certificate: ShownCertificate, _ rule: Access.CertificateRule
  ) -> Authentication {
    switch certificate.verdict {
    // A certificate that is not valid yet was issued before the server's clock was set back. The directory knows that
    // it was issued, and to which collector.
    case .trusted, .untrusted(.expired), .untrusted(.notYetValid): break
    case .untrusted(let reason):
      return .refused(Problem(.certificateRequired, "the certificate is not trusted: \(reason)"))
    }
    guard certificate.collector == record.id else {
      return .refused(
        Problem(.identityMismatch, "the certificate names another collector than the token"), claimed: record.id)
    }
    let grace = rule == .renewable ? lives.grace : 0
    if certificate.hasEnded(now: clock.unixSeconds, grace: grace) { return .refused(Problem(.certificateExpired)) }
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
  /// The problem that refuses a token. It may reveal the token's form and times, but not how close a signature is to a
  /// valid one.
  init(_ error: JWTError) {
    // The kinds are written with their full names: several cases of the two enums have the same name, and
    // `self.init(.badSignature)` would call this initializer again.
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
