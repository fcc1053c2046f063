// The result of verifying a peer's certificate chain (X509_STORE_CTX_get_error(3)).

import CEpoll.TLS

/// Whether a certificate is trusted, and why not.
public enum CertificateVerdict: Equatable, Sendable {
  case trusted
  case untrusted(Reason)

  /// The reason that a certificate is not trusted.
  public enum Reason: Equatable, Sendable {
    /// No chain leads to a trust anchor.
    case unknownAuthority
    /// The certificate has expired. For a client's certificate this also means that all else is good: signature,
    /// purpose and authority. (If the authority has expired, the reason is `unknownAuthority`.)
    case expired
    /// The certificate is not valid yet. For a client's certificate all else is good, as with `expired`.
    case notYetValid
    /// The certificate was made for another purpose. For example, a client shows a server certificate.
    case wrongPurpose
    case badSignature
    case chainTooLong
    /// A key or digest in the chain is too weak.
    case tooWeak
    /// Client role only: the certificate does not name the host.
    case hostNameMismatch
    /// Another finding. `code`: X509_V_ERR_*; `text`: OpenSSL's text for it.
    case other(code: Int32, text: String)
  }

  /// - Parameter code: X509_V_*.
  init(code: Int) {
    switch Int32(code) {
    case X509_V_OK: self = .trusted
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
      X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_CERT_UNTRUSTED, X509_V_ERR_INVALID_CA:
      self = .untrusted(.unknownAuthority)
    case X509_V_ERR_CERT_HAS_EXPIRED: self = .untrusted(.expired)
    case X509_V_ERR_CERT_NOT_YET_VALID: self = .untrusted(.notYetValid)
    case X509_V_ERR_INVALID_PURPOSE: self = .untrusted(.wrongPurpose)
    case X509_V_ERR_CERT_SIGNATURE_FAILURE: self = .untrusted(.badSignature)
    case X509_V_ERR_CERT_CHAIN_TOO_LONG: self = .untrusted(.chainTooLong)
    case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK:
      self = .untrusted(.tooWeak)
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: self = .untrusted(.hostNameMismatch)
    case let other:
      self = .untrusted(.other(code: other, text: String(cString: X509_verify_cert_error_string(Int(other)))))
    }
  }
}

extension CertificateVerdict.Reason: CustomStringConvertible {
  /// The reason in words. "it" is the certificate.
  public var description: String {
    switch self {
    case .unknownAuthority: "no trusted authority signed it"
    case .expired: "it has expired"
    case .notYetValid: "it is not valid yet"
    case .wrongPurpose: "it was made for another use"
    case .badSignature: "its signature is wrong"
    case .chainTooLong: "its chain is too long"
    case .tooWeak: "its key or digest is too weak"
    case .hostNameMismatch: "it names another host"
    case .other(_, let text): text
    }
  }
}
