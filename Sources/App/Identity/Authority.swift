import Protocol

/// The authorities that are trusted, and those among them that sign. Immutable: a rotation makes another.
final class Authority: Sendable {
  /// What goes wrong with the files of the authority, as a sentence.
  struct Unusable: Error, CustomStringConvertible {
    let description: String
  }

  /// One that we have the key of.
  final class Signer: Sendable {
    let authority: CertificateAuthority
    /// As `Certificate.fingerprintHex`.
    let fingerprint: String

    fileprivate init(_ authority: consuming CertificateAuthority) {
      fingerprint = authority.certificate.fingerprintHex
      self.authority = authority
    }

    var certificate: Certificate { authority.certificate }
  }

  /// All that are trusted, the oldest first.
  let certificates: [Certificate]
  /// The same as PEM, for clients to trust.
  let certificatesPEM: [UInt8]
  /// Signs collectors' certificates.
  let current: Signer
  /// Trusted already, and signs nothing yet.
  let next: Signer?
  /// Was the current one, and still signs the server's certificate: not every collector trusts a newer one yet.
  let previous: Signer?

  init(_ files: AuthorityFiles) throws(Unusable) {
    do throws(CertificateError) {
      let certificates = try Certificate.chain(pem: files.certificates)
      func signer(_ key: [UInt8]) throws(CertificateError) -> Signer {
        Signer(try CertificateAuthority(among: certificates, privateKeyPEM: key))
      }
      let current = try signer(files.key)
      self.certificates = certificates
      self.current = current
      // Half-way through a step one key lies in two places.
      let (next, previous) = (try files.nextKey.map(signer), try files.previousKey.map(signer))
      self.next = next?.fingerprint == current.fingerprint ? nil : next
      self.previous = previous?.fingerprint == current.fingerprint ? nil : previous
      certificatesPEM = try Certificate.pem(of: certificates)
    } catch {
      throw Unusable(
        description:
          "\(AuthorityFiles.Name.allCases.map(\.rawValue).joined(separator: ", ")) make no authority: \(error)")
    }
  }

  /// Signs the server's certificate, so that all who enrolled before the last rotation still trust it.
  var serverSigner: Signer { previous ?? current }

  /// Those whose revoked certificates we can list.
  var signers: [Signer] { [previous, current, next].compactMap { $0 } }

  /// A collector's certificate for the key of its signing request.
  func issueCollector(
    csr: [UInt8], collector: UUID, hostname: String, life: Int64, now: Int64
  ) throws(CertificateError) -> IssuedCertificate {
    let request = try CertificateSigningRequest(csr)
    return try current.authority.issueCollector(
      for: request, collector: collector, hostname: hostname, validFor: life, now: now)
  }

  /// A collector's certificate and a new key, for a client that makes no key itself.
  func issueCollector(
    collector: UUID, hostname: String, life: Int64, now: Int64
  ) throws(CertificateError) -> (certificate: IssuedCertificate, keyPEM: [UInt8]) {
    let key = try PrivateKey.generate()
    let issued = try current.authority.issueCollector(
      for: key, collector: collector, hostname: hostname, validFor: life, now: now)
    return (issued, try key.pem())
  }
}
