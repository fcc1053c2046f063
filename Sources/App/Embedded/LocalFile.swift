// The file system calls of the private PostgreSQL, each an error with call, path and errno when it fails.
// All of it runs at start and stop, on the caller's thread, never on a loop.

internal import Glibc

enum LocalFile {
  /// What lstat(2) says: a symbolic link is seen as itself.
  struct Status {
    let userID: uid_t
    let permissions: mode_t
    let isDirectory: Bool
  }

  static func message(of errno: Int32) -> String {
    var text = [CChar](repeating: 0, count: 128)
    guard strerror_r(errno, &text, text.count) == 0 else { return "error \(errno)" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// - Returns: nil if nothing is there, or nothing we may look at.
  static func status(of path: String) -> Status? {
    var facts = stat()
    guard lstat(path, &facts) == 0 else { return nil }
    return Status(
      userID: facts.st_uid, permissions: facts.st_mode & 0o7777, isDirectory: facts.st_mode & S_IFMT == S_IFDIR)
  }

  static func exists(_ path: String) -> Bool { status(of: path) != nil }

  static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

  /// Makes `path` with `mode` whatever the umask says, and its missing parents with 0755; what exists stays as it is.
  static func makeDirectory(_ path: String, mode: mode_t) throws(EmbeddedPostgresError) {
    if let status = status(of: path), status.isDirectory { return }
    if access(path, F_OK) == 0 { return }  // a symbolic link to a directory
    let parent = parent(of: path)
    if parent != path { try makeDirectory(parent, mode: 0o755) }
    try check("mkdir", path, mkdir(path, mode))
    try check("chmod", path, chmod(path, mode))
  }

  /// A new directory with mode 0700 and an unpredictable name that begins with `prefix`.
  static func makeUniqueDirectory(prefix: String) throws(EmbeddedPostgresError) -> String {
    var template = Array((prefix + "XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw .systemCall("mkdtemp", path: prefix, errno: errno) }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Never follows a link.
  static func changeOwner(_ path: String, to user: SystemUser) throws(EmbeddedPostgresError) {
    try check("lchown", path, lchown(path, user.userID, user.groupID))
  }

  static func rename(_ old: String, to new: String) throws(EmbeddedPostgresError) {
    try check("rename", old, Glibc.rename(old, new))
  }

  static func remove(_ path: String) throws(EmbeddedPostgresError) {
    try check("unlink", path, unlink(path))
  }

  /// The absolute path without links.
  static func resolve(_ path: String) throws(EmbeddedPostgresError) -> String {
    guard let resolved = realpath(path, nil) else { throw .systemCall("realpath", path: path, errno: errno) }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  static func linkTarget(_ path: String) -> String? {
    var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = target.withUnsafeMutableBytes { readlink(path, $0.baseAddress!, $0.count) }
    return count > 0 ? String(decoding: target.prefix(count), as: UTF8.self) : nil
  }

  /// The names in a directory, without `.` and `..`; empty if it can't be read.
  static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Bytes an unprivileged user may still write to the file system that holds `path`.
  static func freeBytes(at path: String) -> Int {
    var facts = statvfs()
    guard statvfs(path, &facts) == 0 else { return 0 }
    return Int(clamping: UInt64(facts.f_bavail) * UInt64(facts.f_frsize))
  }

  static func open(_ path: String, _ flags: Int32, mode: mode_t = 0) throws(EmbeddedPostgresError) -> OwnedDescriptor {
    let raw = Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW, mode)
    guard raw >= 0 else { throw .systemCall("open", path: path, errno: errno) }
    return OwnedDescriptor(owning: raw)
  }

  /// The last `limit` bytes of a file as text; nil if it can't be opened.
  static func tail(of path: String, limit: Int) -> String? {
    let raw = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard raw >= 0 else { return nil }
    let descriptor = OwnedDescriptor(owning: raw)
    let size = lseek(descriptor.raw, 0, SEEK_END)  // -1 in /proc, 0 in /sys: both are read from their start
    if size >= 0, lseek(descriptor.raw, max(0, size - off_t(limit)), SEEK_SET) < 0 { return nil }
    var bytes = [UInt8](repeating: 0, count: limit)
    var filled = 0
    while filled < limit {
      let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor.raw, $0.baseAddress! + filled, limit - filled) }
      if count <= 0 { break }
      filled += count
    }
    return String(decoding: bytes.prefix(filled), as: UTF8.self)
  }

  /// Replaces `path` as a whole: a reader sees the old text or the new, never a part, and a link is not followed.
  static func replace(_ path: String, with text: String, mode: mode_t) throws(EmbeddedPostgresError) {
    let fresh = path + ".new"
    _ = unlink(fresh)  // left by a crash; a second writer is kept out by the data directory's lock
    let descriptor = try open(fresh, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor.raw, $0.baseAddress! + written, bytes.count - written)
      }
      guard count > 0 else { throw .systemCall("write", path: fresh, errno: errno) }
      written += count
    }
    try check("fchmod", fresh, fchmod(descriptor.raw, mode))
    try check("fsync", fresh, fsync(descriptor.raw))
    try rename(fresh, to: path)
  }

  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func check(_ call: String, _ path: String, _ result: CInt) throws(EmbeddedPostgresError) {
    if result != 0 { throw .systemCall(call, path: path, errno: errno) }
  }
}
