// The directory of one backup:
//
//   manifest.json    written last; a directory without it is no complete backup
//   unfinished       there while the backup is made; the process that makes it holds a lock on the file
//   database/        the dump, in pg_dump's directory format
//   data/            files of the data directory
//   channels/        files of channel_directory
//   settings.toml    the settings file, if the command was given one
//
// Only the owner may enter the directory, because it holds private keys.

import Glibc
import Ground
import Protocol
import Reactor

/// The files of a backup.
struct BackupDirectory: Sendable {
  static let settingsFile = "settings.toml"
  static let markFile = "unfinished"
  private static let parts = ["database", "data", "channels", settingsFile, markFile]
  /// Files are read in parts of this size.
  private static let chunkBytes = 1 << 20

  enum State: Equatable {
    case missing
    case empty
    case unfinished
    case complete
    /// It has other files.
    case foreign
  }

  let path: String

  var database: String { path + "/database" }
  var manifestFile: String { path + "/" + BackupManifest.fileName }
  private var mark: String { path + "/" + Self.markFile }

  /// - Parameter path: made absolute, because programs that this one starts work in another directory.
  init(_ path: String, workingDirectory: String) {
    var absolute = path.hasPrefix("/") ? path : workingDirectory + "/" + path
    while absolute.count > 1, absolute.hasSuffix("/") { absolute.removeLast() }
    self.path = absolute
  }

  var state: State {
    guard LocalFile.exists(path) else { return .missing }
    if FileStatus(of: path, followingLinks: true)?.isDirectory != true { return .foreign }
    if LocalFile.exists(manifestFile) { return .complete }
    if LocalFile.exists(mark) { return .unfinished }
    return LocalDirectory.names(in: path).isEmpty ? .empty : .foreign
  }

  // MARK: - Making

  /// Makes the directory, or empties it if an earlier backup was not finished in it.
  /// - Returns: the mark, which stays locked as long as the descriptor is open. The caller keeps it to the end.
  /// - Throws: a `BackupFailure` if the directory has something else, or another process works in it.
  func begin() throws -> FileDescriptor {
    switch state {
    case .missing, .empty, .unfinished: break
    case .complete: throw BackupFailure("\(path) has a complete backup. Name another directory, or remove this one.")
    case .foreign: throw BackupFailure("\(path) is neither empty nor a backup. Name another directory.")
    }
    try LocalDirectory.make(path, mode: 0o700, parentMode: 0o755)
    if chmod(path, 0o700) != 0 { throw FileError(call: "chmod", path: path, errno: errno) }
    let descriptor = FileDescriptor(owning: try LocalFile.open(mark, O_RDWR | O_CREAT | O_NOFOLLOW))
    if flock(descriptor.raw, LOCK_EX | LOCK_NB) != 0 {
      if errno == EWOULDBLOCK { throw BackupFailure("Another process makes a backup in \(path) now.") }
      throw FileError(call: "flock", path: mark, errno: errno)
    }
    for name in Self.parts where name != Self.markFile { try LocalDirectory.removeTree("\(path)/\(name)") }
    return descriptor
  }

  /// Copies a file into the backup. - Returns: false if there is no such file.
  func copy(_ source: String, to name: String) throws(FileError) -> Bool {
    guard let bytes = try LocalFile.read(source, maximumBytes: Self.chunkBytes) else { return false }
    let target = "\(path)/\(name)"
    try LocalDirectory.make(String(target[..<target.lastIndex(of: "/")!]))
    try LocalFile.replace(target, with: bytes)
    return true
  }

  /// Reads all files, and writes the manifest. The backup is complete from then on.
  func seal(
    _ database: BackedUpDatabase, madeAt: Timestamp, _ report: (BackupProgress) throws -> Void
  ) throws -> BackupManifest {
    let names = Self.parts.filter { $0 != Self.markFile }.flatMap(files).sorted()
    let sizes = try names.map { try LocalFile.bytes(of: "\(path)/\($0)") }
    let total = max(sizes.reduce(0, +), 1)
    var done: Int64 = 0
    let files = try zip(names, sizes).map { name, size in
      try report(.part(Double(done) / Double(total), name))
      let (sha256, bytes) = try digest(of: name)
      done += size
      return BackupManifest.File(path: name, bytes: bytes, sha256: sha256)
    }
    let manifest = BackupManifest(program: Version.text, madeAt: madeAt, database: database, files: files)
    try LocalFile.replace(manifestFile, with: manifest.encoded())
    try LocalFile.remove(mark)
    return manifest
  }

  /// The names of a file, or of the files of a directory and the directories in it, relative to the backup.
  private func files(_ name: String) -> [String] {
    guard let status = FileStatus(of: "\(path)/\(name)") else { return [] }
    if !status.isDirectory { return [name] }
    return LocalDirectory.names(in: "\(path)/\(name)").flatMap { files("\(name)/\($0)") }
  }

  // MARK: - Reading

  /// Reads the manifest. - Throws: a `BackupFailure` unless this is a complete backup that this program can read.
  func manifest() throws -> BackupManifest {
    switch state {
    case .missing: throw BackupFailure("There is no directory \(path).")
    case .empty, .foreign: throw BackupFailure("\(path) is no backup: it has no \(BackupManifest.fileName).")
    case .unfinished:
      throw BackupFailure("The backup in \(path) was not finished, and cannot be restored. Use another one.")
    case .complete: break
    }
    let bytes = try LocalFile.require(manifestFile)
    do throws(BackupManifest.Fault) {
      return try BackupManifest(bytes)
    } catch {
      switch error {
      case .damaged: throw BackupFailure("\(manifestFile) is damaged. Use another backup.")
      case .newer(let format):
        throw BackupFailure(
          "\(path) has the format \(format) of a newer program; this one reads \(BackupManifest.format).")
      }
    }
  }

  /// Compares all files with the manifest. - Throws: a `BackupFailure` that names the first file that differs.
  func verify(_ manifest: BackupManifest, _ report: (BackupProgress) throws -> Void) throws {
    var done: Int64 = 0
    for file in manifest.files {
      try report(.part(Double(done) / Double(max(manifest.bytes, 1)), file.path))
      // A path that leads elsewhere would be no part of this backup.
      if file.path.hasPrefix("/") || file.path.split(separator: "/").contains("..") {
        throw BackupFailure("\(manifestFile) names a file outside of the backup: \(file.path).")
      }
      guard LocalFile.exists("\(path)/\(file.path)") else {
        throw BackupFailure("The backup is damaged: \(path)/\(file.path) is missing. Use another backup.")
      }
      let (sha256, bytes) = try digest(of: file.path)
      if bytes != file.bytes || sha256 != file.sha256 {
        throw BackupFailure(
          "The backup is damaged: \(path)/\(file.path) is not the file that was written. Use another backup.")
      }
      done += bytes
    }
  }

  /// The SHA-256 of a file of the backup, and the number of its bytes.
  private func digest(of name: String) throws -> (sha256: String, bytes: Int64) {
    let file = "\(path)/\(name)"
    let descriptor = FileDescriptor(owning: try LocalFile.open(file, O_RDONLY | O_NOFOLLOW))
    var digest = Digest()
    var count: Int64 = 0
    var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
    while true {
      let part = chunk.withUnsafeMutableBytes { Glibc.read(descriptor.raw, $0.baseAddress, $0.count) }
      if part < 0, errno == EINTR { continue }
      if part < 0 { throw FileError(call: "read", path: file, errno: errno) }
      if part == 0 { return (Hex.encode(digest.finish()), count) }
      digest.update(chunk.span.extracting(0..<part))
      count += Int64(part)
    }
  }
}
