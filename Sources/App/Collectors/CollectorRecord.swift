import Protocol

/// A collector as the loops need it: who it is, where its rows go, whether it may still come in, and with what.
struct CollectorRecord: SQLRow, Equatable {
  let id: UUID
  let serverID: Int32
  let hostname: String
  let configVersion: Int32
  let isRevoked: Bool
  /// The certificates that are not revoked. Certificates that ended more than `certificate_grace` ago are left out.
  var certificates: [CertificateFingerprint] = []
  /// The revoked certificates. Certificates that ended more than `certificate_grace` ago are left out.
  var revokedCertificates: [CertificateFingerprint] = []
  /// Whether the collector's latest identity has been used. If so, the answer with this identity was not lost.
  var isUsed = true
  /// Whether the collector replaces other collectors of its server that are not revoked yet. They are revoked before
  /// the first push of this collector is stored.
  var hasPredecessors = false
}

extension CollectorRecord {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    serverID = try row.read("server_id")
    hostname = try row.read("hostname")
    configVersion = try row.read("config_version")
    isRevoked = try row.read("is_revoked")
    // A text that is not a fingerprint is left out, because it could not match any certificate.
    certificates = try row.read("certificates", [String].self).compactMap(CertificateFingerprint.init)
    revokedCertificates = try row.read("revoked_certificates", [String].self).compactMap(CertificateFingerprint.init)
    isUsed = try row.read("is_used")
    hasPredecessors = try row.read("has_predecessors")
  }
}

extension CollectorRecord {
  enum Standing: Equatable {
    case good
    case revoked
    /// The record does not contain the certificate: the certificate was issued a moment ago, ended long ago, or was
    /// never issued.
    case unknown
  }

  var hasRevocations: Bool { isRevoked || !revokedCertificates.isEmpty }

  func standing(of fingerprint: CertificateFingerprint) -> Standing {
    if certificates.contains(fingerprint) { return .good }
    return revokedCertificates.contains(fingerprint) ? .revoked : .unknown
  }

  /// Why a connection of this collector has to be closed: the collector was revoked, or the certificate of the
  /// connection. Nil if neither was.
  func objection(to certificate: ShownCertificate?) -> Problem? {
    if isRevoked { return Problem(.collectorRevoked) }
    guard let certificate, certificate.isGenuine, certificate.collector == id,
      let fingerprint = certificate.fingerprint, standing(of: fingerprint) == .revoked
    else { return nil }
    return Problem(.certificateRevoked)
  }
}
