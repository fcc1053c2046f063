// `pganalytics db backup` and `db restore`, as a person runs them.

import Glibc
import Ground
import Protocol
import Testing

@testable import App

@Suite(.timeLimit(.minutes(10)))
struct BackupTests {
  /// A run of the program that has ended.
  struct Run {
    let status: CInt
    let output: String
  }

  /// Runs `pganalytics db` to its end.
  static func run(_ arguments: [String], in workplace: BackupWorkplace) throws -> Run {
    let output = workplace.path("output-\(UUID.random())")
    let pid = try ChildProcess.start(
      [try BuiltProgram.directory() + "/pganalytics", "db"] + arguments, output: output)
    return Run(status: workplace.wait(for: pid), output: ChildProcess.text(of: output))
  }

  /// Runs it, and demands success.
  static func succeed(
    _ arguments: [String], in workplace: BackupWorkplace, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try run(arguments, in: workplace)
    try #require(run.status == 0, "\(run.output)", sourceLocation: sourceLocation)
  }

  /// Pushes one after the other until the task is cancelled. - Returns: the bodies that were acknowledged.
  private static func push(_ collector: TestCollector, _ account: Acknowledged) async throws {
    let client = try await collector.client()
    var seed: UInt64 = 100
    while !Task.isCancelled {
      let body = collector.generatedPush(seed: seed, secondsAgo: 3600 - Int64(seed - 100))
      let answer = try await collector.push(body, over: client)
      try #require(answer.status == 200, "\(answer)")
      account.add(body)
      seed += 1
    }
  }

  @Test(arguments: TestCluster.storageKinds)
  func `a restore serves the same collectors, users, tokens and secrets, and knows each push from before the backup`(
    _ kind: StorageKind
  ) async throws {
    let workplace = try BackupWorkplace()
    let server = try await RunningServer.start(kind)
    let admin = try await server.person(.admin)
    let program = try await TestProgram(of: admin, .viewer)
    let channel = try await admin.request(
      "POST", "/api/v1/channels",
      ["name": "hook", "kind": "webhook", "target": ["url": "https://hooks.example/x"], "secret": "between us"])
    try #require(channel.status == 201, "\(channel)")
    let hook = try #require(channel.json["id"]?.text.flatMap { UUID($0) })
    let collector = try await server.enrol()
    let account = Acknowledged()
    let pushing = Task { try await Self.push(collector, account) }
    try await server.eventually("no pushes") { account.bodies.count >= 3 }
    let before = account.bodies
    let rows = try await collector.rows("pg_stats")
    let directory = workplace.path("backup")
    try Self.succeed(["backup", directory] + workplace.source(server), in: workplace)
    pushing.cancel()
    try await pushing.value
    #expect(account.bodies.count > before.count, "pushes went on")
    #expect(FileStatus(of: directory)?.permissions == 0o700)
    let open = try workplace.files(below: directory).filter { FileStatus(of: $0)?.permissions != 0o600 }
    #expect(open.isEmpty, "\(open)")
    await server.stop()

    let target = try await workplace.target(on: TestCluster.shared.get())
    try Self.succeed(["restore", directory] + target.arguments, in: workplace)
    let restored = try await RunningServer.restored(server.settings, target)
    let returned = TestCollector(collector, at: restored)
    #expect(try await returned.rows("pg_stats") >= rows)
    for body in before {
      let again = try await returned.push(body)
      #expect(again.status == 200 && again.json["duplicate"]?.flag == true, "\(again)")
    }
    let new = try await returned.push(returned.generatedPush(seed: 7))
    #expect(new.status == 200 && new.json["duplicate"]?.flag != true, "\(new)")
    #expect(try await admin.refusal(at: restored) == nil)
    #expect(try await restored.login(admin.name, RunningServer.password).status == 200)
    #expect(try await program.refusal(at: restored) == nil)
    let secret = try await workplace.secret(of: hook, restored)
    #expect(secret == "between us")
    let unmarked = try await restored.integer(
      "SELECT count(*) FROM pg_namespace WHERE nspname = '\(RestoreMark.schema)'")
    #expect(unmarked == 0)
    await restored.stop()
  }

