// The server's own certificate authority: one P-256 root that signs leaves directly. An intermediate certificate would
// cost each mTLS handshake 0.5 ms and each connection 4.5 kB (OpenSSL 3.0). It would protect nothing, because the
// root's key is online.

import CEpoll.TLS

/// A newly signed certificate, with the values that the ledger stores. Times are unix seconds.
public struct IssuedCertificate: Equatable, Sendable {
  /// The certificate as PEM.
  public let pem: [UInt8]
  /// The same form as `PeerCertificate.serialHex`.
  public let serialHex: String
  /// The same form as `PeerCertificate.fingerprintHex`.
  public let fingerprintHex: String
  /// The first second of validity, in unix seconds.
  public let notBefore: Int64
  /// The last second of validity, in unix seconds.
  public let notAfter: Int64
}

/// An authority: its certificate and the private key that signs.
public struct CertificateAuthority: ~Copyable, Sendable {
  /// The first second of validity is this many seconds before the time of signing, because the clocks of collectors may
  /// run behind.
  public static let clockSkewSeconds: Int64 = 300

  /// The authority's own certificate.
  public let certificate: Certificate
  /// The private key that signs certificates and revocation lists.
  let signingKey: PrivateKey

  /// Loads an authority.
  /// - Throws: `.malformed`, `.keyMismatch`, `.notAnAuthority`.
  public init(certificatePEM: [UInt8], privateKeyPEM: [UInt8]) throws(CertificateError) {
    try self.init(among: [Certificate(pem: certificatePEM)], privateKeyPEM: privateKeyPEM)
  }

  /// Loads an authority. `certificates` may hold several; the private key decides which of them is used.
  /// - Throws: `.malformed`, `.keyMismatch`, `.notAnAuthority`.
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

  /// Makes a new root with a new P-256 key.
  /// - Parameters:
  ///   - validFor: seconds from `now`.
  ///   - now: unix seconds.
  /// - Throws: `.failed` if OpenSSL fails.
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

  /// The private key as unencrypted PKCS#8. Whoever has this text can sign certificates as the authority.
  /// - Throws: `.failed` if OpenSSL fails.
  public func privateKeyPEM() throws(CertificateError) -> [UInt8] { try signingKey.pem() }

  /// Signs a client certificate for the collector that made `request`.
  /// - Parameters:
  ///   - hostname: shown to people in the CN. It is sanitised and cut at 64 characters.
  ///   - validFor: seconds from `now`. The certificate ends with the authority's own at the latest.
  ///   - now: unix seconds.
  /// - Throws: `.authorityExpired`, `.failed`.
  public func issueCollector(
    for request: borrowing CertificateSigningRequest, collector: UUID, hostname: String, validFor: Int64, now: Int64
  ) throws(CertificateError) -> IssuedCertificate {
    try issueCollector(request.publicKey, collector, hostname, validFor: validFor, now: now)
  }

  /// Signs a client certificate for a collector whose key the server made. Parameters and errors as above.
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

  /// Signs a server certificate. At least one name of either kind is needed.
  /// - Parameters:
  ///   - ipAddresses: as text, version 4 or 6.
  ///   - validFor: seconds from `now`. The certificate ends with the authority's own at the latest.
  ///   - now: unix seconds.
  /// - Throws: `.unusableName`, `.authorityExpired`, `.failed`.
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

  /// Keeps letters, digits, `.`, `-`, `_` and spaces; replaces any other character by `-`. The result has 1 to 64
  /// characters.
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
