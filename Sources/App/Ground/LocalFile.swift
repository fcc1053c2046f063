// Reading and writing files of this machine by plain system calls. All calls block: they are made at start and stop, by
// tasks and by commands, never on a loop.

package import Glibc

package enum LocalFile {
  /// The whole content of a file. Links are followed.
  /// - Returns: nil if there is no such file.
  /// - Throws: EFBIG for more than `maximumBytes`; whatever else the kernel says.
  package static func read(_ path: String, maximumBytes: Int = 1024 * 1024) throws(FileError) -> [UInt8]? {
    let descriptor: CInt
    do throws(FileError) {
      descriptor = try open(path, O_RDONLY)
    } catch {
      if error.errno == ENOENT { return nil }
      throw error
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(call: "read", path: path, errno: errno)
      }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[0..<count])
      if bytes.count > maximumBytes { throw FileError(call: "read", path: path, errno: EFBIG) }
    }
  }

  /// As `read`, but a file that is missing is an error like any other.
  package static func require(_ path: String, maximumBytes: Int = .max) throws(FileError) -> [UInt8] {
    guard let bytes = try read(path, maximumBytes: maximumBytes) else {
      throw FileError(call: "open", path: path, errno: ENOENT)
    }
    return bytes
  }

  /// The last `limit` bytes of a file as text; nil if it can't be opened. A link is not followed.
  package static func tail(of path: String, limit: Int) -> String? {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let size = lseek(descriptor, 0, SEEK_END)  // -1 in /proc, 0 in /sys: both are read from their start
    if size >= 0, lseek(descriptor, max(0, size - off_t(limit)), SEEK_SET) < 0 { return nil }
    var bytes = [UInt8](repeating: 0, count: limit)
    var filled = 0
    while filled < limit {
      let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + filled, limit - filled) }
      if count <= 0 { break }
      filled += count
    }
    return String(decoding: bytes.prefix(filled), as: UTF8.self)
  }

  /// Replaces a file in one step, durably: a reader sees the old content or the new, also after a crash. A link at `path`
  /// is replaced, not followed. Two writers of one file exclude each other by `locked`, or by a lock of their own.
  /// - Parameter mode: permission bits of the new file, whatever the umask says.
  package static func replace(_ path: String, with bytes: [UInt8], mode: mode_t = 0o600) throws(FileError) {
    let draft = path + ".new"
    _ = unlink(draft)  // left by a crash
    let descriptor = try open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
    defer { close(descriptor) }
    try append(bytes[...], to: descriptor, path: draft)
    if fchmod(descriptor, mode) != 0 { throw FileError(call: "fchmod", path: draft, errno: errno) }
    if fsync(descriptor) != 0 { throw FileError(call: "fsync", path: draft, errno: errno) }
    try rename(draft, to: path)
  }

  /// Empties a file, or makes it, and writes it in place: for what may be a pipe or a terminal. Links are followed.
  package static func overwrite(_ path: String, with bytes: [UInt8]) throws(FileError) {
    let descriptor = try open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    defer { close(descriptor) }
    try append(bytes[...], to: descriptor, path: path)
  }

  /// Writes all of `bytes` to an open file.
  /// - Parameter path: of that file, for the error.
  package static func append(_ bytes: ArraySlice<UInt8>, to descriptor: CInt, path: String) throws(FileError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(call: "write", path: path, errno: errno)
      }
      rest = rest.dropFirst(count)
    }
  }

  /// Opens a file; a program that this process starts does not inherit it.
  /// - Parameters: `flags` as of open(2); `mode` of a file that is made.
  /// - Returns: a descriptor. The caller owns it, and closes it.
  package static func open(_ path: String, _ flags: CInt, mode: mode_t = 0o600) throws(FileError) -> CInt {
    let descriptor = Glibc.open(path, flags | O_CLOEXEC, mode)
    if descriptor < 0 { throw FileError(call: "open", path: path, errno: errno) }
    return descriptor
  }

  /// Removes the file; one that is not there is removed already.
  package static func remove(_ path: String) throws(FileError) {
    if unlink(path) != 0, errno != ENOENT { throw FileError(call: "unlink", path: path, errno: errno) }
  }

  package static func rename(_ old: String, to new: String) throws(FileError) {
    if Glibc.rename(old, new) != 0 { throw FileError(call: "rename", path: new, errno: errno) }
  }
}
