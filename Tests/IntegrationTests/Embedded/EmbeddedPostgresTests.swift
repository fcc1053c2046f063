internal import Glibc
import Testing

@testable import App

private let isRoot = geteuid() == 0

@Suite(.serialized)
struct EmbeddedPostgresTests {
  @Test func `starts a durable database that its URL reaches, over a socket only, and leaves no process`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { _, started in
      #expect(started.isNew)
      func value(_ statement: String) throws -> String {
        try DataDirectory.value(of: statement, at: started.databaseURL)
      }
      #expect(try value("SELECT current_user || '@' || current_database()") == "pganalytics@pganalytics")
      #expect(try value("SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user") == "false")
      #expect(try value("SHOW listen_addresses") == "")
      #expect(try value("SHOW fsync") == "on")
      #expect(try value("SHOW synchronous_commit") == "on")
      #expect(try value("SHOW data_checksums") == "on")
      #expect(try value("SHOW server_encoding") == "UTF8")
      #expect(try value("SHOW timezone") == "UTC")
      #expect(try value("SET lc_messages = 'C'; SHOW lc_messages") == "C")
      #expect(try value("CREATE TABLE kept AS SELECT 42 AS answer") == "")
    }
    try await directory.withDatabase { _, started in
      #expect(!started.isNew)
      #expect(try DataDirectory.value(of: "SELECT answer FROM kept", at: started.databaseURL) == "42")
    }
  }

  @Test func `psql takes the URL as it is`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { _, started in
      let psql = Command("/usr/bin/psql", ["-XAtc", "SELECT 6 * 7", started.databaseURL])
      #expect(try psql.run(limit: .seconds(30)) == "42")
    }
  }

  @Test func `refuses a second server on the same data directory`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { _, _ in
      #expect(throws: EmbeddedPostgresError.dataDirectoryInUse(path: directory.path)) {
        try EmbeddedPostgres(directory.settings).start()
      }
    }
  }

  @Test func `a postmaster killed with SIGKILL comes back, with what was committed`() async throws {
    let directory = try DataDirectory()
    let (events, continuation) = AsyncStream.makeStream(of: EmbeddedPostgresEvent.self)
    try await directory.withDatabase(report: { continuation.yield($0) }) { database, started in
      _ = try DataDirectory.value(of: "CREATE TABLE kept AS SELECT 42 AS answer", at: started.databaseURL)
      let first = try #require(database.processID)
      #expect(kill(first, SIGKILL) == 0)
      try await Self.awaitRestart(events) { end in #expect(end == .killed(signal: SIGKILL)) }
      #expect(database.processID != first)
      #expect(try DataDirectory.value(of: "SELECT answer FROM kept", at: started.databaseURL) == "42")
    }
  }

  @Test func `adopts the postmaster of a server that was killed, brings it back and stops it`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { _, _ in }
    let orphan = try Self.startOrphan(in: directory)

    let (events, continuation) = AsyncStream.makeStream(of: EmbeddedPostgresEvent.self)
    try await directory.withDatabase(report: { continuation.yield($0) }) { database, started in
      #expect(started.notices.contains(.adopted(processID: orphan)))
      #expect(database.processID == orphan)
      #expect(kill(orphan, SIGKILL) == 0)
      try await Self.awaitRestart(events) { end in #expect(end == .unknown) }
      #expect(try DataDirectory.value(of: "SELECT 1", at: started.databaseURL) == "1")
    }

    _ = try Self.startOrphan(in: directory)
    try await directory.withDatabase { _, _ in }
  }

  @Test func `starts although the lock file names a process of the same user that is no postmaster`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { _, _ in }
    let layout = try Self.layout(of: directory)
    var sleep = Command("/usr/bin/sleep", ["600"])
    if layout.isForeign { sleep = sleep.running(as: layout.owner) }
    let bystander = try sleep.start(output: try LocalFile.open("/dev/null", O_WRONLY))
    defer {
      bystander.send(SIGKILL)
      _ = bystander.wait(atMost: nil)
    }
    let lock = layout.cluster + "/postmaster.pid"
    try LocalFile.replace(lock, with: "\(bystander.id)\n\(layout.cluster)\n1\n5432\n\n\n", mode: 0o600)
    try LocalFile.changeOwner(lock, to: layout.owner)
    try await directory.withDatabase { database, _ in #expect(database.processID != bystander.id) }
  }

  @Test func `a long path gets its socket elsewhere, and finds it again`() async throws {
    let directory = try DataDirectory(named: String(repeating: "long/", count: 18) + "data")
    var sockets: [String] = []
    for _ in 0..<2 {
      try await directory.withDatabase { _, started in
        let notice = started.notices.first { if case .socketElsewhere = $0 { true } else { false } }
        guard case .socketElsewhere(let socket) = try #require(notice) else { return }
        #expect(LocalFile.status(of: socket)?.permissions == 0o700)
        #expect(try DataDirectory.value(of: "SELECT 1", at: started.databaseURL) == "1")
        sockets.append(socket)
      }
    }
    #expect(sockets.count == 2 && sockets[0] == sockets[1])
    if let socket = sockets.first { #expect(rmdir(socket) == 0, "the socket's directory should be empty") }
  }

  @Test func `says why a broken cluster does not start`() async throws {
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
  func `started by root, runs as an unprivileged user and touches nobody's directory`() async throws {
    let directory = try DataDirectory()
    try await directory.withDatabase { database, started in
      let user = try #require(SystemUser(named: "postgres") ?? SystemUser(named: "nobody"))
      #expect(started.notices == [.runsAs(user: user.name)])
      let processID = try #require(database.processID)
      #expect(LocalFile.status(of: "/proc/\(processID)")?.userID == user.userID)
      #expect(LocalFile.status(of: directory.path)?.userID == 0)
      #expect(LocalFile.status(of: directory.path + "/postgres/cluster")?.userID == user.userID)
    }
  }

  @Test(.enabled(if: isRoot, "only root's database may have to move"))
  func `started by root in a directory its user can not enter, keeps the cluster elsewhere`() async throws {
    let directory = try DataDirectory()
    try LocalFile.makeDirectory(directory.path, mode: 0o700)
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

    // The data directory is deleted and made anew: its predecessor's users must not come back.
    try Command("/usr/bin/rm", ["-rf", "--", directory.path]).run(limit: .seconds(30))
    try LocalFile.makeDirectory(directory.path, mode: 0o700)
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

  /// A postmaster that is nobody's child, as a killed server leaves it.
  private static func startOrphan(in directory: DataDirectory) throws -> Int32 {
    let layout = try layout(of: directory)
    let binaries = try PostgresBinaries.find(searchPath: directory.environment["PATH"] ?? "", majorVersion: nil)
    var shell = Command(
      "/bin/sh", ["-c", #""$1" -D "$2" >/dev/null 2>&1 & echo $!"#, "sh", binaries.postgres, layout.home])
    if layout.isForeign { shell = shell.running(as: layout.owner) }
    return try #require(Int32(try shell.run(limit: .seconds(30))))
  }
}
