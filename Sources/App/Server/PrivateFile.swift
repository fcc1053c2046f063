// Files of the data directory: small, read whole, replaced whole.

import Glibc

/// Why a file could not be used.
struct FileError: Error, CustomStringConvertible {
  let path: String
  let errno: CInt
  var description: String { "\(path): \(String(cString: strerror(errno)))" }
}

enum PrivateFile {
  /// - Returns: nil if there is no such file.
  static func read(_ path: String, maximumBytes: Int = 1024 * 1024) throws(FileError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 {
      if errno == ENOENT { return nil }
      throw FileError(path: path, errno: errno)
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(path: path, errno: errno)
      }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[0..<count])
      if bytes.count > maximumBytes { throw FileError(path: path, errno: EFBIG) }
    }
  }

  /// Replaces the file in one step, durably: a reader sees the old content or the new, also after a crash.
  static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws(FileError) {
    let draft = path + ".new"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    if descriptor < 0 { throw FileError(path: draft, errno: errno) }
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        let failure = FileError(path: draft, errno: errno)
        close(descriptor)
        throw failure
      }
      written += count
    }
    let isDurable = fchmod(descriptor, mode) == 0 && fsync(descriptor) == 0
    let failure = errno
    close(descriptor)
    if !isDurable { throw FileError(path: draft, errno: failure) }
    if rename(draft, path) != 0 { throw FileError(path: path, errno: errno) }
  }

  /// Removes the file; one that is not there is removed already.
  static func remove(_ path: String) throws(FileError) {
    if unlink(path) != 0, errno != ENOENT { throw FileError(path: path, errno: errno) }
  }

  /// Runs `body` while no other process, nor another task of this one, is in here for `directory` (flock(2)).
  static func locked<Value>(_ directory: String, _ body: () throws -> Value) throws -> Value {
    let path = directory + "/.lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    if descriptor < 0 { throw FileError(path: path, errno: errno) }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 {
      if errno != EINTR { throw FileError(path: path, errno: errno) }
    }
    return try body()
  }

  /// Makes a directory that only we can enter, and its parents; one that exists is left as it is.
  static func makeDirectory(_ path: String) throws(FileError) {
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try makeDirectory(String(path[..<slash]))
      if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    }
    throw FileError(path: path, errno: errno)
  }

  /// `path` from the root, without symbolic links; the file must exist.
  static func absolute(_ path: String) throws(FileError) -> String {
    guard let resolved = realpath(path, nil) else { throw FileError(path: path, errno: errno) }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
