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
  func activate() throws -> Authority {
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

  /// Runs a step on the files while nobody else changes them. - Returns: the authority afterwards.
  func change(_ step: (inout AuthorityFiles) throws -> Void) throws -> Authority {
    try LocalDirectory.locked(directory) {
      guard var files = try AuthorityFiles.read(directory) else {
        throw Refused(description: "There is no authority in \(directory).")
      }
      try step(&files)
      return try Authority(files)
    }
  }
}
