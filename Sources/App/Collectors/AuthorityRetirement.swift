// The last step of a rotation looks at the collectors: their certificates of the authority end with it.

import Ground
import Protocol

extension AuthorityRotation {
  /// Ends the trust in the previous authority.
  /// - Parameter force: revokes its valid certificates; without it, a valid certificate is a reason to refuse.
  func retire(_ database: Database, force: Bool) async throws -> Authority {
    guard let files = try AuthorityFiles.read(directory), let previous = try Authority(files).previous else {
      throw Refused(description: "There is no previous authority to retire.")
    }
    let good = try await database.one(CertificateStatements.countGood, previous.fingerprint)?.value ?? 0
    if good > 0, !force {
      throw Refused(
        description:
          "\(good) certificates of it are good: their collectors have to renew first, or be revoked by force.")
    }
    try await database.transaction { session throws(DatabaseError) in
      try await session.execute(CertificateStatements.revokeOf, previous.fingerprint)
      var event = AuditEvent(.retireAuthority, by: AuditEvent.system)
      event.details["authority"] = .string(previous.fingerprint)
      event.details["revoked"] = .integer(good)
      try await session.audit(event)
    }
    return try change { files in
      files.previousKey = nil
      try LocalFile.remove(AuthorityFiles.Name.previousKey.path(in: directory))
      files.certificates = try Certificate.pem(
        of: try Authority(files).certificates.filter { $0.fingerprintHex != previous.fingerprint })
      try AuthorityFiles.write(files.certificates, to: .certificates, in: directory)
    }
  }
}
