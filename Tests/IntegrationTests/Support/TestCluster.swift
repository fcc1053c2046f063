// A private PostgreSQL for the tests: a data directory and a unix socket, and no network. A shell holds the other end
// of a pipe and removes everything when this process ends, however it ends.

import Glibc
import Synchronization

@testable import App

final class TestCluster: Sendable {
  struct Unusable: Error, CustomStringConvertible {
    let description: String
  }

  /// One cluster for the whole test process.
  static let shared: Result<TestCluster, any Error> = Result { try TestCluster() }

  /// The storage kinds that the suites run on. TimescaleDB is included where it is installed.
  static var storageKinds: [StorageKind] {
    switch shared {
    case .success(let cluster): cluster.hasTimescale ? [.plain, .timescale] : [.plain]
    case .failure: [.plain]  // the next suite that uses the cluster reports why there is none
    }
  }

  let directory: String
  let hasTimescale: Bool
  private let binaries: String
  /// The prefix that makes a command run as the cluster's owner.
  let user: [String]
  private let options: String
  private let databases = Atomic<Int>(0)

  /// - Parameters:
  ///   - fsync: true for tests of durability; else nothing waits for the disk.
  ///   - settings: further lines of postgresql.conf, `name=value`.
  init(fsync: Bool = false, settings: [String] = []) throws {
    binaries = try Self.findBinaries()
    directory = try Self.makeDirectory()
    user = try Self.unprivileged(directory)
    let log = directory + "/setup.log"
    try ChildProcess.run([binaries + "/pg_config", "--sharedir"], output: log)
    let share = ChildProcess.text(of: log).split(separator: "\n").last.map(String.init) ?? ""
    hasTimescale = access(share + "/extension/timescaledb.control", R_OK) == 0
    var lines = ["listen_addresses=''", "unix_socket_directories='\(directory)'", "max_connections=3000"] + settings
    if !fsync { lines += ["fsync=off", "full_page_writes=off"] }
    if hasTimescale { lines += ["shared_preload_libraries=timescaledb", "timescaledb.telemetry_level=off"] }
    options = lines.map { "-c " + $0 }.joined(separator: " ")
    print(
      "TestCluster: \(binaries); TimescaleDB is \(hasTimescale ? "there: suites run on both" : "NOT there: plain only")"
    )
    try run(
      "initdb", "-D", directory + "/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    try guardLife()
    try start()
  }

  /// Starts the server and waits until it accepts connections.
  /// - Parameter asStandby: starts a standby without a primary. It is read only until it is promoted.
  func start(asStandby: Bool = false) throws {
    if asStandby { try write("standby.signal") }
    try run("pg_ctl", "-D", directory + "/data", "-w", "-l", directory + "/server.log", "-o", options, "start")
  }

  /// Stops the server. - Parameter crash: stops as after a power failure. The server recovers at its next start.
  func stop(crash: Bool) throws {
    try run("pg_ctl", "-D", directory + "/data", "-w", "-m", crash ? "immediate" : "fast", "stop")
  }

  /// Writes an empty file into the data directory.
  func write(_ name: String) throws {
    let path = directory + "/data/" + name
    guard let file = fopen(path, "w") else { throw Unusable(description: "\(path): errno \(errno)") }
    fclose(file)
    chmod(path, 0o666)
  }

  /// Promotes the standby.
  func promote() throws { try run("pg_ctl", "-D", directory + "/data", "-w", "promote") }

  private var lockFile: String { directory + "/data/postmaster.pid" }

  /// The postmaster and its current children.
  private func processes() throws -> [pid_t] {
    let first = ChildProcess.text(of: lockFile).split(separator: "\n").first
    guard let postmaster = first.flatMap({ pid_t($0) }), postmaster > 1 else {
      throw Unusable(description: "there is no postmaster")
    }
    let children = ChildProcess.text(of: "/proc/\(postmaster)/task/\(postmaster)/children")
    return [postmaster] + children.split(separator: " ").compactMap { pid_t($0) }
  }

  /// Stops all processes of the server with SIGSTOP, the postmaster first, or lets them go on.
  func freeze(_ isFrozen: Bool) throws {
    for pid in try processes() { _ = Glibc.kill(pid, isFrozen ? SIGSTOP : SIGCONT) }
  }

  /// Kills all processes of the server with signal 9.
  func kill() throws {
    let file = lockFile
    let processes = try processes()
    for pid in processes { _ = Glibc.kill(pid, SIGKILL) }
    // A new server refuses to start while an old process still ends, because its shared memory is in use.
    var looks = 0
    while looks < 1000, processes.contains(where: { Glibc.kill($0, 0) == 0 }) {
      usleep(5000)
      looks += 1
    }
    // Where no process reaps orphans, dead processes keep their numbers. The lock file would seem to belong to a living
    // one.
    unlink(file)
  }

  /// Settings for a connection to `database` of this cluster.
  func settings(database: String, user: String = "postgres") -> DatabaseSettings {
    var settings = DatabaseSettings(
      address: DatabaseAddress(parameters: [
        .init(keyword: "host", value: directory), .init(keyword: "user", value: user),
        .init(keyword: "dbname", value: database),
      ]))
    settings.adminConnections = 2
    return settings
  }

  /// Makes an empty database.
  func makeDatabase() async throws -> DatabaseSettings {
    let name = "test\(databases.add(1, ordering: .relaxed).newValue)"
    let database = try Database.start(settings(database: "postgres"))
    defer { database.shutDown() }
    try await database.script("CREATE DATABASE \(name)")
    return settings(database: name)
  }

  private func run(_ program: String, _ arguments: String...) throws {
    // PostgreSQL reads its working directory, which another user may not be able to enter.
    try ChildProcess.run(
      ["/usr/bin/env", "-C", "/"] + user + [binaries + "/" + program] + arguments, output: directory + "/setup.log")
  }

  /// Lets a shell wait for the end of this process. The pipe's other end closes then, and the shell tidies up.
  private func guardLife() throws {
    var ends: [CInt] = [0, 0]
    guard pipe(&ends) == 0 else { throw Unusable(description: "no pipe: errno \(errno)") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }  // the server must not hold the pipe
    let stop = (["cd", "/;"] + user + [binaries + "/pg_ctl"]).joined(separator: " ")
    _ = try ChildProcess.start(
      ["/bin/sh", "-c", "read _; \(stop) -D \(directory)/data -m immediate -w stop; rm -rf \(directory)"],
      input: ends[0])
    close(ends[0])
    // ends[1] stays open on purpose, as long as the process lives.
  }

  /// The path is short, because the path of a socket has at most 107 bytes.
  private static func makeDirectory() throws -> String {
    var template = Array("/tmp/pga-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Unusable(description: "no directory under /tmp: errno \(errno)") }
    return String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
  }

  /// PostgreSQL does not run as root. Root gives the directory to another user, and commands run as that user.
  /// - Returns: the prefix of a command.
  private static func unprivileged(_ directory: String) throws -> [String] {
    guard geteuid() == 0 else { return [] }
    for name in ["postgres", "nobody"] {
      guard let account = getpwnam(name) else { continue }
      let (uid, gid) = (account.pointee.pw_uid, account.pointee.pw_gid)
      guard chown(directory, uid, gid) == 0, access("/usr/bin/setpriv", X_OK) == 0 else { continue }
      return ["/usr/bin/setpriv", "--reuid=\(uid)", "--regid=\(gid)", "--clear-groups"]
    }
    throw Unusable(description: "root needs setpriv(1) and a user postgres or nobody to run PostgreSQL as")
  }

  /// The newest server: from PATH, or else from Debian's directories.
  private static func findBinaries() throws -> String {
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    var candidates = path.split(separator: ":").map(String.init)
    candidates += (13...30).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
    for candidate in candidates
    where ["initdb", "pg_ctl", "postgres", "pg_config"].allSatisfy({ access("\(candidate)/\($0)", X_OK) == 0 }) {
      return candidate
    }
    throw Unusable(description: "no PostgreSQL server found in PATH or /usr/lib/postgresql/*/bin; install postgresql")
  }
}
