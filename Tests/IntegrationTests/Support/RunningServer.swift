// The server under test. It is started in this process as `pganalytics serve` does it, on a database of its own.

import Glibc
import Ground
import Protocol
import Reactor
import Synchronization
import Testing

@testable import App

final class RunningServer: Sendable {
  static let secret = "the secret of the integration tests"
  static let password = "correct horse battery staple"

  let server: Server
  /// The tests' own access to the same database.
  let database: Database
  let settings: Settings
  let log: ServerLog
  let trust: [UInt8]
  private let names = Atomic<Int>(0)
  let account: PushAccount

  private init(_ database: Database, _ settings: Settings, _ account: PushAccount) async throws {
    self.account = account
    log = ServerLog(settings)
    server = try await Server.start(settings, log: log) { () throws(SettingErrors) in
      try SettingSources(file: Self.settingsFile(settings), defaults: settings).read().settings
    }
    self.database = database
    self.settings = settings
    account.began()
    trust = try LocalFile.read(server.certificateAuthorityFile) ?? []
  }

  /// - Parameters:
  ///   - cluster: the shared one, unless the test wants to stop it.
  ///   - database: an empty one, unless the test has made its own.
  ///   - change: settings that differ from the defaults.
  static func start(
    _ kind: StorageKind = .plain, on cluster: TestCluster? = nil, database own: DatabaseSettings? = nil,
    _ change: (inout Settings) -> Void = { _ in }, beforeStart: (Database) async throws -> Void = { _ in }
  ) async throws -> RunningServer {
    let cluster = try cluster ?? TestCluster.shared.get()
    let address: DatabaseAddress
    if let own { address = own.address } else { address = try await cluster.makeDatabase().address }
    var settings = Settings()
    settings.databaseURL = address.parameters.map { "\($0.keyword)='\($0.value)'" }.joined(separator: " ")
    settings.dataDirectory = try directory()
    settings.listen = "127.0.0.1:0"
    settings.logLevel = "critical"
    settings.pushesPerMinute = 100_000
    settings.loginsPerAddressMinute = 100_000
    settings.drainSpread = .zero
    // All suites run at once, on a machine that does other work, too. That is no reason to refuse a request.
    settings.adminQueueDeadline = .seconds(TestClient.patience)
    settings.queryTimeout = .seconds(TestClient.patience)
    settings.queryQueueDeadline = .seconds(TestClient.patience)
    settings.queryPutOffMaximum = .zero
    settings.queryNice = 0
    settings.idleDeadline = .seconds(3600)
    settings.handshakeDeadline = .seconds(TestClient.patience)
    settings.headDeadline = .seconds(TestClient.patience)
    settings.bodyDeadline = .seconds(TestClient.patience)
    settings.writeDeadline = .seconds(TestClient.patience)
    change(&settings)
    let database = try Database.start(settings.databaseSettings(address))
    var storage = settings.storage
    storage.kind = kind
    _ = try await Migrator(database: database, storage: storage).migrate()
    try await beforeStart(database)
    try await Secrets.add(secret, name: "tests", expiry: nil, maxUses: nil, to: database)
    return try await RunningServer(database, settings, PushAccount()).ready()
  }

  /// A server with the settings of another one, on a database and a data directory that a restore has filled.
  static func restored(_ settings: Settings, _ place: RestoredPlace) async throws -> RunningServer {
    var settings = settings
    settings.databaseURL = place.databaseURL
    settings.dataDirectory = place.dataDirectory
    let address = try DatabaseAddress(settings.databaseURL)
    let database = try Database.start(settings.databaseSettings(address))
    let ledger = Statement<SingleValue<Int64>>("restored_pushes", "SELECT count(*) FROM pganalytics.pushes")
    let account = PushAccount()
    account.stored(elsewhere: Int(try await database.one(ledger)?.value ?? 0))
    return try await RunningServer(database, settings, account).ready()
  }

  /// Waits until the writers are connected. An earlier push would get 503.
  private func ready() async throws -> RunningServer {
    let token = settings.metricsToken.isEmpty ? [] : [("Authorization", "Bearer \(settings.metricsToken)")]
    let client = try await client()
    try await eventually("the writers do not connect") {
      let page = try await client.request("GET", "/metrics", token).text
      return page.contains("pganalytics_writers{state=\"disconnected\"} 0\n")
    }
    return self
  }

  /// The server for all tests of a kind that do not change it. It ends with the process.
  static func shared(_ kind: StorageKind) async throws -> RunningServer {
    let task = servers.withLock { servers in
      if let task = servers[kind] { return task }
      let task = Task { try await start(kind) { $0.loginsPerAccountMinute = 3 } }
      servers[kind] = task
      return task
    }
    return try await task.value
  }

  private static let servers = Mutex<[StorageKind: Task<RunningServer, any Error>]>([:])

