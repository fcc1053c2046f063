import Protocol

/// Issues a further certificate to a collector whose certificate is in the last third of its life or has ended a short
/// time ago.
struct CertificateRenewal {
  /// The largest number of valid certificates of one collector. A collector that asks again after each lost answer gets
  /// at most this many.
  static let goodAtOnce = 8

  let office: EnrolmentOffice
  let context: RequestContext
  /// The certificate of the connection, which has been accepted.
  let shown: Certificate
  let collector: UUID

  func renew(csr: String?) async throws(Problem) -> CollectorIdentity {
    try checkAge()
    let (collector, certificate) = try await office.database.transaction { session throws(Problem) in
      let (collector, certificates) = try await session.query { client throws(DatabaseError) in
        (
          try await client.one(CertificateStatements.lockCollector, self.collector),
          try await client.rows(CertificateStatements.of, self.collector)
        )
      }
      guard let collector else { throw Problem(.collectorRevoked) }
      try check(certificates)
      let made = try CollectorCertificate(
        office, csr: csr, collector: collector.id, hostname: collector.hostname, context)
      try await session.query { client throws(DatabaseError) in
        try await client.execute(
          CertificateStatements.add, made.issued.serialHex, collector.id, made.issued.fingerprintHex,
          Timestamp(unixSeconds: made.issued.notBefore), Timestamp(unixSeconds: made.issued.notAfter), made.authority)
        var event = AuditEvent(.renewCertificate, context)
        event.details["serial"] = .string(made.issued.serialHex)
        event.details["renewed"] = .string(shown.serialHex)
        try await client.audit(event)
      }
      return (collector, made)
    }
    await office.directory.changed(collector.id)
    return CollectorIdentity(collector, certificate, office, now: context.now)
  }

  private func checkAge() throws(Problem) {
    let now = context.now.unixMicroseconds / 1_000_000
    // A certificate that begins in the future (the clock was set back) is accepted here, but perhaps nowhere else.
    if shown.notBefore > now { return }
    let due = shown.notBefore + (shown.notAfter - shown.notBefore) * 2 / 3
    let wait = due - now
    if wait > 0 {
      throw Problem(
        .renewalTooEarly, "it can be renewed from \(Timestamp(unixSeconds: due).rfc3339)", retryAfterSeconds: Int(wait))
    }
  }

  /// Checks the rows themselves under the lock, because the lane's copy may be a moment old.
  private func check(_ certificates: [CertificateRow]) throws(Problem) {
    guard let own = certificates.first(where: { $0.serial == shown.serialHex }) else {
      throw Problem(.certificateUnknown)
    }
    if own.revokedAt != nil { throw Problem(.certificateRevoked) }
    let good = certificates.filter { $0.revokedAt == nil && $0.notAfter > context.now }
    guard good.count >= Self.goodAtOnce, let end = good.map(\.notAfter).min() else { return }
    let wait = (end.unixMicroseconds - context.now.unixMicroseconds) / 1_000_000
    throw Problem(
      .rateLimited, "the collector has \(good.count) certificates that have not ended",
      retryAfterSeconds: Int(wait) + 1)
  }
}
