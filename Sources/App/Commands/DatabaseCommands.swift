// The commands that work on a database and end: migrate, db, user, secret.

import ArgumentParser
import Glibc
import Ground
import Protocol

struct MigrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate", abstract: "Migrates the database's schema to this version, or shows its version.",
    subcommands: [Up.self, Status.self], defaultSubcommand: Up.self)

  struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Applies the missing migrations. Several may be started at the same time.")
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      let settings = try options.read([("database_url", databaseUrl)])
      guard !settings.databaseURL.isEmpty else { throw CommandFailure.databaseMissing }
      let address = try DatabaseAddress(settings.databaseURL).resolved()
      try Surroundings(settings.databaseSettings(address)).check(ConnectionNeed(settings))
      try await withDatabase(settings) { database in
        let display = WorkDisplay("migrate")
        defer { display.end() }
        let report = try await Storage.migrate(database, settings: settings) { step in
          display.show(Double(step.done) / Double(step.total), step.name)
        }
        display.end()
        print(
          "\(report.applied.count) migrations applied, \(report.metricChanges.count) metric tables and views changed;"
            + " storage is \(report.storage.rawValue).")
      }
    }
  }

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists migrations and when each was applied; exit status 1 if one is missing. Changes nothing.")
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      let settings = try options.read([("database_url", databaseUrl)])
      try await withDatabase(settings) { database in
        let migrations = try await Migrator(database: database, storage: settings.storage).status()
        for migration in migrations {
          print("\(migration.version)  \(migration.name)  \(migration.appliedAt?.rfc3339 ?? "MISSING")")
        }
        if migrations.contains(where: { $0.appliedAt == nil }) { throw ExitCode.failure }
      }
    }
  }
}

struct DatabaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "db", abstract: "Looks after the database.",
    subcommands: [Status.self, BackupCommand.self, RestoreCommand.self, ParkedCommand.self],
    defaultSubcommand: Status.self)

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shows schema, storage, the tables with their partitions and sizes, and the fleet. Changes nothing.")
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      let settings = try options.read([("database_url", databaseUrl)])
      try await withDatabase(settings) { database in
        print(try await DatabaseStatus(database, storage: settings.storage).text())
      }
    }
  }
}

struct UserCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "user", abstract: "Manages the users of the API.", subcommands: [Add.self, Password.self])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add", abstract: "Adds a user.",
      discussion:
        "The password is read from standard input; a terminal does not show it. If it is empty, a random one is made and printed."
    )

    @Argument(help: "Name to log in with.") var username: String
    @Option(help: "admin, operator or viewer.") var role: String = "viewer"
    @Option(help: "E-mail address.") var email: String?
    @Option(help: "Full name.") var fullName: String?
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      let settings = try options.read([("database_url", databaseUrl)])
      guard let role = Role(rawValue: role) else {
        throw CommandFailure("--role is admin, operator or viewer, not \"\(role)\".")
      }
      let password = UserCommand.readPassword()
      try await withDatabase(settings) { database in
        try await Accounts.add(
          username, password: password.text, role: role, email: email, fullName: fullName, to: database)
      }
      print("\(username) is \(role.rawValue)." + password.notice)
    }
  }

  struct Password: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "password", abstract: "Gives a user a new password, ends the user's sessions and any lock-out.",
      discussion:
        "The password is read from standard input; a terminal does not show it. If it is empty, a random one is made and printed."
    )

    @Argument(help: "Name of the user.") var username: String
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      let settings = try options.read([("database_url", databaseUrl)])
      let password = UserCommand.readPassword()
      try await withDatabase(settings) { database in
        guard try await Accounts.setPassword(password.text, of: username, in: database) else {
          throw CommandFailure("There is no user \(username).")
        }
      }
      print("The password of \(username) is changed." + password.notice)
    }
  }

  /// The password that the user typed, or a random one and a sentence that contains it.
  private static func readPassword() -> (text: String, notice: String) {
    let typed = Terminal.readSecret(prompt: "Password (empty for a random one): ")
    if !typed.isEmpty { return (typed, "") }
    let random = Secrets.random()
    return (random, " Password: \(random)")
  }
}

struct SecretCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "secret", abstract: "Manages registration secrets, with which collectors enrol.",
    subcommands: [Add.self])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add", abstract: "Adds a registration secret and prints it, once.")

    @Argument(help: "What it is for.") var name: String
    @Option(help: "Life, e.g. 24h; without it the secret does not expire.") var ttl: String?
    @Option(help: "Most collectors that may enrol with it.") var maxUses: Int32?
    @Option(
      help: """
        What happens if an enrolled host registers with it: permit (409 until it is permitted), replace (a new identity \
        for its server) or new (another collector). Default: the setting `reenrolment`.
        """) var reenrolment: String?
    @Option(
      name: .customLong("label"),
      help: ArgumentHelp(
        "A label that an enrolment gives to the server; may be repeated.", valueName: "key=value"))
    var labels: [String] = []
    @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
    @OptionGroup var options: SettingOptions

    func run() async throws {
      let settings = try options.read([("database_url", databaseUrl)])
      var expiry: Timestamp?
      if let ttl {
        guard let life = SettingValue.time(ttl) else {
          throw CommandFailure("--ttl is a time such as 24h or 30d, not \"\(ttl)\".")
        }
        expiry = Timestamp(unixSeconds: WallClock.unixSeconds() + life.wholeSeconds)
      }
      var mode: Reenrolment?
      if let reenrolment {
        mode = Reenrolment(rawValue: reenrolment)
        if mode == nil { throw ValidationError("--reenrolment is permit, replace or new") }
      }
      let given: LabelSet
      do throws(LabelFault) {
        given = try LabelSet(texts: labels, most: settings.labelsPerServer)
      } catch {
        throw ValidationError("--label: \(error)")
      }
      let (secret, again) = (Secrets.random(), mode)
      try await withDatabase(settings) { database in
        try await Secrets.add(
          secret, name: name, expiry: expiry, maxUses: maxUses, reenrolment: again, labels: given,
          to: database)
      }
      print(secret)
    }
  }
}

/// Opens the database for the duration of `body`.
func withDatabase(_ settings: Settings, _ body: (Database) async throws -> Void) async throws {
  guard !settings.databaseURL.isEmpty else { throw CommandFailure.databaseMissing }
  let database = try Database.start(
    settings.databaseSettings(DatabaseAddress(settings.databaseURL).resolved()))
  defer { database.shutDown() }
  try await body(database)
}
