import Ground
import Protocol

/// A new certificate for a collector, with its key if the server made the key.
struct CollectorCertificate {
  let issued: IssuedCertificate
  /// The authority that signed it, as `Authority.Signer.fingerprint`.
  let authority: String
  let keyPEM: [UInt8]?

  /// - Parameter csr: the signing request in PEM; nil if the server has to make a key.
  /// - Throws: `.validationFailed` for an invalid request or a weak key.
  init(
    _ office: EnrolmentOffice, csr: String?, collector: UUID, hostname: String, _ context: RequestContext
  ) throws(Problem) {
    let (authority, life) = (office.identity.authority, context.settings.certificateLife.wholeSeconds)
    self.authority = authority.current.fingerprint
    let seconds = context.now.unixMicroseconds / 1_000_000
    do throws(CertificateError) {
      if let csr {
        issued = try authority.issueCollector(
          csr: Array(csr.utf8), collector: collector, hostname: hostname, life: life, now: seconds)
        keyPEM = nil
      } else {
        let made = try authority.issueCollector(collector: collector, hostname: hostname, life: life, now: seconds)
        (issued, keyPEM) = (made.certificate, made.keyPEM)
      }
    } catch {
      throw Problem(error)
    }
  }
}

extension Problem {
  /// The problem that tells a client why a signing request gets no certificate.
  init(_ error: CertificateError) {
    switch error {
    case .malformed: self.init(.validationFailed, "csr is not a PEM certificate signing request")
    case .tooLarge: self.init(.validationFailed, "csr is too large")
    case .weakKey(let bits): self.init(.validationFailed, "csr has an RSA key of \(bits) bits; 2048 is the least")
    case .unsupportedKey:
      self.init(.validationFailed, "csr has a key other than P-256, P-384, Ed25519 or RSA of 2048 to 8192 bits")
    case .proofOfPossessionFailed: self.init(.validationFailed, "csr is not signed by its own key")
    case .authorityExpired, .keyMismatch, .notAnAuthority, .unusableName, .failed:
      self.init(.internalError, cause: "no certificate was made: \(error)")
    }
  }
}