  @Test func `a backup that is damaged, unfinished, of a newer program or no backup touches nothing`() async throws {
    let workplace = try BackupWorkplace()
    let server = try await RunningServer.start()
    let directory = workplace.path("backup")
    try Self.succeed(["backup", directory] + workplace.source(server), in: workplace)
    let again = try Self.run(["backup", directory] + workplace.source(server), in: workplace)
    #expect(again.status == 1 && again.output.contains("has a complete backup"), "\(again)")
    let foreign = try Self.run(["backup", workplace.root] + workplace.source(server), in: workplace)
    #expect(foreign.status == 1 && foreign.output.contains("neither empty nor a backup"), "\(foreign)")
    let target = try await workplace.target(on: TestCluster.shared.get())
    let manifest = try BackupManifest(try LocalFile.require(directory + "/manifest.json"))
    let table = try #require(manifest.files.filter { $0.path.hasSuffix(".dat.gz") }.max { $0.bytes < $1.bytes })
    let changes: [(String, String, (String) throws -> Void)] = [
      ("is not the file that was written", "a flipped bit", { try Self.flip("\($0)/\(table.path)") }),
      ("is not the file that was written", "a flipped bit of a key", { try Self.flip("\($0)/data/ca.key") }),
      ("is missing", "a missing file", { try LocalFile.remove("\($0)/\(table.path)") }),
      ("is missing", "a missing table of contents", { try LocalFile.remove("\($0)/database/toc.dat") }),
      ("is damaged", "a flipped bit of the manifest", { try Self.flip("\($0)/manifest.json") }),
      ("is no backup", "no manifest", { try LocalFile.remove("\($0)/manifest.json") }),
      (
        "was not finished", "a mark and no manifest",
        {
          try LocalFile.replace("\($0)/unfinished", with: [])
          try LocalFile.remove("\($0)/manifest.json")
        }
      ),
      ("There is no directory", "a wrong path", { try LocalDirectory.removeTree($0) }),
      ("of a newer program", "a newer schema", { try Self.rewrite(manifest, in: $0, schema: 9999) }),
      ("TimescaleDB 0.0.1", "another TimescaleDB", { try Self.rewrite(manifest, in: $0, timescale: "0.0.1") }),
      ("use PostgreSQL 99 or newer", "a newer PostgreSQL", { try Self.rewrite(manifest, in: $0, version: 990_001) }),
      ("do not exist here: nobody-here", "a missing role", { try Self.rewrite(manifest, in: $0, role: "nobody-here") }),
    ]
    for (sentence, what, change) in changes {
      let copy = workplace.path("copy")
      try ChildProcess.run(["/bin/cp", "-a", directory, copy], output: "/dev/null")
      try change(copy)
      let run = try Self.run(["restore", copy] + target.arguments, in: workplace)
      #expect(run.status == 1 && run.output.contains(sentence), "\(what): \(run)")
      #expect(try target.isEmpty(), "\(what)")
      #expect(!LocalFile.exists(target.dataDirectory), "\(what)")
      try LocalDirectory.removeTree(copy)
    }
    await server.stop()
  }

  @Test func `a restore replaces a database and files only if it is told to, and never what is not of pgAnalytics`()
    async throws
  {
    let workplace = try BackupWorkplace()
    let server = try await RunningServer.start()
    let collector = try await server.enrol()
    #expect(try await collector.push(collector.generatedPush()).status == 200)
    let rows = try await collector.rows("pg_stats")
    let directory = workplace.path("backup")
    try Self.succeed(["backup", directory] + workplace.source(server), in: workplace)
    let other = try await RunningServer.start()
    let target = RestoredPlace(other.settings)
    let busy = try Self.run(["restore", directory, "--replace"] + target.arguments, in: workplace)
    #expect(busy.status == 1 && busy.output.contains("stop all servers"), "\(busy)")
    #expect(try await other.login("nobody", "nothing").status == 401, "the server of the database goes on")
    await other.stop()
    let refused = try Self.run(["restore", directory] + target.arguments, in: workplace)
    #expect(refused.status == 1 && refused.output.contains("is not empty"), "\(refused)")
    let empty = try await workplace.target(on: TestCluster.shared.get())
    let mixed = RestoredPlace(databaseURL: empty.databaseURL, dataDirectory: target.dataDirectory)
    let differs = try Self.run(["restore", directory] + mixed.arguments, in: workplace)
    #expect(differs.status == 1 && differs.output.contains("differs from the backup"), "\(differs)")
    #expect(try empty.isEmpty())
    try target.script("CREATE TABLE public.precious (id int)")
    let foreign = try Self.run(["restore", directory, "--replace"] + target.arguments, in: workplace)
    #expect(foreign.status == 1 && foreign.output.contains("public.precious"), "\(foreign)")
    try target.script("DROP TABLE public.precious")
    try Self.succeed(["restore", directory, "--replace"] + target.arguments, in: workplace)
    let restored = try await RunningServer.restored(server.settings, target)
    #expect(try await TestCollector(collector, at: restored).rows("pg_stats") == rows)
    await restored.stop()
    await server.stop()
  }

