// The server's own certificate in the data directory. One that we made is replaced in the last third of its life, when it
// does not name the server any more, and when its authority is retired. One that somebody put there is his to renew.
//
//   server.crt, server.key   the leaf first, PEM
//   server.made              the SHA-256 of each that we made, so that one of somebody else's is told apart

import Ground
import Protocol

struct ServerCertificate: Sendable {
  /// The content of the files.
  struct Files: Equatable, Sendable {
    let chain: [UInt8]
    let key: [UInt8]
    let record: [UInt8]?
  }

  let directory: String
  let names: ServerNames
  /// Of one that is made.
  let life: Live<Duration>

  private var chainPath: String { directory + "/server.crt" }
  private var keyPath: String { directory + "/server.key" }
  private var recordPath: String { directory + "/server.made" }

  /// - Returns: nil if one of the two is missing.
  func read() throws(FileError) -> Files? {
    guard let chain = try LocalFile.read(chainPath), let key = try LocalFile.read(keyPath) else { return nil }
    return Files(chain: chain, key: key, record: try LocalFile.read(recordPath))
  }

  /// The files, with another certificate of ours in them where one is due.
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
      // The record first: were it missing, the certificate would be taken for somebody else's.
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
    // One of a time that our clock took back is refused by every client.
    return now >= leaf.notAfter - life / 3 || now < leaf.notBefore
      || leaf.authorityKeyIDHex != authority.serverSigner.certificate.subjectKeyIDHex
      || !names.dns.allSatisfy(leaf.dnsNames.contains) || !names.addresses.allSatisfy(leaf.names(address:))
  }

  private func isOurs(_ leaf: Certificate, _ record: [UInt8]?, _ authority: Authority) -> Bool {
    // Data directories of before have no record.
    guard let record else {
      return authority.certificates.contains { $0.subjectKeyIDHex == leaf.authorityKeyIDHex }
    }
    return record.split(separator: UInt8(ascii: "\n")).contains { $0.elementsEqual(leaf.fingerprintHex.utf8) }
  }
}
