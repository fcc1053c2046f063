// The certificate authority of the data directory and the server certificate it signed: made at first start, read later.

import Protocol

/// Issues certificates. Shared by the endpoints; signing takes about a millisecond and no part in the ingest lane.
final class Authority: Sendable {
  /// What goes wrong with the files of the authority, as a sentence.
  struct Unusable: Error, CustomStringConvertible {
    let description: String
  }

  private let signer: CertificateAuthority
  /// The authority's certificate, for clients to trust.
  let certificatePEM: [UInt8]
  let certificateFile: String

  private init(_ signer: consuming CertificateAuthority, file: String) throws {
    certificatePEM = try signer.certificate.pem()
    certificateFile = file
    self.signer = signer
  }

  /// Loads `ca.crt` and `ca.key`, or makes both. The key is mode 0600.
  static func open(in directory: String, settings: Settings, now: Int64) throws -> Authority {
    let certificateFile = directory + "/ca.crt"
    let keyFile = directory + "/ca.key"
    switch (try PrivateFile.read(certificateFile), try PrivateFile.read(keyFile)) {
    case (let certificate?, let key?):
      do {
        return try Authority(
          CertificateAuthority(certificatePEM: certificate, privateKeyPEM: key), file: certificateFile)
      } catch let error as CertificateError {
        throw Unusable(description: "\(certificateFile) and \(keyFile) do not make a certificate authority: \(error)")
      }
    case (nil, nil):
      let made = try CertificateAuthority.create(
        commonName: "pgAnalytics CA", validFor: settings.authorityLife.wholeSeconds, now: now)
      try PrivateFile.write(made.privateKeyPEM(), to: keyFile)
      try PrivateFile.write(made.certificate.pem(), to: certificateFile, mode: 0o644)
      return try Authority(made, file: certificateFile)
    case (nil, _?): throw Unusable(description: "\(keyFile) is there but \(certificateFile) is not")
    case (_?, nil): throw Unusable(description: "\(certificateFile) is there but \(keyFile) is not")
    }
  }

  /// The server's certificate and key: those of the data directory while they name `hosts` and have a third of their
  /// life left, else new ones.
  func serverIdentity(
    in directory: String, dnsNames: [String], addresses: [String], settings: Settings, now: Int64
  ) throws -> (certificatePEM: [UInt8], keyPEM: [UInt8]) {
    let certificateFile = directory + "/server.crt"
    let keyFile = directory + "/server.key"
    let namesFile = directory + "/server.names"
    let names = Array((dnsNames + addresses).joined(separator: "\n").utf8)
    if let certificatePEM = try PrivateFile.read(certificateFile), let keyPEM = try PrivateFile.read(keyFile),
      try PrivateFile.read(namesFile) == names
    {
      let certificate = try Certificate(pem: certificatePEM)
      let life = certificate.notAfter - certificate.notBefore
      if now < certificate.notAfter - life / 3 { return (certificatePEM, keyPEM) }
    }
    let key = try PrivateKey.generate()
    let issued = try signer.issueServer(
      for: key, dnsNames: dnsNames, ipAddresses: addresses, validFor: settings.serverCertificateLife.wholeSeconds,
      now: now)
    let keyPEM = try key.pem()
    try PrivateFile.write(keyPEM, to: keyFile)
    try PrivateFile.write(issued.pem, to: certificateFile, mode: 0o644)
    try PrivateFile.write(names, to: namesFile, mode: 0o644)
    return (issued.pem, keyPEM)
  }

  /// A collector's certificate for the key of its signing request.
  func issueCollector(
    csr: [UInt8], collector: UUID, hostname: String, life: Int64, now: Int64
  ) throws(CertificateError) -> IssuedCertificate {
    let request = try CertificateSigningRequest(csr)
    return try signer.issueCollector(for: request, collector: collector, hostname: hostname, validFor: life, now: now)
  }

  /// A collector's certificate and a new key, for a client that makes no key itself.
  func issueCollector(
    collector: UUID, hostname: String, life: Int64, now: Int64
  ) throws(CertificateError) -> (certificate: IssuedCertificate, keyPEM: [UInt8]) {
    let key = try PrivateKey.generate()
    let issued = try signer.issueCollector(
      for: key, collector: collector, hostname: hostname, validFor: life, now: now)
    return (issued, try key.pem())
  }
}
