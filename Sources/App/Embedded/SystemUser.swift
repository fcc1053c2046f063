// Users of the system (passwd(5)): this process's user, and the one that PostgreSQL runs as if this process is root.

internal import Glibc

struct SystemUser: Equatable, Sendable {
  let userID: uid_t
  let groupID: gid_t
  let name: String

  /// - Throws: `.userWithoutName`.
  init(userID: uid_t) throws(EmbeddedPostgresError) {
    let found = Self.lookUp { getpwuid_r(userID, $0, $1, $2, $3) }
    guard let found else { throw .userWithoutName(userID: userID) }
    self = found
  }

  /// - Returns: nil if there is no such user.
  init?(named name: String) {
    guard let found = Self.lookUp({ getpwnam_r(name, $0, $1, $2, $3) }) else { return nil }
    self = found
  }

  private init(userID: uid_t, groupID: gid_t, name: String) {
    self.userID = userID
    self.groupID = groupID
    self.name = name
  }

  private typealias LookUp = (
    UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int, UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
  ) -> CInt

  private static func lookUp(_ body: LookUp) -> SystemUser? {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    // Safety: the entry's strings lie in `text` and are copied before it is freed.
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16384) { text in
      guard body(&entry, text.baseAddress!, text.count, &found) == 0, found != nil else { return nil }
      return SystemUser(userID: entry.pw_uid, groupID: entry.pw_gid, name: String(cString: entry.pw_name))
    }
  }
}
