// Identities kept between runs, so that the next one need not enrol: one JSON object a line, each with a private key.
// Whoever can read the file is the fleet, so nobody but its owner may.

internal import Glibc
internal import Ground
internal import Protocol
internal import Reactor

/// Appends identities. Several shards and processes write one file: whole lines, and O_APPEND keeps them whole.
final class IdentityFile {
  private static let nameInDirectory = "identities.jsonl"

  private let path: String
  private let file: FileDescriptor

  /// - Parameter path: of a file. Made, if it is not there, for its owner alone.
  init(path: String) throws(FileError) {
    self.path = path
    file = FileDescriptor(owning: try LocalFile.open(path, O_WRONLY | O_CREAT | O_APPEND))
  }

  func append(_ identity: StoredIdentity) throws(FileError) {
    try LocalFile.append(identity.line[...], to: file.raw, path: path)
  }

  /// Where the identities are: `path`, or a file of ours in it if it is a directory.
  static func location(_ path: String) -> String {
    FileStatus(of: path, followingLinks: true)?.isDirectory == true ? path + "/" + nameInDirectory : path
  }

  /// All identities by index; of several lines for one the last counts. Nothing, if there is no file.
  /// - Throws: `UsageError` for a file that others may read, or that holds something else.
  static func load(_ path: String) throws(UsageError) -> [Int: StoredIdentity] {
    guard let mode = FileStatus(of: path, followingLinks: true)?.permissions else { return [:] }
    if mode & 0o077 != 0 {
      throw UsageError(description: "--identities \(path): holds private keys and is open to others; chmod 600 it")
    }
    let bytes: [UInt8]
    do {
      bytes = try LocalFile.require(path)
    } catch {
      throw UsageError(description: "--identities \(error)")
    }
    // A line without its end is one that another process is just writing, or was killed over.
    let lines = bytes[..<(bytes.lastIndex(of: UInt8(ascii: "\n")) ?? 0)]
    var identities: [Int: StoredIdentity] = [:]
    for (number, line) in lines.split(separator: UInt8(ascii: "\n")).enumerated() {
      guard let identity = StoredIdentity(line: Array(line).span) else {
        throw UsageError(description: "--identities \(path): line \(number + 1) is no identity")
      }
      identities[identity.index] = identity
    }
    return identities
  }
}

extension StoredIdentity {
  /// - Parameter unixSeconds: now; a token past its end is refreshed first, which a trusted certificate suffices for.
  /// - Returns: nil if the certificate's life is over, or it is none, or not for the key.
  func credentials(now: MonotonicTime, unixSeconds: Int64, jitter: Double) -> Credentials? {
    do {
      let leaf = try Certificate(pem: Array(certificate.utf8))
      if leaf.notAfter <= unixSeconds { return nil }
      let identity = try TLSIdentity(chainPEM: Array(certificate.utf8), privateKeyPEM: Array(key.utf8))
      let token = Credentials.Token(
        text: token, expiresAt: tokenExpiresAt, now: now, unixSeconds: unixSeconds, jitter: jitter)
      return Credentials(collector: collector, identity: identity, token: token)
    } catch {
      return nil  // because the collector then simply enrols
    }
  }
}
