// Makes, reads and locks directories of this machine. All calls block.

package import Glibc

package enum LocalDirectory {
  /// Makes a directory with `mode`, regardless of the umask, and its missing parents. A directory that exists is not
  /// changed.
  /// - Parameter parentMode: the mode of the parents that are made; nil means `mode`.
  package static func make(_ path: String, mode: mode_t = 0o700, parentMode: mode_t? = nil) throws(FileError) {
    if access(path, F_OK) == 0 { return }  // a link to a directory counts
    let parentMode = parentMode ?? mode
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try make(String(path[..<slash]), mode: parentMode, parentMode: parentMode)
    }
    if mkdir(path, mode) != 0 {
      if errno == EEXIST { return }  // another process has just made it
      throw FileError(call: "mkdir", path: path, errno: errno)
    }
    if chmod(path, mode) != 0 { throw FileError(call: "chmod", path: path, errno: errno) }
  }

  /// Makes a directory with mode 0700 and an unpredictable name.
  /// - Returns: its path, which begins with `prefix`.
  package static func makeUnique(prefix: String) throws(FileError) -> String {
    var template = Array((prefix + "XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw FileError(call: "mkdtemp", path: prefix, errno: errno) }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The names in a directory, without `.` and `..`; empty if the directory cannot be read.
  package static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Removes a file, or a directory with all that is in it. A link is removed and not followed. A missing path is no
  /// error.
  package static func removeTree(_ path: String) throws(FileError) {
    guard let status = FileStatus(of: path) else { return }
    if !status.isDirectory { return try LocalFile.remove(path) }
    for name in names(in: path) { try removeTree(path + "/" + name) }
    if rmdir(path) != 0, errno != ENOENT { throw FileError(call: "rmdir", path: path, errno: errno) }
  }

  /// Runs `body` while it holds the lock of `directory` (flock(2)). Only one process, and one task of it, holds the
  /// lock at a time.
  package static func locked<Value>(_ directory: String, _ body: () throws -> Value) throws -> Value {
    let path = directory + "/.lock"
    let descriptor = try LocalFile.open(path, O_RDWR | O_CREAT)
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 {
      if errno != EINTR { throw FileError(call: "flock", path: path, errno: errno) }
    }
    return try body()
  }
}
