// The places of the private cluster's files, and the user it runs as.
//
//   DIR/postgres.lock      held by the one server that uses DIR
//   DIR/postgres.path      only if the cluster is elsewhere: the path of its home
//   DIR/postgres.socket    only if the home's path is unusable for a socket: the path of the socket's directory
//   HOME (DIR/postgres)    postgresql.conf, pg_hba.conf, pg_ident.conf, which this program writes at every start
//     cluster/ log/ socket/  owned by the database user, mode 0700
//
// PostgreSQL refuses to run as root. If root starts this program, the cluster belongs to `postgres` (else `nobody`).
// The program writes its own files beside that user's directories and never inside, where the user could have placed a
// link.

internal import Glibc
internal import Ground

/// What `pganalytics up` reports about the place and the process of the database.
enum EmbeddedPostgresNotice: Equatable, Sendable {
  case runsAs(user: String)
  case keptElsewhere(home: String, dataDirectory: String, user: String)
  /// The home of an earlier data directory, which had the same path and was deleted.
  case leftBehind(home: String)
  case socketElsewhere(directory: String)
  case adopted(processID: Int32)
}

extension EmbeddedPostgresNotice: CustomStringConvertible {
  var description: String {
    switch self {
    case .runsAs(let user):
      "PostgreSQL refuses to run as root: the private database runs as the system user \(user)."
    case .keptElsewhere(let home, let dataDirectory, let user):
      "User \(user) can't enter \(dataDirectory): the database is kept in \(home) (noted in postgres.path)."
    case .leftBehind(let home):
      "\(home) holds the database of an earlier data directory of this name; it is not used, delete it at will."
    case .socketElsewhere(let directory):
      "The path of the data directory is too long for a socket, or has a comma, at which libpq splits: "
        + "the socket lies in \(directory) (noted in postgres.socket)."
    case .adopted(let processID):
      "PostgreSQL was still running (process \(processID)) and is used as it is."
    }
  }
}

/// The paths of a private cluster.
struct ClusterLayout: Sendable {
  let dataDirectory: String
  let home: String
  let socketDirectory: String
  let owner: SystemUser
  /// Whether this process is root and `owner` is another user.
  let isForeign: Bool

  var cluster: String { home + "/cluster" }
  var log: String { home + "/log" }
  /// The postmaster's output before its own logging starts.
  var output: String { home + "/postgres.out" }
  /// The owner must be able to read the program's files; they contain no secrets.
  var fileMode: mode_t { isForeign ? 0o644 : 0o600 }

  /// The longest socket path that is used; sockaddr_un(7) has room for 107 bytes.
  static let maximumSocketPathBytes = 100
  static let socketName = ".s.PGSQL.5432"

  /// Finds the layout of a data directory, or makes it.
  /// - Parameters:
  ///   - dataDirectory: an absolute, existing path without links. The caller holds its lock.
  ///   - relocationRoot: where the home is made if the database user can't enter the data directory.
  ///   - socketRoot: where the socket's directory is made if the home's path is too long or has a comma.
  static func prepare(
    dataDirectory: String, relocationRoot: String, socketRoot: String, notices: inout [EmbeddedPostgresNotice]
  ) throws(EmbeddedPostgresError) -> ClusterLayout {
    let selfUser = try SystemUser(userID: geteuid())
    let record = dataDirectory + "/postgres.path"
    var home = recordedPath(record) ?? dataDirectory + "/postgres"
    let owner = try owner(of: home + "/cluster", or: selfUser)
    let isForeign = owner != selfUser
    if isForeign { notices.append(.runsAs(user: owner.name)) }
    let homeMode: mode_t = isForeign ? 0o711 : 0o700

    if home == dataDirectory + "/postgres" {
      let isNew = !LocalFile.exists(home)
      try makeDirectory(home, mode: homeMode)
      if isForeign, !canEnter(home, as: owner) {
        if isNew { _ = rmdir(home) }
        home = unusedHome(in: relocationRoot, for: dataDirectory, notices: &notices)
        try makeDirectory(home, mode: homeMode)
        try note(home, in: record)
      }
    }
    if home != dataDirectory + "/postgres" {
      notices.append(.keptElsewhere(home: home, dataDirectory: dataDirectory, user: owner.name))
    }
    try makeOwned(home + "/log", owner, isForeign)
    let socketDirectory = try socketDirectory(
      home: home, record: dataDirectory + "/postgres.socket", root: socketRoot, owner, isForeign, notices: &notices)
    return ClusterLayout(
      dataDirectory: dataDirectory, home: home, socketDirectory: socketDirectory, owner: owner, isForeign: isForeign)
  }

