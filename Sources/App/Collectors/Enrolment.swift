import Protocol

/// Turns a registration secret into a collector with identity: id, server, certificate, token. All or nothing.
struct Enrolment {
  let services: Services
  let now: Timestamp

  func enrol(_ request: RegisterRequest, secret: [UInt8]) async throws(Problem) -> RegisterAnswer {
    let digest = Secrets.digest(secret)
    let id = UUID.random()
    let seconds = now.unixMicroseconds / 1_000_000
    // Asked before a key is made: a stranger should not cost us a signature.
    try await check(digest)
    let issued = try issue(request, id: id, now: seconds)
    let record = try await services.query { database throws(DatabaseError) in
      try await database.one(
        CollectorStatements.enrol, digest, id, request.name, request.hostname, request.address, request.version,
        issued.certificate.serialHex, issued.certificate.fingerprintHex,
        Timestamp(unixSeconds: issued.certificate.notBefore), Timestamp(unixSeconds: issued.certificate.notAfter))
    }
    guard let record else {
      // It was good a moment ago: somebody else took the last use, or it was revoked just now.
      try await check(digest)
      throw Problem(.secretExhausted)
    }
    services.directory.publish(id, record)
    return RegisterAnswer(
      collector: record, token: services.tokens.issue(collector: id, hostname: record.hostname, now: seconds),
      certificate: String(decoding: issued.certificate.pem, as: UTF8.self),
      certificateExpiresAt: Timestamp(unixSeconds: issued.certificate.notAfter),
      privateKey: issued.keyPEM.map { String(decoding: $0, as: UTF8.self) },
      authority: String(decoding: services.authority.certificatePEM, as: UTF8.self))
  }

  private func check(_ digest: [UInt8]) async throws(Problem) {
    let state = try await services.query { database throws(DatabaseError) in
      try await database.one(CollectorStatements.secretState, digest)
    }
    guard let state else { throw Problem(.secretUnknown) }
    if state.isRevoked { throw Problem(.secretRevoked) }
    if state.isExpired { throw Problem(.secretExpired) }
    if state.isExhausted { throw Problem(.secretExhausted) }
  }

  private func issue(
    _ request: RegisterRequest, id: UUID, now: Int64
  ) throws(Problem) -> (certificate: IssuedCertificate, keyPEM: [UInt8]?) {
    let life = services.settings.certificateLife.wholeSeconds
    do throws(CertificateError) {
      if let csr = request.csr {
        let certificate = try services.authority.issueCollector(
          csr: Array(csr.utf8), collector: id, hostname: request.hostname, life: life, now: now)
        return (certificate, nil)
      }
      let made = try services.authority.issueCollector(
        collector: id, hostname: request.hostname, life: life, now: now)
      return (made.certificate, made.keyPEM)
    } catch {
      if error == .authorityExpired { throw Problem(.internalError) }
      throw Problem(.validationFailed, "csr: \(error)")
    }
  }
}
