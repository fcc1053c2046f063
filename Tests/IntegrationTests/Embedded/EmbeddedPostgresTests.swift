internal import Glibc
import Ground
import Reactor
import Testing

@testable import App

private let isRoot = geteuid() == 0

@Suite(.serialized, .timeLimit(.minutes(2)))
struct EmbeddedPostgresTests {
  @Test func `the database is durable, reached by its URL over a socket only, and leaves no process`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { _, started in
      #expect(started.isNew)
      for (statement, expected) in [
        ("SELECT current_user || '@' || current_database()", "pganalytics@pganalytics"),
        ("SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user", "false"),
        ("SHOW listen_addresses", ""),
        ("SHOW fsync", "on"),
        ("SHOW synchronous_commit", "on"),
        ("SHOW data_checksums", "on"),
        ("SHOW server_encoding", "UTF8"),
        ("SHOW timezone", "UTC"),
        ("SET lc_messages = 'C'; SHOW lc_messages", "C"),
      ] {
        let found = try DataDirectory.value(of: statement, at: started.databaseURL)
        #expect(found == expected, "\(statement)")
      }
      _ = try DataDirectory.value(of: "CREATE TABLE kept AS SELECT 42 AS answer", at: started.databaseURL)
    }
    try await directory.withDatabase { _, started in
      #expect(!started.isNew)
      let answer = try DataDirectory.value(of: "SELECT answer FROM kept", at: started.databaseURL)
      #expect(answer == "42")
    }
  }

  @Test func `psql accepts the URL unchanged`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { _, started in
      let psql = Command("/usr/bin/psql", ["-XAtc", "SELECT 6 * 7", started.databaseURL])
      let answer = try psql.run(limit: .seconds(30))
      #expect(answer == "42")
    }
  }

  @Test func `a second server on the same data directory is refused`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { _, _ in
      #expect(throws: EmbeddedPostgresError.dataDirectoryInUse(path: directory.path)) {
        try EmbeddedPostgres(directory.settings).start()
      }
    }
  }

  @Test func `a postmaster that was killed comes back with all committed rows`() async throws {
    let directory = try DataDirectory()
    let (events, continuation) = AsyncStream.makeStream(of: EmbeddedPostgresEvent.self)
    let report: @Sendable (EmbeddedPostgresEvent) -> Void = { continuation.yield($0) }
    try await directory.withDatabase(report: report) { database, started in
      _ = try DataDirectory.value(of: "CREATE TABLE kept AS SELECT 42 AS answer", at: started.databaseURL)
      let first = try #require(database.processID)
      try #require(kill(first, SIGKILL) == 0)
      try await Self.awaitRestart(events) { end in #expect(end == .killed(signal: SIGKILL)) }
      #expect(database.processID != first)
      #expect(try DataDirectory.value(of: "SELECT answer FROM kept", at: started.databaseURL) == "42")
    }
  }

  @Test func `the postmaster of a killed server is adopted, restarted and stopped`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { _, _ in }
    let orphan = try Self.startOrphan(in: directory)

    let (events, continuation) = AsyncStream.makeStream(of: EmbeddedPostgresEvent.self)
    let report: @Sendable (EmbeddedPostgresEvent) -> Void = { continuation.yield($0) }
    try await directory.withDatabase(report: report) { database, started in
      #expect(started.notices.contains(.adopted(processID: orphan)))
      try #require(database.processID == orphan)
      try #require(kill(orphan, SIGKILL) == 0)
      try await Self.awaitRestart(events) { end in #expect(end == .unknown) }
      #expect(try DataDirectory.value(of: "SELECT 1", at: started.databaseURL) == "1")
    }

    let second = try Self.startOrphan(in: directory)
    try await directory.withDatabase { database, _ in #expect(database.processID == second) }
  }

  @Test func `a postmaster that does not stop is ended by force within the deadline`() async throws {
    let directory = try DataDirectory()
    let postgres = EmbeddedPostgres(directory.settings)
    let started = try postgres.start()
    _ = try DataDirectory.value(of: "CREATE TABLE kept AS SELECT 42 AS answer", at: started.databaseURL)
    let postmaster = try #require(postgres.processID)
    try #require(kill(postmaster, SIGSTOP) == 0)
    let begun = MonotonicTime.now()
    let outcome = postgres.stop(by: begun + .seconds(2))
    #expect(outcome == .forced)
    #expect(MonotonicTime.now() - begun < .seconds(20), "the usual patience of a minute does not apply")
    #expect(kill(postmaster, 0) != 0)
    try await directory.withDatabase { _, started in
      let answer = try DataDirectory.value(of: "SELECT answer FROM kept", at: started.databaseURL)
      #expect(answer == "42")
    }
  }

  @Test func `the database starts although the lock file names another process of the same user`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { _, _ in }
    let layout = try Self.layout(of: directory)
    var sleep = Command("/usr/bin/sleep", ["600"])
    if layout.isForeign { sleep = sleep.running(as: layout.owner) }
    let bystander = try sleep.start(output: FileDescriptor(owning: try LocalFile.open("/dev/null", O_WRONLY)))
    defer {
      bystander.send(SIGKILL)
      _ = bystander.wait(atMost: nil)
    }
    let lock = layout.cluster + "/postmaster.pid"
    try LocalFile.replace(lock, with: Array("\(bystander.id)\n\(layout.cluster)\n1\n5432\n\n\n".utf8))
    try LocalFile.changeOwner(lock, userID: layout.owner.userID, groupID: layout.owner.groupID)
    try await directory.withDatabase { database, _ in #expect(database.processID != bystander.id) }
  }

  @Test(arguments: [String(repeating: "long/", count: 18) + "data", "comma,data"])
  func `a path that cannot hold a socket has it elsewhere, at the same place each time`(name: String) async throws {
    let directory = try DataDirectory(named: name)
    var sockets: [String] = []
    for _ in 0..<2 {
      try await directory.withDatabase { _, started in
        let notice = started.notices.first { if case .socketElsewhere = $0 { true } else { false } }
        guard case .socketElsewhere(let socket) = try #require(notice) else { return }
        #expect(FileStatus(of: socket)?.permissions == 0o700)
        #expect(try DataDirectory.value(of: "SELECT 1", at: started.databaseURL) == "1")
        sockets.append(socket)
      }
    }
    #expect(sockets.count == 2 && sockets[0] == sockets[1])
    if let socket = sockets.first { #expect(rmdir(socket) == 0, "the socket's directory should be empty") }
  }

  @Test func `a broken cluster fails to start with the reason`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { _, _ in }
    try LocalFile.remove(try Self.layout(of: directory).cluster + "/global/pg_control")
    let error = try #require(throws: EmbeddedPostgresError.self) { try EmbeddedPostgres(directory.settings).start() }
    guard case .postmasterEnded(let end, let log) = error else {
      Issue.record("unexpected: \(error)")
      return
    }
    #expect(end != .exited(code: 0))
    #expect(log.contains("pg_control"))
  }

  @Test(.enabled(if: isRoot, "only root needs another user for PostgreSQL"))
  func `a database that root starts runs as another user, and the data directory stays root's`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { database, started in
      let user = try #require(SystemUser(named: "postgres") ?? SystemUser(named: "nobody"))
      #expect(started.notices == [.runsAs(user: user.name)])
      let processID = try #require(database.processID)
      #expect(FileStatus(of: "/proc/\(processID)")?.userID == user.userID)
      #expect(FileStatus(of: directory.path)?.userID == 0)
      #expect(FileStatus(of: directory.path + "/postgres/cluster")?.userID == user.userID)
    }
  }

  @Test(.enabled(if: isRoot, "only root's database may have to move"))
  func `a database that root starts in a closed directory keeps its cluster elsewhere`() async throws {
    let directory = try DataDirectory()
    try LocalDirectory.make(directory.path, mode: 0o700)
    var homes: [String] = []
    for isFirst in [true, false] {
      try await directory.withDatabase { _, started in
        #expect(started.isNew == isFirst)
        let home = try #require(
          LocalFile.tail(of: directory.path + "/postgres.path", limit: 4096)?.split(separator: "\n").first)
        #expect(home.hasPrefix(directory.settings.relocationRoot + "/"))
        homes.append(String(home))
      }
    }
    #expect(homes.count == 2 && homes[0] == homes[1])

    // The data directory is deleted and made again. The users of the old cluster must not come back.
    try Command("/usr/bin/rm", ["-rf", "--", directory.path]).run(limit: .seconds(30))
    try LocalDirectory.make(directory.path, mode: 0o700)
    try await directory.withDatabase { _, started in
      #expect(started.isNew)
      #expect(started.notices.contains(.leftBehind(home: homes[0])))
    }
  }

  /// Reads events until the database is back; `body` gets the first end.
  private static func awaitRestart(
    _ events: AsyncStream<EmbeddedPostgresEvent>, _ body: (ProcessEnd) -> Void
  ) async throws {
    var isFirst = true
    for await event in events {
      switch event {
      case .ended(let end, _):
        if isFirst { body(end) }
        isFirst = false
      case .restarted: return
      case .restartFailed: continue  // the old backends hold the shared memory for a moment
      }
    }
  }

  private static func layout(of directory: DataDirectory) throws -> ClusterLayout {
    var notices: [EmbeddedPostgresNotice] = []
    return try ClusterLayout.prepare(
      dataDirectory: directory.path, relocationRoot: directory.settings.relocationRoot, socketRoot: "/tmp",
      notices: &notices)
  }

  /// Starts a postmaster without a parent, as a killed server leaves it behind. - Returns: its process id.
  private static func startOrphan(in directory: DataDirectory) throws -> Int32 {
    let layout = try layout(of: directory)
    let binaries = try PostgresBinaries.find(searchPath: directory.environment["PATH"] ?? "", majorVersion: nil)
    var pgctl = Command(binaries.directory + "/pg_ctl", ["-D", layout.home, "-l", "/dev/null", "-w", "start"])
    if layout.isForeign { pgctl = pgctl.running(as: layout.owner) }
    try pgctl.run(limit: .seconds(60))
    let lock = try #require(LocalFile.tail(of: layout.cluster + "/postmaster.pid", limit: 4096))
    return try #require(lock.split(separator: "\n").first.flatMap { Int32($0) })
  }
}
