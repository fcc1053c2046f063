import Protocol

/// A collector as the loops need it: who it is, where its rows go, whether it may still come in, and with what.
struct CollectorRecord: SQLRow, Equatable {
  let id: UUID
  let serverID: Int32
  let hostname: String
  let configVersion: Int32
  let isRevoked: Bool
  /// Certificates that are good; those that ended more than `certificate_grace` ago are left out.
  let certificates: [CertificateFingerprint]
  /// Likewise those that were revoked.
  let revokedCertificates: [CertificateFingerprint]
  /// Somebody came with the identity that was given last: its answer was not lost.
  let isUsed: Bool
  /// Its server has collectors that it takes the place of: they end before its first push is stored.
  let hasPredecessors: Bool

  init(
    id: UUID, serverID: Int32, hostname: String, configVersion: Int32, isRevoked: Bool,
    certificates: [CertificateFingerprint] = [], revokedCertificates: [CertificateFingerprint] = [],
    isUsed: Bool = true,
    hasPredecessors: Bool = false
  ) {
    self.id = id
    self.serverID = serverID
    self.hostname = hostname
    self.configVersion = configVersion
    self.isRevoked = isRevoked
    self.certificates = certificates
    self.revokedCertificates = revokedCertificates
    self.isUsed = isUsed
    self.hasPredecessors = hasPredecessors
  }

  static let columns = [
    SQLColumn("id", UUID.self), SQLColumn("server_id", Int32.self), SQLColumn("hostname", String.self),
    SQLColumn("config_version", Int32.self), SQLColumn("is_revoked", Bool.self),
    SQLColumn("certificates", [String].self), SQLColumn("revoked_certificates", [String].self),
    SQLColumn("is_used", Bool.self), SQLColumn("has_predecessors", Bool.self),
  ]

  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.next()
    serverID = try row.next()
    hostname = try row.next()
    configVersion = try row.next()
    isRevoked = try row.next()
    // A fingerprint that is none could not match any certificate.
    certificates = try row.next([String].self).compactMap(CertificateFingerprint.init)
    revokedCertificates = try row.next([String].self).compactMap(CertificateFingerprint.init)
    isUsed = try row.next()
    hasPredecessors = try row.next()
  }
}

extension CollectorRecord {
  enum Standing: Equatable {
    case good
    case revoked
    /// Issued a moment ago, or never.
    case unknown
  }

  var hasRevocations: Bool { isRevoked || !revokedCertificates.isEmpty }

  func standing(of fingerprint: CertificateFingerprint) -> Standing {
    if certificates.contains(fingerprint) { return .good }
    return revokedCertificates.contains(fingerprint) ? .revoked : .unknown
  }

  /// Why a connection of this collector is to be closed: it was revoked, or the certificate it was opened with.
  func objection(to certificate: ShownCertificate?) -> Problem? {
    if isRevoked { return Problem(.collectorRevoked) }
    guard let certificate, certificate.isGenuine, certificate.collector == id,
      let fingerprint = certificate.fingerprint, standing(of: fingerprint) == .revoked
    else { return nil }
    return Problem(.certificateRevoked)
  }
}
