import ArgumentParser
import Glibc
import Ground
import Protocol
import Reactor

struct UpCommand: SignalledCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Serves with a private PostgreSQL: everything in one command.",
    discussion: """
      Makes what is missing in the data directory (database, certificate authority, administrator, registration secret) \
      and reuses what exists. credentials.json in it contains the credentials.
      """)

  @Option(help: "Directory of all data.") var dataDir: String?
  @Option(help: "Address of the HTTPS listener, HOST:PORT.") var listen: String?
  @Option(help: "Event loops; 0 is one per core.") var loops: String?
  @OptionGroup var options: SettingOptions

  func run() async throws {
    Environment.forgetDatabase()
    var given = options.sources([("listen", listen), ("data_dir", dataDir), ("loops", loops)])
    // Idle connections are closed at once: a user who presses Ctrl-C waits at the terminal, and no fleet has to be kept
    // from reconnecting at the same time.
    given.defaults.drainSpread = .zero
    let sources = given
    let read = try sources.read()
    var settings = read.settings
    let log = try ServerLog.standardError(settings)
    defer { log.flush() }
    log.note(read)
    let ending = Ending(settings, log: log)
    _ = try ProcessLimits.raiseDescriptorLimit()
    let signals = try Signals.stream { ending.begin() }

    say("Starting the private PostgreSQL …")
    let postgres = EmbeddedPostgres(
      EmbeddedPostgresSettings(dataDirectory: settings.dataDirectory, environment: Environment.variables())
    ) { event in log.warning("private PostgreSQL", ["event": "\(event)"]) }
    let started = try postgres.start()
    for notice in started.notices { say(notice.description) }
    settings.databaseURL = started.databaseURL
    do {
      var own = settings.databaseSettings(try DatabaseAddress(settings.databaseURL).resolved())
      own.adminConnections = 1
      try Surroundings(own).check(ConnectionNeed(settings))
      let database = try Database.start(own)
      defer { database.shutDown() }
      var account = try await UpAccount.prepare(database, settings: settings)
      let server = try await Server.start(settings, log: log) { () throws(SettingErrors) in
        var settings = log.note(try sources.read())
        settings.databaseURL = started.databaseURL
        return settings
      }
      account.credentials.baseURL = "https://\(Self.reachable(server))"
      account.credentials.authorityFile = try LocalFile.resolve(server.certificateAuthorityFile)
      account.credentials.databaseURL = started.databaseURL
      try account.credentials.write(settings.dataDirectory)
      let welcome = Welcome(
        account.credentials, file: try LocalFile.resolve(settings.dataDirectory) + "/" + Credentials.fileName,
        databaseDirectory: started.home, showsSecrets: account.isNew && isatty(STDOUT_FILENO) == 1)
      say(welcome.text)
      let watch = Task { [account, directory = settings.dataDirectory] in
        await account.watchPassword(database, directory: directory, log: log)
      }
      await server.untilStopped(signals, ending)
      say("Stopping …")
      watch.cancel()
      await server.stop(by: ending.deadline - Self.databaseShare(of: server.current.drainDeadline))
    } catch {
      postgres.stop()
      throw error
    }
    if postgres.stop(by: ending.deadline) == .forced { log.warning("private PostgreSQL stopped by force") }
    say("Stopped. The data is in \(settings.dataDirectory), the database in \(started.home).")
  }

  /// The part of `drain_deadline` that is reserved for PostgreSQL, however long the server takes.
  private static func databaseShare(of deadline: Duration) -> Duration { min(.seconds(5), deadline / 2) }

  /// An address that a client on this host can use.
  private static func reachable(_ server: Server) -> String {
    switch server.address.ipString {
    case "0.0.0.0", "::": "127.0.0.1:\(server.address.port)"
    default: "\(server.address)"
    }
  }
}
