// The certificate authority in the data directory. The file of its key decides the role of an authority:
//
//   ca.crt            every trusted authority, the oldest first; clients get this file to trust
//   ca.key            signs the certificates of collectors
//   ca-next.key       key of the next authority: trusted already, signs nothing yet
//   ca-previous.key   key of the previous authority while its certificates are in use: signs the server's certificate
//
// Each step of a rotation changes one file at a time. The order ensures that a server which reads the files in between
// finds a valid state.

import Ground
import Protocol

/// The contents of the files.
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

  /// Reads the files. - Returns: nil if there is no authority yet.
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
