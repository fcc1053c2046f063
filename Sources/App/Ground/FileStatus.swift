package import Glibc

/// The owner, the permissions and the type of an entry of the file system.
package struct FileStatus {
  package let userID: uid_t
  package let permissions: mode_t
  package let isDirectory: Bool

  /// - Parameter followsLinks: whether a symbolic link is followed; otherwise the status is that of the link itself.
  /// - Returns: nil if there is no entry, or if the process may not look it up.
  package init?(of path: String, followingLinks followsLinks: Bool = false) {
    var facts = stat()
    guard (followsLinks ? stat(path, &facts) : lstat(path, &facts)) == 0 else { return nil }
    userID = facts.st_uid
    permissions = facts.st_mode & 0o7777
    isDirectory = facts.st_mode & S_IFMT == S_IFDIR
  }
}
