// Keeps identities between runs, so that the next run need not enrol: one JSON object per line, each with a private
// key. Only the owner may read the file, because any reader could act as the fleet.

internal import Glibc
internal import Ground
internal import Protocol
internal import Reactor

/// Appends identities to a file. Several shards and processes write the same file; each writes whole lines, and
/// O_APPEND keeps them whole.
final class IdentityFile {
  private static let nameInDirectory = "identities.jsonl"

  private let path: String
  private let file: FileDescriptor

  /// - Parameter path: the path of the file. A missing file is made with mode 0600.
  init(path: String) throws(FileError) {
    self.path = path
    file = FileDescriptor(owning: try LocalFile.open(path, O_WRONLY | O_CREAT | O_APPEND))
  }

  func append(_ identity: StoredIdentity) throws(FileError) {
    try LocalFile.append(identity.line[...], to: file.raw, path: path)
  }

  /// The path of the file of identities: `path`, or a file in it if it is a directory.
  static func location(_ path: String) -> String {
    FileStatus(of: path, followingLinks: true)?.isDirectory == true ? path + "/" + nameInDirectory : path
  }

  /// Reads all identities by their index. If an index has several lines, the last one counts. The result is empty if
  /// there is no file.
  /// - Throws: `UsageError` for a file that others may read, or that has other content.
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
    // Another process may be writing an incomplete last line, or may have been killed while writing it.
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
  /// - Parameter unixSeconds: the current time. An expired token is no obstacle: it is refreshed first, for which a
  ///   valid certificate is enough.
  /// - Returns: nil if the certificate has expired, cannot be read, or is not for the key.
  func credentials(now: MonotonicTime, unixSeconds: Int64, jitter: Double) -> Credentials? {
    do {
      let leaf = try Certificate(pem: Array(certificate.utf8))
      if leaf.notAfter <= unixSeconds { return nil }
      let identity = try TLSIdentity(chainPEM: Array(certificate.utf8), privateKeyPEM: Array(key.utf8))
      let token = Credentials.Token(
        text: token, expiresAt: tokenExpiresAt, now: now, unixSeconds: unixSeconds, jitter: jitter)
      return Credentials(collector: collector, identity: identity, token: token)
    } catch {
      return nil  // because the collector enrols instead
    }
  }
}
