// Lists of revoked certificates (RFC 5280 §5), for programs that check certificates without asking this server.

import CEpoll.TLS

/// One entry of a list.
public struct RevokedCertificate: Equatable, Sendable {
  /// The certificate's serial number, in the form of `Certificate.serialHex`.
  public let serialHex: String
  /// The time of the revocation, in unix seconds.
  public let revokedAt: Int64

  /// Makes an entry from the two values described above.
  public init(serialHex: String, revokedAt: Int64) {
    self.serialHex = serialHex
    self.revokedAt = revokedAt
  }
}

/// A signed list in both encodings.
public struct RevocationList: Equatable, Sendable {
  /// The list as DER.
  public let der: [UInt8]
  /// The list as PEM.
  public let pem: [UInt8]
}

extension CertificateAuthority {
  /// Signs a list of certificates that this authority issued and that are revoked.
  /// - Parameters:
  ///   - number: the number of the list. A later list needs a greater number (RFC 5280 §5.2.3).
  ///   - thisUpdate, nextUpdate: unix seconds. A reader may rely on the list until `nextUpdate`.
  /// - Throws: `.failed`, also if a serial is not a hex number.
  public func revocationList(
    of revoked: [RevokedCertificate], number: Int64, thisUpdate: Int64, nextUpdate: Int64
  ) throws(CertificateError) -> RevocationList {
    var draft = try RevocationListDraft(issuer: certificate, thisUpdate: thisUpdate, nextUpdate: nextUpdate)
    for certificate in revoked { try draft.add(certificate) }
    return try draft.sign(number: number, issuer: certificate, key: signingKey)
  }
}

/// A list that is not signed yet.
private struct RevocationListDraft: ~Copyable {
  private let pointer: OpaquePointer

  init(issuer: Certificate, thisUpdate: Int64, nextUpdate: Int64) throws(CertificateError) {
    OpenSSLErrorQueue.clear()
    guard let pointer = X509_CRL_new() else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    let (from, to) = (ASN1_TIME_set(nil, Int(thisUpdate)), ASN1_TIME_set(nil, Int(nextUpdate)))
    defer {
      ASN1_STRING_free(from)
      ASN1_STRING_free(to)
    }
    guard X509_CRL_set_version(pointer, Int(X509_CRL_VERSION_2)) == 1,
      X509_CRL_set_issuer_name(pointer, X509_get_subject_name(issuer.pointer)) == 1,
      X509_CRL_set1_lastUpdate(pointer, from) == 1, X509_CRL_set1_nextUpdate(pointer, to) == 1
    else {
      X509_CRL_free(pointer)
      throw .failed(reason: OpenSSLErrorQueue.takeReason())
    }
    self.pointer = pointer
  }

  deinit { X509_CRL_free(pointer) }

  mutating func add(_ certificate: RevokedCertificate) throws(CertificateError) {
    var number: OpaquePointer?
    let digits = CInt(clamping: certificate.serialHex.utf8.count)
    guard digits > 0, BN_hex2bn(&number, certificate.serialHex) == digits else {
      BN_free(number)
      throw .failed(reason: "the serial \(certificate.serialHex) is not a hex number")
    }
    defer { BN_free(number) }
    let serial = BN_to_ASN1_INTEGER(number, nil)
    let date = ASN1_TIME_set(nil, Int(certificate.revokedAt))
    defer {
      ASN1_STRING_free(serial)
      ASN1_STRING_free(date)
    }
    guard let entry = X509_REVOKED_new() else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    guard X509_REVOKED_set_serialNumber(entry, serial) == 1, X509_REVOKED_set_revocationDate(entry, date) == 1,
      X509_CRL_add0_revoked(pointer, entry) == 1
    else {
      X509_REVOKED_free(entry)
      throw .failed(reason: OpenSSLErrorQueue.takeReason())
    }
  }

  consuming func sign(
    number: Int64, issuer: Certificate, key: borrowing PrivateKey
  ) throws(CertificateError) -> RevocationList {
    let value = ASN1_INTEGER_new()
    defer { ASN1_STRING_free(value) }
    guard ASN1_INTEGER_set_int64(value, number) == 1,
      X509_CRL_add1_ext_i2d(pointer, NID_crl_number, value, 0, UInt(X509V3_ADD_DEFAULT)) == 1,
      ctls_add_crl_extension(pointer, issuer.pointer, NID_authority_key_identifier, "keyid:always") == 1,
      X509_CRL_sort(pointer) == 1, X509_CRL_sign(pointer, key.pointer, key.signatureDigest) > 0
    else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    return RevocationList(
      der: try PEM.writing { i2d_X509_CRL_bio($0, pointer) },
      pem: try PEM.writing { PEM_write_bio_X509_CRL($0, pointer) })
  }
}