  /// Makes a directory with mode 0700 that the database user owns.
  static func makeOwned(_ path: String, _ owner: SystemUser, _ isForeign: Bool) throws(EmbeddedPostgresError) {
    if LocalFile.exists(path) { return }
    try makeDirectory(path, mode: 0o700)
    if isForeign { try give(path, to: owner) }
  }

  /// A path of the layout is entered by the database user, so its parents are open to all.
  static func makeDirectory(_ path: String, mode: mode_t) throws(EmbeddedPostgresError) {
    try EmbeddedPostgresError.wrapping { () throws(FileError) in
      try LocalDirectory.make(path, mode: mode, parentMode: 0o755)
    }
  }

  private static func give(_ path: String, to user: SystemUser) throws(EmbeddedPostgresError) {
    try EmbeddedPostgresError.wrapping { () throws(FileError) in
      try LocalFile.changeOwner(path, userID: user.userID, groupID: user.groupID)
    }
  }

  /// Writes down where a part of the cluster went: see `recordedPath`.
  private static func note(_ path: String, in record: String) throws(EmbeddedPostgresError) {
    try EmbeddedPostgresError.wrapping { () throws(FileError) in
      try LocalFile.replace(record, with: Array((path + "\n").utf8))
    }
  }

  /// The owner of an existing cluster. A new cluster belongs to this process's user, or to an unprivileged user if that
  /// is root.
  private static func owner(
    of cluster: String, or selfUser: SystemUser
  ) throws(EmbeddedPostgresError) -> SystemUser {
    if let status = FileStatus(of: cluster) {
      if status.userID == selfUser.userID { return selfUser }
      guard selfUser.userID == 0 else { throw .clusterBelongsToAnother(path: cluster, userID: status.userID) }
      return try SystemUser(userID: status.userID)
    }
    if selfUser.userID != 0 { return selfUser }
    guard let user = SystemUser(named: "postgres") ?? SystemUser(named: "nobody") else { throw .noUnprivilegedUser }
    return user
  }

  /// Lets the kernel check whether the user can enter the directory, so that modes, access lists and mounts all count.
  private static func canEnter(_ path: String, as user: SystemUser) -> Bool {
    do throws(EmbeddedPostgresError) {
      try Command("/usr/bin/test", ["-x", path]).running(as: user).run(limit: .seconds(10))
      return true
    } catch {
      return false
    }
  }

  /// A path for a new home. A data directory without a record may have had a predecessor whose cluster still exists.
  /// That cluster must not be used: it has other users and certificates than this data directory.
  private static func unusedHome(
    in root: String, for dataDirectory: String, notices: inout [EmbeddedPostgresNotice]
  ) -> String {
    // FNV-1a: it makes names distinguishable for people and protects nothing.
    let hash = dataDirectory.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    let first = root + "/" + String(hash >> 16, radix: 16)
    var home = first
    var number = 1
    while LocalFile.exists(home) {
      notices.append(.leftBehind(home: home))
      number += 1
      home = "\(first)-\(number)"
    }
    return home
  }

  private static func socketDirectory(
    home: String, record: String, root: String, _ owner: SystemUser, _ isForeign: Bool,
    notices: inout [EmbeddedPostgresNotice]
  ) throws(EmbeddedPostgresError) -> String {
    let near = home + "/socket"
    // libpq takes a comma for the end of a host and has no way to quote it.
    if "\(near)/\(socketName)".utf8.count <= maximumSocketPathBytes, !near.contains(",") {
      try makeOwned(near, owner, isForeign)
      return near
    }
    var far = recordedPath(record)
    // In a world-writable directory, only a directory that belongs to the owner alone can be the one that this program
    // made.
    if let path = far {
      let status = FileStatus(of: path)
      if status?.isDirectory != true || status?.userID != owner.userID || status?.permissions != 0o700 { far = nil }
    }
    if far == nil {
      let made = try EmbeddedPostgresError.wrapping { () throws(FileError) in
        try LocalDirectory.makeUnique(prefix: root + "/pganalytics-")
      }
      if isForeign { try give(made, to: owner) }
      try note(made, in: record)
      far = made
    }
    notices.append(.socketElsewhere(directory: far!))
    return far!
  }

  private static func recordedPath(_ record: String) -> String? {
    guard let text = LocalFile.tail(of: record, limit: Int(PATH_MAX)) else { return nil }
    let path = text.prefix { $0 != "\n" }
    return path.hasPrefix("/") ? String(path) : nil
  }
}
