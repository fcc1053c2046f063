// X.509 certificates (RFC 5280), read by OpenSSL.

import CEpoll.TLS

/// One certificate: a shared handle to an X509. Nobody modifies the X509.
public final class Certificate: @unchecked Sendable {  // Safety: ref-counted, caches locked, never modified.
  let pointer: OpaquePointer

  /// Takes over the caller's reference.
  init(owning pointer: OpaquePointer) { self.pointer = pointer }

  /// Adds a reference; the caller keeps its own.
  init(sharing pointer: OpaquePointer) {
    X509_up_ref(pointer)
    self.pointer = pointer
  }

  deinit { X509_free(pointer) }

  /// Reads the first certificate in `pem`.
  /// - Throws: `.malformed` if the text holds no certificate.
  public convenience init(pem: [UInt8]) throws(CertificateError) {
    OpenSSLErrorQueue.clear()
    guard let pointer = PEM.reading(pem, { PEM_read_bio_X509($0, nil, PEM.noPassword, nil) }) else {
      throw .malformed(reason: OpenSSLErrorQueue.takeReason())
    }
    self.init(owning: pointer)
  }

  /// Reads all certificates in `pem`, in order. Other text between them is skipped.
  /// - Returns: at least one certificate.
  /// - Throws: `.malformed` if there is no certificate, or if one is damaged.
  public static func chain(pem: [UInt8]) throws(CertificateError) -> [Certificate] {
    OpenSSLErrorQueue.clear()
    let chain = PEM.reading(pem) { bio in
      var chain: [Certificate] = []
      while let pointer = PEM_read_bio_X509(bio, nil, PEM.noPassword, nil) {
        chain.append(Certificate(owning: pointer))
      }
      return chain
    }
    // At the end of the text the reader stops with "no start line". Any other reason means a damaged certificate.
    guard !chain.isEmpty, OpenSSLErrorQueue.reason == PEM_R_NO_START_LINE else {
      throw .malformed(reason: OpenSSLErrorQueue.takeReason())
    }
    OpenSSLErrorQueue.clear()
    return chain
  }

  /// The certificate as PEM.
  /// - Throws: `.failed` if OpenSSL fails.
  public func pem() throws(CertificateError) -> [UInt8] { try PEM.writing { PEM_write_bio_X509($0, pointer) } }

  /// Several certificates as PEM, one after the other, in the form that `chain(pem:)` reads.
  /// - Throws: `.failed` if OpenSSL fails.
  public static func pem(of certificates: [Certificate]) throws(CertificateError) -> [UInt8] {
    var pem: [UInt8] = []
    for certificate in certificates { pem += try certificate.pem() }
    return pem
  }

  /// SHA-256 of the DER form, as 64 hex digits.
  public var fingerprintHex: String {
    var digest = [UInt8](repeating: 0, count: Digest.byteCount)
    X509_digest(pointer, EVP_sha256(), &digest, nil)
    return Hex.encode(digest)
  }

  /// The serial number in lower-case hex, without leading zeros.
  public var serialHex: String {
    guard let number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(pointer), nil) else { return "" }
    defer { BN_free(number) }
    guard let text = BN_bn2hex(number) else { return "" }
    defer { CRYPTO_free(text, #file, #line) }
    let digits = String(cString: text).lowercased().drop { $0 == "0" }
    return digits.isEmpty ? "0" : String(digits)
  }

  /// The identifier of this certificate's own key (RFC 5280 §4.2.1.2), in hex; nil if the certificate has none.
  public var subjectKeyIDHex: String? { Self.hex(X509_get0_subject_key_id(pointer)) }

  /// The identifier of the issuer's key (RFC 5280 §4.2.1.1), in hex; nil if the certificate has none.
  public var authorityKeyIDHex: String? { Self.hex(X509_get0_authority_key_id(pointer)) }

  private static func hex(_ octets: UnsafePointer<ASN1_OCTET_STRING>?) -> String? {
    guard let octets else { return nil }
    // Safety: the octets belong to the certificate and are copied before this function returns.
    let bytes = UnsafeBufferPointer(start: ASN1_STRING_get0_data(octets), count: Int(ASN1_STRING_length(octets)))
    return Hex.encode(Array(bytes))
  }

  /// The CN of the subject; the first one if there are several; nil if there is none or it is not text.
  public var subjectCommonName: String? { commonName(X509_get_subject_name(pointer)) }

  /// The first second of validity, in unix seconds.
  public var notBefore: Int64 { unixSeconds(X509_get0_notBefore(pointer)) }

  /// The last second of validity, in unix seconds.
  public var notAfter: Int64 { unixSeconds(X509_get0_notAfter(pointer)) }

  /// Whether this certificate may sign others, by its basic constraints and key usage.
  public var isAuthority: Bool { X509_check_ca(pointer) == 1 }

  /// The URIs among the subject's alternative names.
  public var uniformResourceIdentifiers: [String] { alternativeNames(GEN_URI) }

  /// The DNS names among the subject's alternative names.
  public var dnsNames: [String] { alternativeNames(GEN_DNS) }

  /// Whether an IP address is among the subject's alternative names.
  /// - Parameter address: as text, version 4 or 6.
  public func names(address: String) -> Bool { X509_check_ip_asc(pointer, address, 0) == 1 }

  private func alternativeNames(_ wanted: Int32) -> [String] {
    guard let names = X509_get_ext_d2i(pointer, NID_subject_alt_name, nil, nil) else { return [] }
    let stack = OpaquePointer(names)
    defer { GENERAL_NAMES_free(stack) }
    var found: [String] = []
    for index in 0..<OPENSSL_sk_num(stack) {
      var kind: Int32 = 0
      guard let name = OPENSSL_sk_value(stack, index),
        let value = GENERAL_NAME_get0_value(name.assumingMemoryBound(to: GENERAL_NAME.self), &kind), kind == wanted
      else { continue }
      // The length comes from ASN.1, not from strlen, so a NUL does not end the name. Bytes that are not UTF-8 are
      // skipped.
      let text = value.assumingMemoryBound(to: ASN1_STRING.self)
      let bytes = UnsafeBufferPointer(start: ASN1_STRING_get0_data(text), count: Int(ASN1_STRING_length(text)))
      if let string = String(validating: bytes, as: UTF8.self) { found.append(string) }
    }
    return found
  }
}

/// The first CN in `name`, as UTF-8; nil if there is none or it is not text.
func commonName(_ name: OpaquePointer?) -> String? {
  let index = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
  guard index >= 0, let text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)) else { return nil }
  var utf8: UnsafeMutablePointer<UInt8>?
  let count = ASN1_STRING_to_UTF8(&utf8, text)
  guard count >= 0 else { return nil }
  defer { CRYPTO_free(utf8, #file, #line) }
  return String(validating: UnsafeBufferPointer(start: utf8, count: Int(count)), as: UTF8.self)
}

private func unixSeconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
  let epoch = ASN1_TIME_set(nil, 0)
  defer { ASN1_STRING_free(epoch) }
  var (days, seconds): (Int32, Int32) = (0, 0)
  guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return 0 }
  return Int64(days) * 86_400 + Int64(seconds)
}
