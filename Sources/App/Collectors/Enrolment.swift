// How a host gets an identity. The host's existing collector, if any, decides how. The enrolment is one transaction
// that holds a lock for the host, so that each of several registrations at the same time sees the result of the one
// before.

import Ground
import Protocol

/// Turns a registration secret into a collector with an identity: id, server, certificate, token. All or nothing.
struct Enrolment {
  let office: EnrolmentOffice
  let context: RequestContext
  let request: RegisterRequest

  /// What a registration leads to.
  private enum Way {
    case new
    /// A person has permitted this collector to enrol again.
    case permitted(UUID)
    /// The identity was issued before, and the client did not get the answer.
    case repeated(UUID)
    /// The new collector replaces this one.
    case successor(UUID)
  }

  private struct Admitted: Sendable {
    let collector: EnrolledCollector
    let certificate: CollectorCertificate
  }

  func enrol(secret: [UInt8]) async throws(Problem) -> CollectorIdentity {
    do throws(Problem) {
      return try await enrol(digest: Secrets.digest(secret))
    } catch {
      switch error.kind {
      case _ where error.kind.status == .forbidden, .validationFailed, .alreadyEnrolled:
        office.refusals.record(named(AuditEvent(.enrol, context)), error)
      default: break  // errors that the host did not cause
      }
      throw error
    }
  }

  private func enrol(digest: [UInt8]) async throws(Problem) -> CollectorIdentity {
    // The secret is checked before a key is checked or made, so that a stranger cannot cause a signature.
    let secret = try await office.database.query { database throws(DatabaseError) in
      try await database.one(RegistrationSecretStatements.byHash, digest)
    }
    guard let secret else { throw Problem(.secretUnknown) }
    switch secret.status {
    // The answer to the last use of an exhausted secret may be repeated.
    case .active, .exhausted: break
    case .revoked: throw Problem(.secretRevoked)
    case .expired: throw Problem(.secretExpired)
    }
    let key = try keyFingerprint()
    let admitted = try await office.database.transaction { session throws(Problem) -> Admitted in
      try await admit(secret, key, session)
    }
    await office.directory.changed(admitted.collector.id)
    return CollectorIdentity(admitted.collector, admitted.certificate, office, now: context.now)
  }

  private func admit(
    _ secret: RegistrationSecret, _ key: String?, _ session: DatabaseLease
  ) async throws(Problem) -> Admitted {
    let way = try await way(secret, key, session)
    let id: UUID
    switch way {
    case .new, .successor: id = UUID.random()
    case .permitted(let known), .repeated(let known): id = known
    }
    let certificate = try CollectorCertificate(
      office, csr: request.csr, collector: id, hostname: request.hostname, context)
    var event = named(AuditEvent(.enrol, context, on: AuditEvent.collector(id)))
    event.details["registration_secret"] = .string(secret.id.description)
    event.details["serial"] = .string(certificate.issued.serialHex)
    if case .successor(let old) = way { event.details["replaces"] = .string(old.description) }
    if case .repeated = way { event.details["given_again"] = .bool(true) }
    let line = event
    let collector = try await session.query { client throws(DatabaseError) -> EnrolledCollector? in
      let collector = try await store(way, id, secret.id, key, client)
      guard let collector else { return nil }
      if !secret.labels.values.isEmpty {
        try await client.execute(LabelStatements.lock)
        try await client.execute(
          LabelStatements.give, collector.serverID, secret.id, Int64(context.settings.labelsPerServer))
      }
      try await client.execute(
        CertificateStatements.add, certificate.issued.serialHex, collector.id, certificate.issued.fingerprintHex,
        Timestamp(unixSeconds: certificate.issued.notBefore), Timestamp(unixSeconds: certificate.issued.notAfter),
        certificate.authority)
      try await client.audit(line)
      return collector
    }
    // The secret was valid a moment ago. Another registration took its last use, or it was revoked just now.
    guard let collector else { throw Problem(.secretExhausted) }
    return Admitted(collector: collector, certificate: certificate)
  }

  /// Decides what the registration leads to, under the host's lock.
  private func way(_ secret: RegistrationSecret, _ key: String?, _ session: DatabaseLease) async throws(Problem) -> Way
  {
    let life = Double(context.settings.enrolmentPermitLife.wholeSeconds)
    let (permitted, host) = try await session.query { client throws(DatabaseError) in
      try await client.execute(EnrolmentStatements.lockHost, request.name, request.hostname)
      return (
        try await client.one(EnrolmentStatements.permitted, request.name, request.hostname, life)?.value,
        try await client.one(
          EnrolmentStatements.host, request.name, request.hostname, secret.id, context.peerAddress, key, life)
      )
    }
    let isExhausted = secret.status == .exhausted
    if let permitted, !isExhausted { return .permitted(permitted) }
    if let host, host.isUnanswered, host.goodCertificates < CertificateRenewal.goodAtOnce { return .repeated(host.id) }
    if isExhausted { throw Problem(.secretExhausted) }
    guard let host else { return .new }
    switch secret.reenrolment ?? context.settings.reenrolmentMode {
    case .permit:
      throw Problem(
        .alreadyEnrolled,
        """
        collector \(host.id) has this name and host name; an operator lets the host enrol again with `pganalytics \
        collector permit \(host.id)` or POST /api/v1/collectors/\(host.id)/permit-enrolment
        """)
    case .replace: return .successor(host.id)
    case .new: return .new
    }
  }

  /// Stores the collector. - Returns: nil if the secret may not be used any more.
  private func store(
    _ way: Way, _ id: UUID, _ secret: UUID, _ key: String?, _ client: DatabaseLease
  ) async throws(DatabaseError) -> EnrolledCollector? {
    if case .repeated = way { return try await client.one(EnrolmentStatements.enrolled, id) }
    guard try await client.one(EnrolmentStatements.useSecret, secret) != nil else { return nil }
    switch way {
    case .repeated: preconditionFailure("a repeated enrolment uses no secret up")
    case .new:
      return try await client.one(
        EnrolmentStatements.enrol, id, request.name, request.hostname, request.address, request.version, secret,
        context.peerAddress, key)
    case .successor(let old):
      return try await client.one(
        EnrolmentStatements.succeed, id, request.name, request.hostname, request.address, request.version, secret,
        context.peerAddress, key, old)
    case .permitted:
      try await client.execute(CertificateStatements.revokeAll, id)
      return try await client.one(
        EnrolmentStatements.enrolAgain, id, request.name, request.hostname, request.address, request.version, secret,
        context.peerAddress, key)
    }
  }

  /// The fingerprint of the key in the signing request. - Returns: nil if the server has to make the key. - Throws:
  /// `.validationFailed`
  private func keyFingerprint() throws(Problem) -> String? {
    guard let csr = request.csr else { return nil }
    do throws(CertificateError) {
      return try CertificateSigningRequest(Array(csr.utf8)).keyFingerprintHex
    } catch {
      throw Problem(error)
    }
  }

  private func named(_ event: AuditEvent) -> AuditEvent {
    var event = event.naming(request.name)
    event.details["hostname"] = .string(request.hostname)
    return event
  }
}
