// Our own certificate authority: one P-256 root that signs leaves directly. An intermediate would cost every mTLS
// handshake 0.5 ms and every connection 4.5 kB (OpenSSL 3.0), and buys nothing while the root is online anyway.

import CEpoll.TLS

/// A certificate just signed, and what a ledger keeps of it. Times are unix seconds.
public struct IssuedCertificate: Equatable, Sendable {
  public let pem: [UInt8]
  /// As `PeerCertificate.serialHex`.
  public let serialHex: String
  /// As `PeerCertificate.fingerprintHex`.
  public let fingerprintHex: String
  public let notBefore: Int64
  public let notAfter: Int64
}

public struct CertificateAuthority: ~Copyable, Sendable {
  /// Certificates are good this many seconds before they were made: the clocks of collectors run behind.
  public static let clockSkewSeconds: Int64 = 300

  public let certificate: Certificate
  /// Signs certificates and lists of revoked ones.
  let signingKey: PrivateKey

  /// Loads an authority. - Throws: `.malformed`, `.keyMismatch`, `.notAnAuthority`.
  public init(certificatePEM: [UInt8], privateKeyPEM: [UInt8]) throws(CertificateError) {
    try self.init(among: [Certificate(pem: certificatePEM)], privateKeyPEM: privateKeyPEM)
  }

  /// Loads the authority among several that a key belongs to. - Throws: `.malformed`, `.keyMismatch`, `.notAnAuthority`.
  public init(among certificates: [Certificate], privateKeyPEM: [UInt8]) throws(CertificateError) {
    let key = try PrivateKey(pem: privateKeyPEM)
    OpenSSLErrorQueue.clear()
    guard let certificate = certificates.first(where: { X509_check_private_key($0.pointer, key.pointer) == 1 }) else {
      OpenSSLErrorQueue.clear()
      throw .keyMismatch
    }
    OpenSSLErrorQueue.clear()
    guard certificate.isAuthority else { throw .notAnAuthority }
    self.certificate = certificate
    signingKey = key
  }

  private init(certificate: Certificate, key: consuming PrivateKey) {
    self.certificate = certificate
    signingKey = key
  }

  /// A new root with a new P-256 key. - Parameter validFor: seconds from `now`.
  public static func create(commonName: String, validFor: Int64, now: Int64) throws(CertificateError)
    -> CertificateAuthority
  {
    let key = try PrivateKey.generate()
    var draft = try CertificateDraft(publicKey: key.pointer, commonName: sanitizedCommonName(commonName))
    try draft.setValidity(from: now - clockSkewSeconds, to: now + validFor)
    try draft.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0", issuer: nil)
    try draft.add(NID_key_usage, "critical,keyCertSign,cRLSign", issuer: nil)
    try draft.add(NID_subject_key_identifier, "hash", issuer: nil)
    let certificate = try draft.sign(issuer: nil, key: key)
    return CertificateAuthority(certificate: certificate, key: key)
  }

  /// The private key as unencrypted PKCS#8: a secret as great as all it has signed.
  public func privateKeyPEM() throws(CertificateError) -> [UInt8] { try signingKey.pem() }

  /// A client certificate for the collector that made `request`.
  /// - Parameters:
  ///   - hostname: for people, in the CN; sanitised, cut at 64 characters.
  ///   - validFor: seconds from `now`; cut at the authority's own end.
  public func issueCollector(
    for request: borrowing CertificateSigningRequest, collector: UUID, hostname: String, validFor: Int64, now: Int64
  ) throws(CertificateError) -> IssuedCertificate {
    try issueCollector(request.publicKey, collector, hostname, validFor: validFor, now: now)
  }

  /// A client certificate for a collector whose key we made.
  public func issueCollector(
    for key: borrowing PrivateKey, collector: UUID, hostname: String, validFor: Int64, now: Int64
  ) throws(CertificateError) -> IssuedCertificate {
    try issueCollector(key.pointer, collector, hostname, validFor: validFor, now: now)
  }

  private func issueCollector(
    _ publicKey: OpaquePointer?, _ collector: UUID, _ hostname: String, validFor: Int64, now: Int64
  ) throws(CertificateError) -> IssuedCertificate {
    var names = try AlternativeNames()
    try names.append(uri: CollectorURN.encode(collector))
    return try issue(publicKey, commonName: hostname, names, purpose: "clientAuth", validFor: validFor, now: now)
  }

  /// A server certificate. - Parameter ipAddresses: textual, version 4 or 6. At least one name of either kind.
  public func issueServer(
    for key: borrowing PrivateKey, dnsNames: [String], ipAddresses: [String], validFor: Int64, now: Int64
  ) throws(CertificateError) -> IssuedCertificate {
    var names = try AlternativeNames()
    for name in dnsNames { try names.append(dns: name) }
    for address in ipAddresses { try names.append(address: address) }
    guard let first = dnsNames.first ?? ipAddresses.first else { throw .unusableName("") }
    return try issue(key.pointer, commonName: first, names, purpose: "serverAuth", validFor: validFor, now: now)
  }

  private func issue(
    _ publicKey: OpaquePointer?, commonName: String, _ names: borrowing AlternativeNames, purpose: String,
    validFor: Int64, now: Int64
  ) throws(CertificateError) -> IssuedCertificate {
    precondition(validFor > 0)
    guard now < certificate.notAfter else { throw .authorityExpired }
    let notAfter = min(now + validFor, certificate.notAfter)
    var draft = try CertificateDraft(publicKey: publicKey, commonName: Self.sanitizedCommonName(commonName))
    try draft.setValidity(from: now - Self.clockSkewSeconds, to: notAfter)
    try draft.add(NID_basic_constraints, "critical,CA:FALSE", issuer: certificate)
    try draft.add(NID_key_usage, "critical,digitalSignature", issuer: certificate)
    try draft.add(NID_ext_key_usage, purpose, issuer: certificate)
    try draft.add(NID_subject_key_identifier, "hash", issuer: certificate)
    try draft.add(NID_authority_key_identifier, "keyid:always", issuer: certificate)
    try draft.add(names)
    let issued = try draft.sign(issuer: certificate, key: signingKey)
    return IssuedCertificate(
      pem: try issued.pem(), serialHex: issued.serialHex, fingerprintHex: issued.fingerprintHex,
      notBefore: issued.notBefore, notAfter: issued.notAfter)
  }

  /// Letters, digits, `.`, `-`, `_` and spaces; anything else becomes `-`. At most 64 characters, never empty.
  static func sanitizedCommonName(_ text: String) -> String {
    let allowed = text.unicodeScalars.prefix(64).map { scalar -> Character in
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", ".", "-", "_", " ": Character(scalar)
      default: "-"
      }
    }
    return allowed.isEmpty ? "unnamed" : String(allowed)
  }
}
