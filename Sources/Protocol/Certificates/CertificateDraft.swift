// A certificate that is not signed yet.

import CEpoll.TLS

struct CertificateDraft: ~Copyable {
  /// Bytes of a serial number. RFC 5280 allows 20; two serials of 16 random bytes do not collide in practice.
  private static let serialBytes = 16

  private let pointer: OpaquePointer

  /// Makes a certificate of version 3 with a random positive serial and the subject `CN=commonName`.
  init(publicKey: OpaquePointer?, commonName: String) throws(CertificateError) {
    OpenSSLErrorQueue.clear()
    guard let pointer = X509_new() else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    var serial = RandomBytes.generate(Self.serialBytes)
    serial[0] = serial[0] & 0x7F | 0x40  // positive, and always 16 bytes long
    let number = BN_bin2bn(serial, Int32(serial.count), nil)
    defer { BN_free(number) }
    guard X509_set_version(pointer, Int(X509_VERSION_3)) == 1,
      BN_to_ASN1_INTEGER(number, X509_get_serialNumber(pointer)) != nil,
      X509_set_pubkey(pointer, publicKey) == 1, setCommonName(X509_get_subject_name(pointer), commonName)
    else {
      X509_free(pointer)
      throw .failed(reason: OpenSSLErrorQueue.takeReason())
    }
    self.pointer = pointer
  }

  deinit { X509_free(pointer) }

  /// Sets both ends of the validity, in unix seconds.
  mutating func setValidity(from notBefore: Int64, to notAfter: Int64) throws(CertificateError) {
    guard ASN1_TIME_set(X509_getm_notBefore(pointer), Int(notBefore)) != nil,
      ASN1_TIME_set(X509_getm_notAfter(pointer), Int(notAfter)) != nil
    else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
  }

  /// Adds an extension.
  /// - Parameters:
  ///   - value: in OpenSSL's configuration language; must be a constant of the program.
  ///   - issuer: nil for a self-signed certificate.
  mutating func add(_ extension: Int32, _ value: String, issuer: Certificate?) throws(CertificateError) {
    guard ctls_add_extension(pointer, issuer?.pointer ?? pointer, `extension`, value) == 1 else {
      throw .failed(reason: OpenSSLErrorQueue.takeReason())
    }
  }

  /// Adds the subject's alternative names.
  mutating func add(_ names: borrowing AlternativeNames) throws(CertificateError) {
    let added = X509_add1_ext_i2d(
      pointer, NID_subject_alt_name, UnsafeMutableRawPointer(names.stack), 0, UInt(X509V3_ADD_DEFAULT))
    guard added == 1 else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
  }

  /// Signs and returns the certificate.
  /// - Parameter issuer: nil for a self-signed certificate.
  consuming func sign(issuer: Certificate?, key: borrowing PrivateKey) throws(CertificateError) -> Certificate {
    guard X509_set_issuer_name(pointer, X509_get_subject_name(issuer?.pointer ?? pointer)) == 1,
      X509_sign(pointer, key.pointer, key.signatureDigest) > 0
    else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    return Certificate(sharing: pointer)
  }
}

/// The subject's alternative names, built as ASN.1 structures. Thus text from a peer never passes through OpenSSL's
/// configuration language.
struct AlternativeNames: ~Copyable {
  /// The GENERAL_NAMES; this struct owns them.
  let stack: OpaquePointer

  init() throws(CertificateError) {
    guard let stack = OPENSSL_sk_new_null() else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    self.stack = stack
  }

  deinit { GENERAL_NAMES_free(stack) }

  mutating func append(uri: String) throws(CertificateError) { try append(GEN_URI, ia5: uri) }

  /// - Throws: `.unusableName` unless `dns` consists of letters, digits, `-`, `_` and `.`; the first label may be `*`.
  mutating func append(dns: String) throws(CertificateError) {
    let labels = dns.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let areGood = labels.enumerated().allSatisfy { position, label in
      if position == 0, labels.count > 1, label.elementsEqual("*".utf8) { return true }
      return (1...63).contains(label.count)
        && label.allSatisfy {
          switch $0 {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
          default: false
          }
        }
    }
    guard areGood, dns.utf8.count <= 253 else { throw .unusableName(dns) }
    try append(GEN_DNS, ia5: dns)
  }

  /// - Throws: `.unusableName` unless `address` is an IP address as text, version 4 or 6.
  mutating func append(address: String) throws(CertificateError) {
    guard !address.utf8.contains(0), let octets = a2i_IPADDRESS(address) else {
      OpenSSLErrorQueue.clear()
      throw .unusableName(address)
    }
    try append(GEN_IPADD, owning: octets)
  }

  private mutating func append(_ kind: Int32, ia5 text: String) throws(CertificateError) {
    guard let string = ASN1_STRING_type_new(V_ASN1_IA5STRING) else {
      throw .failed(reason: OpenSSLErrorQueue.takeReason())
    }
    let bytes = Array(text.utf8)
    ASN1_STRING_set(string, bytes, Int32(bytes.count))
    try append(kind, owning: string)
  }

  private mutating func append(_ kind: Int32, owning value: UnsafeMutablePointer<ASN1_STRING>) throws(CertificateError)
  {
    guard let name = GENERAL_NAME_new() else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    GENERAL_NAME_set0_value(name, kind, value)
    guard OPENSSL_sk_push(stack, name) > 0 else {
      GENERAL_NAME_free(name)
      throw .failed(reason: OpenSSLErrorQueue.takeReason())
    }
  }
}
