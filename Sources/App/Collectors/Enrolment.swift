import Protocol

/// Turns a registration secret into a collector with identity: id, server, certificate, token. All or nothing.
struct Enrolment {
  let services: Services
  let context: RequestContext
  let request: RegisterRequest

  func enrol(secret: [UInt8]) async throws(Problem) -> CollectorIdentity {
    do throws(Problem) {
      return try await enrol(digest: Secrets.digest(secret))
    } catch {
      if error.kind.status == .forbidden || error.kind == .validationFailed {
        services.refusals.record(named(AuditEvent(.enrol, context)), error)
      }
      throw error
    }
  }

  private func enrol(digest: [UInt8]) async throws(Problem) -> CollectorIdentity {
    // Asked before a key is made: a stranger should not cost us a signature.
    var secret = try await check(digest)
    let permitted = try await services.query { database throws(DatabaseError) in
      try await database.one(EnrolmentStatements.permitted, request.hostname)?.value
    }
    if let permitted, let identity = try await enrol(digest, secret, permitted, EnrolmentStatements.enrolAgain) {
      return identity
    }
    if permitted != nil { secret = try await check(digest) }  // else somebody else used the permit
    if let identity = try await enrol(digest, secret, UUID.random(), EnrolmentStatements.enrol) { return identity }
    // The secret was good a moment ago: somebody else took the last use, or it was revoked just now.
    _ = try await check(digest)
    throw Problem(.secretExhausted)
  }

  /// - Returns: nil if `statement` found that secret or permit were used or withdrawn meanwhile.
  private func enrol(
    _ digest: [UInt8], _ secret: UUID, _ id: UUID, _ statement: EnrolmentStatements.Enrol
  ) async throws(Problem) -> CollectorIdentity? {
    let certificate = try CollectorCertificate(
      services, csr: request.csr, collector: id, hostname: request.hostname, context)
    var event = named(AuditEvent(.enrol, context, on: AuditEvent.collector(id)))
    event.details["registration_secret"] = .string(secret.description)
    event.details["serial"] = .string(certificate.issued.serialHex)
    let collector = try await services.database.transaction { session throws(Problem) in
      try await session.query { client throws(DatabaseError) in
        let collector = try await client.one(
          statement, digest, id, request.name, request.hostname, request.address, request.version,
          certificate.issued.serialHex, certificate.issued.fingerprintHex,
          Timestamp(unixSeconds: certificate.issued.notBefore), Timestamp(unixSeconds: certificate.issued.notAfter),
          certificate.authority)
        if collector != nil { try await client.audit(event) }
        return collector
      }
    }
    guard let collector else { return nil }
    await services.directory.changed(id)
    return CollectorIdentity(collector, certificate, services, now: context.now)
  }

  private func named(_ event: AuditEvent) -> AuditEvent {
    var event = event.naming(request.name)
    event.details["hostname"] = .string(request.hostname)
    return event
  }

  /// - Returns: the secret's id.
  private func check(_ digest: [UInt8]) async throws(Problem) -> UUID {
    let secret = try await services.query { database throws(DatabaseError) in
      try await database.one(RegistrationSecretStatements.byHash, digest)
    }
    guard let secret else { throw Problem(.secretUnknown) }
    switch secret.status {
    case .active: return secret.id
    case .revoked: throw Problem(.secretRevoked)
    case .expired: throw Problem(.secretExpired)
    case .exhausted: throw Problem(.secretExhausted)
    }
  }
}