  @Test func `an interrupted backup ends its programs, says that it is unfinished, and is begun again`() async throws {
    let workplace = try BackupWorkplace()
    let server = try await RunningServer.start()
    let directory = workplace.path("backup")
    let target = try await workplace.target(on: TestCluster.shared.get())
    // pg_dump waits for the table, so the signal finds it at work.
    try await server.database.script("CREATE TABLE metrics.held (id int)")
    for (signal, status) in [(SIGTERM, CInt(1)), (SIGINT, 1), (SIGKILL, -1)] {
      let holder = try RestoredPlace(server.settings).session()
      _ = try holder.rows("BEGIN; LOCK TABLE metrics.held")
      let output = workplace.path("output-\(signal)")
      let pid = try ChildProcess.start(
        [try BuiltProgram.directory() + "/pganalytics", "db", "backup", directory] + workplace.source(server),
        output: output)
      let dumps = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pganalytics backup'
        """
      try await server.eventually("pg_dump does not wait: \(ChildProcess.text(of: output))") {
        try await server.integer(dumps + " AND wait_event_type = 'Lock'") > 0
      }
      kill(pid, signal)
      #expect(workplace.wait(for: pid) == status, "\(ChildProcess.text(of: output))")
      if status == 1 {
        #expect(ChildProcess.text(of: output).contains("is unfinished. The same command begins it again."))
      }
      try await server.eventually("pg_dump goes on") { try await server.integer(dumps) == 0 }
      _ = try holder.rows("ROLLBACK")
      let early = try Self.run(["restore", directory] + target.arguments, in: workplace)
      #expect(early.status == 1 && early.output.contains("was not finished"), "\(early)")
    }
    try await server.database.script("DROP TABLE metrics.held")
    try Self.succeed(["backup", directory] + workplace.source(server), in: workplace)
    try Self.succeed(["restore", directory] + target.arguments, in: workplace)
    await server.stop()
  }

  @Test(arguments: TestCluster.storageKinds)
  func `no server and no migration uses a database whose restore was interrupted, and the next restore fills it`(
    _ kind: StorageKind
  ) async throws {
    let workplace = try BackupWorkplace()
    let cluster = try TestCluster(settings: ["max_prepared_transactions=2"])
    let server = try await RunningServer.start(kind, on: cluster)
    let collector = try await server.enrol()
    #expect(try await collector.push(collector.generatedPush()).status == 200)
    let directory = workplace.path("backup")
    try Self.succeed(["backup", directory] + workplace.source(server), in: workplace)
    let target = try await workplace.target(on: cluster)
    // A transaction without a session holds a lock at which pg_restore waits.
    if kind == .timescale { try target.script("CREATE EXTENSION timescaledb") }
    try target.script("BEGIN; LOCK TABLE pg_catalog.pg_class IN SHARE MODE; PREPARE TRANSACTION 'held'")
    // A second restore would remove TimescaleDB, and its session would wait for the same lock while it holds others.
    for signal in kind == .timescale ? [SIGKILL] : [SIGTERM, SIGKILL] {
      let output = workplace.path("output-\(signal)")
      let pid = try ChildProcess.start(
        [try BuiltProgram.directory() + "/pganalytics", "db", "restore", directory] + target.arguments, output: output)
      try await server.eventually("pg_restore does not wait: \(ChildProcess.text(of: output))") {
        try await server.integer(
          """
          SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pganalytics backup'
            AND wait_event_type = 'Lock' AND datname <> current_database()
          """) > 0
      }
      kill(pid, signal)
      let status = workplace.wait(for: pid)
      #expect(status == (signal == SIGKILL ? -1 : 1), "\(ChildProcess.text(of: output))")
      for command in [["serve", "--listen", "127.0.0.1:0"] + target.arguments, ["migrate"] + target.databaseArguments] {
        let refusal = workplace.path("refusal-\(UUID.random())")
        let refused = workplace.wait(
          for: try ChildProcess.start([try BuiltProgram.directory() + "/pganalytics"] + command, output: refusal))
        #expect(refused == 1 && ChildProcess.text(of: refusal).contains(RestoreMark.sentence), "\(command)")
      }
    }
    try target.script("ROLLBACK PREPARED 'held'")
    try Self.succeed(["restore", directory] + target.arguments, in: workplace)
    let restored = try await RunningServer.restored(server.settings, target)
    #expect(try await TestCollector(collector, at: restored).rows("pg_stats") == collector.rows("pg_stats"))
    await restored.stop()
    await server.stop()
  }

  /// Inverts a bit in the middle of a file.
  private static func flip(_ path: String) throws {
    var bytes = try LocalFile.require(path)
    bytes[bytes.count / 2] ^= 1
    try LocalFile.replace(path, with: bytes)
  }

  /// Writes a valid manifest that says something else about the database.
  private static func rewrite(
    _ manifest: BackupManifest, in directory: String, schema: Int32? = nil, timescale: String? = nil,
    version: Int? = nil, role: String? = nil
  ) throws {
    let database = manifest.database
    let changed = BackupManifest(
      program: manifest.program, madeAt: manifest.madeAt,
      database: BackedUpDatabase(
        schema: schema ?? database.schema, storage: database.storage, serverVersion: version ?? database.serverVersion,
        dumpVersion: database.dumpVersion, timescale: timescale ?? database.timescale,
        grantees: role.map { [$0] } ?? database.grantees), files: manifest.files)
    try LocalFile.replace(directory + "/manifest.json", with: changed.encoded())
  }
}
