// The certificate authority in the data directory. Which part an authority plays follows from whose key lies where:
//
//   ca.crt            every authority whose certificates are trusted, the oldest first; what clients are given to trust
//   ca.key            signs collectors' certificates
//   ca-next.key       of one that is trusted already and signs nothing yet, while it is being introduced
//   ca-previous.key   of the one before, while certificates of it are about: it still signs the server's certificate
//
// Each step of a rotation is a file at a time, in an order in which what a server finds half-way is good as well.

import Ground
import Protocol

/// The content of the files.
struct AuthorityFiles: Equatable, Sendable {
  enum Name: String, CaseIterable, Sendable {
    case certificates = "ca.crt"
    case key = "ca.key"
    case nextKey = "ca-next.key"
    case previousKey = "ca-previous.key"

    func path(in directory: String) -> String { directory + "/" + rawValue }
  }

  var certificates: [UInt8]
  var key: [UInt8]
  var nextKey: [UInt8]?
  var previousKey: [UInt8]?

  /// - Returns: nil if there is no authority yet.
  static func read(_ directory: String) throws -> AuthorityFiles? {
    func bytes(_ name: Name) throws(FileError) -> [UInt8]? { try LocalFile.read(name.path(in: directory)) }
    let (certificates, key) = (try bytes(.certificates), try bytes(.key))
    guard let certificates, let key else {
      if certificates == nil, key == nil { return nil }
      let (there, missing): (Name, Name) = key == nil ? (.certificates, .key) : (.key, .certificates)
      throw Authority.Unusable(
        description: "\(there.path(in: directory)) is there but \(missing.path(in: directory)) is not")
    }
    return AuthorityFiles(
      certificates: certificates, key: key, nextKey: try bytes(.nextKey), previousKey: try bytes(.previousKey))
  }

  static func write(_ bytes: [UInt8], to name: Name, in directory: String) throws(FileError) {
    try LocalFile.replace(name.path(in: directory), with: bytes, mode: name == .certificates ? 0o644 : 0o600)
  }
}
