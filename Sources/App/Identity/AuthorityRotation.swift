import Ground
import Protocol

/// The steps that replace the authority without failing a push. The new authority is trusted before it signs, and the
/// old one is trusted until none of its certificates is in use. Servers notice each step when they read the files
/// again.
struct AuthorityRotation {
  /// Why a step cannot be taken, as a sentence.
  struct Refused: Error, CustomStringConvertible {
    let description: String
  }

  let directory: String
  /// In unix seconds.
  let now: Int64

  /// The current authority. Makes one with a new key if there is none.
  /// - Parameter life: of a new authority, in seconds.
  func openOrCreate(life: Int64) throws -> Authority {
    try LocalDirectory.locked(directory) {
      if let files = try AuthorityFiles.read(directory) { return try Authority(files) }
      let made = try CertificateAuthority.create(commonName: "pgAnalytics CA", validFor: life, now: now)
      let files = AuthorityFiles(certificates: try made.certificate.pem(), key: try made.privateKeyPEM())
      try AuthorityFiles.write(files.key, to: .key, in: directory)
      try AuthorityFiles.write(files.certificates, to: .certificates, in: directory)
      return try Authority(files)
    }
  }

  /// Makes the next authority, which is trusted and signs nothing yet. - Parameter life: in seconds.
  func add(life: Int64) throws -> Authority {
    try change { files in
      let authority = try Authority(files)
      if let next = authority.next {
        throw Refused(description: "There is one being introduced already: \(next.fingerprint).")
      }
      let date = String(Timestamp(unixSeconds: now).rfc3339.prefix(10))
      let made = try CertificateAuthority.create(commonName: "pgAnalytics CA \(date)", validFor: life, now: now)
      files.certificates = authority.certificatesPEM + (try made.certificate.pem())
      // The certificate is written first: a key without a certificate would be an error for a server that reads the
      // files in between.
      try AuthorityFiles.write(files.certificates, to: .certificates, in: directory)
      files.nextKey = try made.privateKeyPEM()
      try AuthorityFiles.write(files.nextKey!, to: .nextKey, in: directory)
    }
  }

  /// Makes the next authority the current one, which signs the certificates of collectors.
  func use() throws -> Authority {
    try change { files in
      let authority = try Authority(files)
      guard let next = files.nextKey, authority.next != nil else {
        throw Refused(description: "No authority is being introduced: add one first.")
      }
      if let previous = authority.previous {
        throw Refused(description: "The one before the present one has to be retired first: \(previous.fingerprint).")
      }
      files.previousKey = files.key
      try AuthorityFiles.write(files.key, to: .previousKey, in: directory)
      files.key = next
      try AuthorityFiles.write(files.key, to: .key, in: directory)
      files.nextKey = nil
      try LocalFile.remove(AuthorityFiles.Name.nextKey.path(in: directory))
    }
  }

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

  private func change(_ step: (inout AuthorityFiles) throws -> Void) throws -> Authority {
    try LocalDirectory.locked(directory) {
      guard var files = try AuthorityFiles.read(directory) else {
        throw Refused(description: "There is no authority in \(directory).")
      }
      try step(&files)
      return try Authority(files)
    }
  }
}
