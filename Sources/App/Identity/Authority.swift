import Protocol

/// The trusted certificate authorities, and those of them that sign. Immutable: a rotation creates a new object.
final class Authority: Sendable {
  /// What is wrong with the authority's files, as a sentence.
  struct Unusable: Error, CustomStringConvertible {
    let description: String
  }

  /// An authority whose key this server has.
  final class Signer: Sendable {
    let authority: CertificateAuthority
    /// The same as `Certificate.fingerprintHex`.
    let fingerprint: String

    fileprivate init(_ authority: consuming CertificateAuthority) {
      fingerprint = authority.certificate.fingerprintHex
      self.authority = authority
    }

    var certificate: Certificate { authority.certificate }
  }

  /// All trusted certificates, the oldest first.
  let certificates: [Certificate]
  /// The same certificates as PEM, for clients to trust.
  let certificatesPEM: [UInt8]
  /// Signs the certificates of collectors.
  let current: Signer
  /// The next authority: it is trusted already and signs nothing yet.
  let next: Signer?
  /// The authority before the current one. It still signs the server's certificate, because not every collector trusts
  /// the current one yet.
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
      // In the middle of a rotation step one key may be in two files.
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

  /// Signs the server's certificate, so that all collectors enrolled before the last rotation still trust it.
  var serverSigner: Signer { previous ?? current }

  /// The authorities for which this server can sign revocation lists.
  var signers: [Signer] { [previous, current, next].compactMap { $0 } }

  /// Issues a collector's certificate for the key of its signing request. Times are in seconds.
  func issueCollector(
    csr: [UInt8], collector: UUID, hostname: String, life: Int64, now: Int64
  ) throws(CertificateError) -> IssuedCertificate {
    let request = try CertificateSigningRequest(csr)
    return try current.authority.issueCollector(
      for: request, collector: collector, hostname: hostname, validFor: life, now: now)
  }

  /// Issues a collector's certificate and a new key, for a client that makes no key itself.
  func issueCollector(
    collector: UUID, hostname: String, life: Int64, now: Int64
  ) throws(CertificateError) -> (certificate: IssuedCertificate, keyPEM: [UInt8]) {
    let key = try PrivateKey.generate()
    let issued = try current.authority.issueCollector(
      for: key, collector: collector, hostname: hostname, validFor: life, now: now)
    return (issued, try key.pem())
  }
}
