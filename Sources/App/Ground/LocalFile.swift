// Reads and writes files of this machine. All calls block: only commands, tasks, and the start and stop of the server
// make them, never a loop.

package import Glibc

package enum LocalFile {
  /// Returns the whole content of a file. Links are followed.
  /// - Returns: nil if there is no such file.
  /// - Throws: EFBIG if the file has more than `maximumBytes`, or the error of the kernel.
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

  /// The same as `read`, but a missing file is an error.
  package static func require(_ path: String, maximumBytes: Int = .max) throws(FileError) -> [UInt8] {
    guard let bytes = try read(path, maximumBytes: maximumBytes) else {
      throw FileError(call: "open", path: path, errno: ENOENT)
    }
    return bytes
  }

  /// Returns the last `limit` bytes of a file as text; nil if the file can't be opened. A link is not followed.
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

  /// Replaces a file atomically and durably: a reader sees the old content or the new content, also after a crash. A
  /// link at `path` is replaced and not followed. Two writers of one file need `LocalDirectory.locked` or a lock of
  /// their own.
  /// - Parameter mode: the permission bits of the new file, regardless of the umask.
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

  /// Empties a file, or makes it, and writes it in place. It suits pipes and terminals, which cannot be replaced. Links
  /// are followed.
  package static func overwrite(_ path: String, with bytes: [UInt8]) throws(FileError) {
    let descriptor = try open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    defer { close(descriptor) }
    try append(bytes[...], to: descriptor, path: path)
  }

  /// Writes all of `bytes` to an open file.
  /// - Parameter path: the path of that file, for the error.
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

  /// Opens a file. Programs that this process starts do not inherit the descriptor.
  /// - Parameters: `flags` as in open(2); `mode` for a file that is made.
  /// - Returns: a descriptor. The caller owns it and closes it.
  package static func open(_ path: String, _ flags: CInt, mode: mode_t = 0o600) throws(FileError) -> CInt {
    let descriptor = Glibc.open(path, flags | O_CLOEXEC, mode)
    if descriptor < 0 { throw FileError(call: "open", path: path, errno: errno) }
    return descriptor
  }

  /// Removes a file. A missing file is no error.
  package static func remove(_ path: String) throws(FileError) {
    if unlink(path) != 0, errno != ENOENT { throw FileError(call: "unlink", path: path, errno: errno) }
  }

  /// Renames a file. A file at `new` is replaced.
  package static func rename(_ old: String, to new: String) throws(FileError) {
    if Glibc.rename(old, new) != 0 { throw FileError(call: "rename", path: new, errno: errno) }
  }
}
