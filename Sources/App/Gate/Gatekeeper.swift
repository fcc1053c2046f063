// From token and certificate to a principal: each loop has a gatekeeper, which is asked for every request, and which cuts off
// connections whose collector, certificate or authority is good no longer.

import Ground
import Protocol
import Reactor

/// The outcome of authentication.
enum Authentication {
  case principal(Principal)
  /// A good access token: its session is looked up before a handler runs.
  case session(UserToken)
  /// - `claimed`: the collector that the request names, and does not prove to be.
  case refused(Problem, claimed: UUID? = nil)
  /// This loop does not know the collector, or its certificate: the caller asks the database and authenticates again. If
  /// both are still unknown then, this is the refusal.
  case unknown(UUID, Problem)
}

/// What one loop counts of identities.
struct IdentityCounters: Sendable {
  /// Certificate, token, path and body did not name one collector.
  var identityMismatches = 0
  /// Requests of collectors that were revoked, or whose certificate was, is unknown or has ended.
  var collectorsRefused = 0

  static func += (left: inout IdentityCounters, right: IdentityCounters) {
    left.identityMismatches += right.identityMismatches
    left.collectorsRefused += right.collectorsRefused
  }
}

/// The connections that a gatekeeper may cut off.
protocol GuardedConnections: AnyObject {
  /// Ends each connection for which `objection` has a problem.
  func cutOff(_ objection: (ClientIdentity) -> Problem?)
}

/// What a gatekeeper has others do at the database. Answers come on any thread, once each.
protocol IdentityErrands: Sendable {
  /// Reads one collector; the loops know the outcome when it is done.
  func refresh(_ collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Writes down that a request came with the identity of this collector; the loops know of it when it is done.
  func confirmUse(of collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void)
}

/// Knows collectors and keys, for one loop.
final class Gatekeeper {
  private(set) var counters = IdentityCounters()
  /// For sessions to come.
  private(set) var tlsContext: TLSContext
  /// Has the connections. Set once, by the owner of both.
  weak var connections: (any GuardedConnections)?
  private var collectors: [UUID: CollectorRecord] = [:]
  private var tokens: Tokens
  /// Counts the changes of `tokens`: what was verified before one has to be verified again.
  private var tokensVersion = 0
  /// Collectors of which the database just learns that a request came with their identity.
  private var confirming: Set<UUID> = []
  private let loop: EventLoop
  private let clock: LoopClock
  private let errands: any IdentityErrands
  private let refusals: IdentityRefusals
  /// In seconds.
  private var lives: (certificate: Int64, grace: Int64)

  /// - Parameter refusals: where refused identities are audited.
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

  func apply(_ settings: Settings) {
    lives = (settings.certificateLife.wholeSeconds, settings.certificateGrace.wholeSeconds)
  }

  // MARK: What it knows

  func record(of collector: UUID) -> CollectorRecord? { collectors[collector] }

  func replaceCollectors(_ records: [UUID: CollectorRecord]) {
    let known = collectors
    collectors = records
    cutOffRevoked { known[$0] != nil || records[$0] != nil }
  }

  /// - Parameter changes: nil for a collector that is no more.
  func setCollectors(_ changes: [UUID: CollectorRecord?]) {
    var revoked: Set<UUID> = []
    for (id, record) in changes {
      if record != collectors[id], record?.hasRevocations ?? true { revoked.insert(id) }
      collectors[id] = record
    }
    if !revoked.isEmpty { cutOffRevoked { revoked.contains($0) } }
  }

  /// Cuts off connections of those among the collectors who may not come in any more. A look at every connection: it is
  /// rare, and an index by collector would have to be kept right by every handshake and every token.
  private func cutOffRevoked(_ isAmong: (UUID) -> Bool) {
    connections?.cutOff { client in
      for id in client.collectors where isAmong(id) {
        guard let record = collectors[id] else { return Problem(.collectorRevoked, "there is no such collector") }
        if let problem = record.objection(to: client.certificate) { return problem }
      }
      return nil
    }
  }

  /// For the connections to come. Those that came in by an authority that is trusted no longer are cut off.
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

  func replace(tokens: Tokens) {
    self.tokens = tokens
    tokensVersion += 1
  }

  // MARK: Requests

  /// A request with the identity of `collector` was admitted: so the answer to its enrolment was not lost.
  func admitted(_ collector: UUID) {
    guard collectors[collector]?.isUsed == false, confirming.insert(collector).inserted else { return }
    let (handle, gatekeeper) = (loop.handle, LoopBound(self, on: loop))
    // Whether it worked or not: a record that is unchanged brings the next request here again.
    errands.confirmUse(of: collector) { _ in
      handle.submit { loop in gatekeeper.value(on: loop).confirming.remove(collector) }
    }
  }

  /// Counts the refusal of an identity and has it audited; any other refusal passes.
  /// - Parameters:
  ///   - client: what the connection of the request has proved.
  ///   - claimed: the collector that the request names and is not.
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
    default: return  // says nothing against anybody's identity
    }
    let actor = client.collectors.first.map(AuditEvent.collector) ?? Principal.anonymous.actor
    var event = AuditEvent(action, by: actor, on: claimed.map(AuditEvent.collector))
    event.address = address.ipString
    event.requestID = requestID()
    refusals.record(event, problem, now: loop.now)
  }

  /// Finds out whose request `head` is, as far as `access` asks for it.
  /// - Parameter client: what its connection has proved so far; a token that is verified now is added.
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
      // The stock collector answers a 401 here with a refresh and the same pull again, without end: 403 stops it.
      let asCollector = collector(token, by: &client, rule)
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
        // What is good here only, because of the certificate, is not remembered for elsewhere.
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

  /// Seconds after its end for which a token is taken: where tokens and certificates are given out, one past its end, or of
  /// a time that our clock took back, is as good as the certificate beside it, which has to name the same collector.
  private func tokenGrace(_ rule: Access.CertificateRule, _ certificate: ShownCertificate?) -> Int64 {
    guard let certificate, certificate.isGenuine else { return 0 }
    switch rule {
    case .required: return 0
    case .optional: return lives.certificate
    case .renewable: return lives.certificate + lives.grace
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
