// Identities kept between runs, so that the next one need not enrol: one JSON object a line, each with a private key.
// Whoever can read the file is the fleet, so nobody but its owner may.

internal import Glibc
internal import Ground
internal import Protocol
internal import Reactor

/// What a collector needs to be the same collector again.
struct StoredIdentity: Sendable, Equatable {
  /// In the fleet, 0 and up.
  let index: Int
  let collector: UUID
  let hostname: String
  /// PEM.
  let certificate: String
  /// PEM.
  let key: String
  let token: String
  /// Unix seconds.
  let tokenExpiresAt: Int64

  init(
    index: Int, collector: UUID, hostname: String, certificate: String, key: String, token: String,
    tokenExpiresAt: Int64
  ) {
    self.index = index
    self.collector = collector
    self.hostname = hostname
    self.certificate = certificate
    self.key = key
    self.token = token
    self.tokenExpiresAt = tokenExpiresAt
  }

  /// - Returns: nil if `line` is not what `line` of an identity gives.
  init?(line: Span<UInt8>) {
    do {
      guard case .object(let object) = try JSONValue.parse(line), let index = object.integer("index"), index >= 0,
        let collector = object.string("collector_id").flatMap({ UUID($0) }), let hostname = object.string("hostname"),
        let certificate = object.string("certificate"), let key = object.string("private_key"),
        let token = object.string("token"), let expiry = object.integer("token_expires_at")
      else { return nil }
      self.init(
        index: index, collector: collector, hostname: hostname, certificate: certificate, key: key, token: token,
        tokenExpiresAt: Int64(expiry))
    } catch {
      return nil  // because the caller names the line
    }
  }

  /// Ended by a line feed.
  var line: [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("index", index)
      json.member("collector_id", collector.description)
      json.member("hostname", hostname)
      json.member("certificate", certificate)
      json.member("private_key", key)
      json.member("token", token)
      json.member("token_expires_at", tokenExpiresAt)
    }
    var bytes = json.finish()
    bytes.append("\n")
    return bytes.withUnsafeBytes { Array($0) }
  }

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
