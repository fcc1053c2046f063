// The server's own certificate in the data directory. A certificate that this program made is replaced in the last
// third of its life, when it does not name the server any more, and when its authority is retired. An operator who
// installs a certificate has to renew it.
//
//   server.crt, server.key   the leaf first, PEM
//   server.made              the SHA-256 of each certificate that this program made; others are installed ones

import Ground
import Protocol

/// Reads the server's certificate and renews it when due.
struct ServerCertificate: Sendable {
  /// The content of the files.
  struct Files: Equatable, Sendable {
    let chain: [UInt8]
    let key: [UInt8]
    let record: [UInt8]?
  }

  enum Name: String, CaseIterable {
    case chain = "server.crt"
    case key = "server.key"
    case record = "server.made"
  }

  let directory: String
  let names: ServerNames
  /// The life of a new certificate.
  let life: Live<Duration>

  private var chainPath: String { path(.chain) }
  private var keyPath: String { path(.key) }
  private var recordPath: String { path(.record) }

  private func path(_ name: Name) -> String { directory + "/" + name.rawValue }

  /// Reads the files. - Returns: nil if certificate or key is missing.
  func read() throws(FileError) -> Files? {
    guard let chain = try LocalFile.read(chainPath), let key = try LocalFile.read(keyPath) else { return nil }
    return Files(chain: chain, key: key, record: try LocalFile.read(recordPath))
  }

  /// Reads the files, and first replaces the certificate if it is one of ours and due.
  /// - Parameter now: unix seconds.
  func current(_ authority: Authority, now: Int64) throws -> Files {
    if let files = try read(), !(try isDue(files, authority, now: now)) { return files }
    return try LocalDirectory.locked(directory) {
      // Another server of this directory may have been faster.
      if let files = try read(), !(try isDue(files, authority, now: now)) { return files }
      let key = try PrivateKey.generate()
      let issued = try authority.serverSigner.authority.issueServer(
        for: key, dnsNames: names.dns, ipAddresses: names.addresses, validFor: life.now.wholeSeconds, now: now)
      let made = (try read()?.record ?? []) + Array((issued.fingerprintHex + "\n").utf8)
      let files = Files(chain: issued.pem, key: try key.pem(), record: made)
      // The record is written first: a certificate without a record counts as installed by an operator.
      try LocalFile.replace(recordPath, with: made, mode: 0o644)
      try LocalFile.replace(keyPath, with: files.key)
      try LocalFile.replace(chainPath, with: files.chain, mode: 0o644)
      return files
    }
  }

  private func isDue(_ files: Files, _ authority: Authority, now: Int64) throws -> Bool {
    let leaf = try Certificate(pem: files.chain)
    guard isOurs(leaf, files.record, authority) else { return false }
    let life = leaf.notAfter - leaf.notBefore
    // Every client would reject a certificate that begins in the future, which happens if the clock was set back.
    return now >= leaf.notAfter - life / 3 || now < leaf.notBefore
      || leaf.authorityKeyIDHex != authority.serverSigner.certificate.subjectKeyIDHex
      || !names.dns.allSatisfy(leaf.dnsNames.contains) || !names.addresses.allSatisfy(leaf.names(address:))
  }

  private func isOurs(_ leaf: Certificate, _ record: [UInt8]?, _ authority: Authority) -> Bool {
    // Older data directories have no record.
    guard let record else {
      return authority.certificates.contains { $0.subjectKeyIDHex == leaf.authorityKeyIDHex }
    }
    return record.split(separator: UInt8(ascii: "\n")).contains { $0.elementsEqual(leaf.fingerprintHex.utf8) }
  }
}
