import ArgumentParser
import Glibc
import Protocol
import Reactor

struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Serves with a private PostgreSQL of its own: the whole thing in one command.",
    discussion: """
      Makes what is missing in the data directory (database, certificate authority, administrator, registration secret) \
      and reuses what is there. credentials.json in it says how to get in.
      """)

  @Option(help: "Directory of everything.") var dataDir: String?
  @Option(help: "Address of the HTTPS listener, HOST:PORT.") var listen: String?
  @Option(help: "Event loops; 0 is one a core.") var loops: String?
  @OptionGroup var options: SettingOptions

  func run() async throws {
    var given = options.sources([("listen", listen), ("data_dir", dataDir), ("loops", loops)])
    // Who presses Ctrl-C is at the terminal, and there is no fleet to be kept from coming back all at once.
    given.defaults.drainSpread = .zero
    let sources = given
    var settings = try sources.read().settings
    let log = ServerLog(settings)
    _ = try ProcessLimits.raiseDescriptorLimit()
    let signals = try Signals.stream()

    say("Starting the private PostgreSQL …")
    let postgres = EmbeddedPostgres(
      EmbeddedPostgresSettings(dataDirectory: settings.dataDirectory, environment: Environment.variables())
    ) { event in log.warning("private PostgreSQL", ["event": "\(event)"]) }
    let started = try postgres.start()
    for notice in started.notices { say(notice.description) }
    settings.databaseURL = started.databaseURL
    do {
      let credentials = try await prepareDatabase(settings)
      let server = try await Server.start(settings, log: log) { () throws(SettingErrors) in
        var settings = try sources.read().settings
        settings.databaseURL = started.databaseURL
        return settings
      }
      let complete = Credentials(
        baseURL: "https://\(Self.reachable(server))",
        authorityFile: try PrivateFile.absolute(
          server.certificateAuthorityFile), adminUsername: credentials.adminUsername,
        adminPassword: credentials.adminPassword, registrationSecret: credentials.registrationSecret,
        databaseURL: started.databaseURL)
      try complete.write(settings.dataDirectory)
      say(Welcome(complete, file: try PrivateFile.absolute(settings.dataDirectory) + "/" + Credentials.fileName).text)
      await server.untilStopped(signals)
      say("Stopping …")
      await server.stop()
    } catch {
      postgres.stop()
      throw error
    }
    postgres.stop()
    say("Stopped. The data is in \(settings.dataDirectory).")
  }

  /// Migrates, and makes administrator and registration secret where they are missing or unknown to us.
  private func prepareDatabase(_ settings: Settings) async throws -> Credentials {
    let database = try Database.start(
      settings.databaseSettings(DatabaseAddress(settings.databaseURL).resolved()))
    defer { database.shutDown() }
    _ = try await Storage.migrate(database, settings: settings)
    var credentials =
      try Credentials.read(settings.dataDirectory)
      ?? Credentials(
        baseURL: "", authorityFile: "", adminUsername: "admin", adminPassword: Secrets.random(),
        registrationSecret: Secrets.random(), databaseURL: "")
    let admin = try await database.one(AccountStatements.byName, credentials.adminUsername)
    if admin == nil {
      try await Accounts.add(
        credentials.adminUsername, password: credentials.adminPassword, role: .admin, email: nil, fullName: nil,
        to: database)
    } else if try Credentials.read(settings.dataDirectory) == nil {
      // The administrator of an earlier start whose credentials are lost: the data directory is ours, so is the account.
      _ = try await Accounts.setPassword(credentials.adminPassword, of: credentials.adminUsername, in: database)
    }
    let digest = Secrets.digest(credentials.registrationSecret.utf8)
    if try await database.one(RegistrationSecretStatements.exists, digest)?.value != true {
      // The stored one may have been revoked: then it stays so, and a new one takes its place.
      credentials.registrationSecret = Secrets.random()
      try await Secrets.add(
        credentials.registrationSecret, name: "up-\(WallClock.unixMicroseconds())", expiry: nil, maxUses: nil,
        reenrolment: .replace, to: database)
    } else {
      // One of an earlier version: who plays a fleet against `up` does so again and again.
      try await database.execute(EnrolmentStatements.adoptSecret, digest)
    }
    return credentials
  }

  /// An address that a client on this host can use.
  private static func reachable(_ server: Server) -> String {
    switch server.address.ipString {
    case "0.0.0.0", "::": "127.0.0.1:\(server.address.port)"
    default: "\(server.address)"
    }
  }
}