  /// Another server on the same database and data directory.
  func second(at listen: String = "127.0.0.1:0") async throws -> RunningServer {
    let address = try DatabaseAddress(settings.databaseURL)
    var settings = settings
    settings.listen = listen
    return try await RunningServer(Database.start(settings.databaseSettings(address)), settings, account).ready()
  }

  private static func settingsFile(_ settings: Settings) -> String { settings.dataDirectory + "/settings.toml" }

  /// Reloads the settings as SIGHUP does, with `file` as the settings file. Other settings are as at the start.
  func reload(_ file: String) async throws {
    try LocalFile.replace(Self.settingsFile(settings), with: Array(file.utf8))
    await server.reload()
  }

  /// Stops the server, and demands that the outcomes of its pushes add up, in its own counters and in SQL.
  func stop(sourceLocation: SourceLocation = #_sourceLocation) async {
    await stopServer(sourceLocation: sourceLocation)
    database.shutDown()
  }

  /// Stops the server in the same way, and keeps the database for the test.
  func stopServer(sourceLocation: SourceLocation = #_sourceLocation) async {
    let last = await server.stop()
    await account.ended(last, database, sourceLocation)
  }

  /// - Parameter trust: authorities in PEM; nil stands for those of the server's start.
  func client(_ identity: TLSIdentity? = nil, trusting trust: [UInt8]? = nil) async throws -> TestClient {
    try await TestClient.connect(port: server.address.port, trust: trust ?? self.trust, identity: identity)
  }

  /// Whether /metrics has this line now.
  func counts(_ line: String, trusting trust: [UInt8]? = nil) async throws -> Bool {
    try await ("\n" + client(trusting: trust).request("GET", "/metrics").text).contains("\n\(line)\n")
  }

  /// Enrols a collector with a key of its own.
  func enrol(secret: String = RunningServer.secret) async throws -> TestCollector {
    let key = try PrivateKey.generate()
    let request = try CertificateSigningRequest.create(for: key, commonName: "db")
    let answer = try await register(csr: String(decoding: request, as: UTF8.self), secret: secret)
    return try TestCollector(answer, keyPEM: key.pem(), server: self)
  }

  /// Registers a collector, with any answer.
  func register(csr: String? = nil, secret: String? = RunningServer.secret) async throws -> TestAnswer {
    var json = JSONWriter()
    json.object { json in
      // The name is new in the database, at every server: each registration is another host.
      json.member("name", "db-\(UUID.random())")
      json.member("hostname", "db.example.com")
      if let csr { json.member("csr", csr) }
    }
    var fields = [("Content-Type", "application/json")]
    if let secret { fields.append(("X-Registration-Secret", secret)) }
    return try await client().request(
      "POST", "/api/v1/collectors/register", fields, body: json.finish().withUnsafeBytes { Array($0) })
  }

  /// Adds a user. - Returns: the field that lets a request act as the user.
  func user(_ role: Role) async throws -> (String, String) {
    let answer = try await login(try await add(role), Self.password)
    return ("Authorization", "Bearer " + (try #require(answer.json["access_token"]?.text, "\(answer)")))
  }

  func login(_ username: String, _ password: String) async throws -> TestAnswer {
    var json = JSONWriter()
    json.object { json in
      json.member("username", username)
      json.member("password", password)
    }
    return try await client().request(
      "POST", "/api/v1/auth/login", [("Content-Type", "application/json")],
      body: json.finish().withUnsafeBytes { Array($0) })
  }

  /// The one integer that `sql` selects.
  func integer(_ sql: String) async throws -> Int64 {
    // A prepared statement keeps its name on its session, so every text has a name of its own.
    let statement = Statement<SingleValue<Int64>>("test_\(names.add(1, ordering: .relaxed).newValue)", sql)
    return try #require(try await database.one(statement)).value
  }

  /// Checks `condition` again and again until it holds. Fails after `TestClient.patience`.
  func eventually(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
  ) async throws {
    let end = MonotonicTime.now() + .seconds(TestClient.patience)
    while MonotonicTime.now() < end {
      if try await condition() { return }
      // because each look costs the server a request. This is a pause between looks, not a guess at a duration.
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record(what, sourceLocation: sourceLocation)
  }

  /// A short-lived data directory of this process.
  private static func directory() throws -> String {
    var template = Array("/tmp/pgs-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FileError(call: "mkdtemp", path: "/tmp", errno: errno) }
    let path = String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
    directories.withLock { paths in
      if paths.isEmpty { atexit { RunningServer.removeDirectories() } }
      paths.append(path)
    }
    return path
  }

  private static let directories = Mutex<[String]>([])

  private static func removeDirectories() {
    for path in directories.withLock({ $0 }) {
      let names =
        AuthorityFiles.Name.allCases.map(\.rawValue) + [
          "server.crt", "server.key", "server.made", ".lock", ".listening", "settings.toml",
          ChannelSecrets.fileName,
        ]
      for name in names { unlink(path + "/" + name) }
      rmdir(path)
    }
  }
}
