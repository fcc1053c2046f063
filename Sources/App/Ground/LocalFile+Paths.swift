// Questions to the file system about a path, and the owner of a file.

package import Glibc

extension LocalFile {
  /// Whether there is an entry at `path`. A link counts, even if its target is missing.
  package static func exists(_ path: String) -> Bool { FileStatus(of: path) != nil }

  package static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

  /// The number of bytes of a file. A link is not followed.
  package static func bytes(of path: String) throws(FileError) -> Int64 {
    var facts = stat()
    if lstat(path, &facts) != 0 { throw FileError(call: "lstat", path: path, errno: errno) }
    return Int64(facts.st_size)
  }

  /// Changes the owner and group of an entry. A link is not followed.
  package static func changeOwner(_ path: String, userID: uid_t, groupID: gid_t) throws(FileError) {
    if lchown(path, userID, groupID) != 0 { throw FileError(call: "lchown", path: path, errno: errno) }
  }

  /// The absolute path without links. The file must exist.
  package static func resolve(_ path: String) throws(FileError) -> String {
    guard let resolved = realpath(path, nil) else { throw FileError(call: "realpath", path: path, errno: errno) }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// The target of a symbolic link; nil if `path` is no link.
  package static func linkTarget(_ path: String) -> String? {
    var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = target.withUnsafeMutableBytes { readlink(path, $0.baseAddress!, $0.count) }
    return count > 0 ? String(decoding: target.prefix(count), as: UTF8.self) : nil
  }

  /// The number of bytes that an unprivileged user may still write to the file system of `path`; 0 if it cannot be
  /// read.
  package static func freeBytes(at path: String) -> Int {
    var facts = statvfs()
    guard statvfs(path, &facts) == 0 else { return 0 }
    return Int(clamping: UInt64(facts.f_bavail) * UInt64(facts.f_frsize))
  }
}
