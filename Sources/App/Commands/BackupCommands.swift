// `pganalytics db backup` and `db restore`: the database and the files that a server needs besides it, in one directory.

import ArgumentParser
import Glibc
import Ground
import Protocol
import Reactor

struct BackupCommand: SignalledCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Backs up the database, the authorities, keys and credentials into a directory, while servers run.",
    discussion: """
      DIR is made, or is empty. It holds private keys: only you may enter it. It is complete when it has a manifest; a \
      backup that was interrupted is begun again by the same command. Without --database-url the database is the private \
      one of `pganalytics up` in the data directory, whether it runs or not.
      """)

  @Argument(help: "The directory of the backup.", completion: .directory) var dir: String
  @Option(help: "libpq connection URL of the database.") var databaseUrl: String?
  @Option(help: "The server's directory of certificates and keys.") var dataDir: String?
  @Option(help: "How many tables are dumped at the same time, 1 to 64.") var jobs = 1
  @OptionGroup var options: SettingOptions

  func validate() throws { try BackupJobs.validate(jobs) }

  func run() async throws {
    let settings = try options.read([("database_url", databaseUrl), ("data_dir", dataDir)])
    let environment = Environment.variables()
    if settings.databaseURL.isEmpty { Environment.forgetDatabase() }
    let directory = BackupDirectory(dir, workingDirectory: try LocalFile.resolve("."))
    let sources = BackupSources(settings, file: options.config ?? environment["PGANALYTICS_CONFIG"])
    let manifest = try await LongWork.run("backup") { [jobs] interruption, report in
      try BackedDatabase(settings, environment).withExisting { access in
        try BackupWork(
          directory: directory, access: access, sources: sources, searchPath: environment["PATH"] ?? "", jobs: jobs,
          interruption: interruption, report: report
        ).run()
      }
    }
    print(
      """
      The backup in \(directory.path) is complete: \(manifest.files.count) files, \(CellText.bytes(Double(manifest.bytes))), \
      \(manifest.database.text). It holds private keys.
      To restore it: pganalytics db restore \(directory.path) --data-dir NEW-DIRECTORY\
      \(settings.databaseURL.isEmpty ? "" : " --database-url postgresql://…/EMPTY-DATABASE")
      """)
  }
}

struct RestoreCommand: SignalledCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Restores a backup into an empty database and a data directory.",
    discussion: """
      Everything is checked first: the digests of all files, the versions, the database and the data directory. With \
      --database-url the backup fills that database, which has to be empty and without a server on it. Without it the \
      private database of `pganalytics up` is made in the data directory. A restore that was interrupted is begun again by \
      the same command; until it has ended, no server starts on the database.
      """)

  @Argument(help: "The directory of the backup.", completion: .directory) var dir: String
  @Option(help: "libpq connection URL of an empty database.") var databaseUrl: String?
  @Option(help: "The directory that gets certificates, keys and credentials.") var dataDir: String?
  @Option(help: "How many tables are restored at the same time, 1 to 64; with TimescaleDB always 1.") var jobs = 2
  @Flag(help: "Removes what the database and the data directory have of pgAnalytics.") var replace = false
  @Flag(help: "Leaves out the rights that the database has granted to other roles.") var noGrants = false
  @OptionGroup var options: SettingOptions

  func validate() throws { try BackupJobs.validate(jobs) }

  func run() async throws {
    let settings = try options.read([("database_url", databaseUrl), ("data_dir", dataDir)])
    let environment = Environment.variables()
    if settings.databaseURL.isEmpty { Environment.forgetDatabase() }
    let directory = BackupDirectory(dir, workingDirectory: try LocalFile.resolve("."))
    let newest = MigrationFile.all.last?.version ?? 0
    let manifest = try await LongWork.run("restore") { [jobs, replace, noGrants] interruption, report in
      let manifest = try RestoreWork.verified(directory, newestSchema: newest, interruption, report)
      try BackedDatabase(settings, environment).withFresh(report) { access, administrator in
        try RestoreWork(
          directory: directory, access: access, administrator: administrator, dataDirectory: settings.dataDirectory,
          dataFiles: BackupSources.files, searchPath: environment["PATH"] ?? "", jobs: jobs, replaces: replace,
          restoresGrants: !noGrants, interruption: interruption, report: report
        ).run(manifest)
      }
      return manifest
    }
    print(
      """
      Restored: the backup of \(manifest.madeAt.rfc3339), \(manifest.database.text). Next:
      \(next(manifest, settings, isOld: manifest.database.schema < newest))
      """)
  }

  /// The commands that begin to serve.
  private func next(_ manifest: BackupManifest, _ settings: Settings, isOld: Bool) -> String {
    let directory = settings.dataDirectory
    let hasSettings = manifest.files.contains { $0.path == BackupDirectory.settingsFile }
    let config = hasSettings ? " --config \(directory)/\(BackupDirectory.settingsFile)" : ""
    var lines: [String] = []
    if settings.databaseURL.isEmpty {
      lines.append("pganalytics up --data-dir \(directory)\(config)")
    } else {
      let url = Arguments.hidden(settings.databaseURL)
      if isOld { lines.append("pganalytics migrate --database-url \(url)") }
      lines.append("pganalytics serve --database-url \(url) --data-dir \(directory)\(config)")
    }
    if manifest.files.contains(where: { $0.path.hasPrefix("channels/") }) {
      lines.append("with the setting channel_directory = \(directory)/channels, which has the files of channels.")
    }
    if !settings.channelKeyFile.isEmpty {
      lines.append("The channel key is \(directory)/\(ChannelSecrets.fileName); copy it to \(settings.channelKeyFile).")
    }
    return lines.map { "  " + $0 }.joined(separator: "\n")
  }
}

private enum BackupJobs {
  static func validate(_ jobs: Int) throws {
    if !(1...64).contains(jobs) { throw ValidationError("--jobs is a number from 1 to 64") }
  }
}

extension BackedUpDatabase {
  /// For a person: `schema version 19, plain tables, PostgreSQL 15`.
  fileprivate var text: String {
    let tables = timescale.map { "TimescaleDB \($0)" } ?? "plain tables"
    return "schema version \(schema), \(tables), PostgreSQL \(serverVersion / 10_000)"
  }
}

extension BackupSources {
  /// The files of a data directory that a server cannot make again, and those that people know it by.
  static let files: [DataFile] =
    AuthorityFiles.Name.allCases.map { DataFile(name: $0.rawValue, isPublic: $0 == .certificates) }
    + ServerCertificate.Name.allCases.map { DataFile(name: $0.rawValue, isPublic: $0 != .key) }
    + [DataFile(name: ChannelSecrets.fileName), DataFile(name: Credentials.fileName)]

  init(_ settings: Settings, file: String?) {
    self.init(
      dataDirectory: settings.dataDirectory, dataFiles: Self.files,
      channelKeyFile: settings.channelKeyFile.isEmpty ? nil : settings.channelKeyFile,
      channelKeyName: ChannelSecrets.fileName,
      channelDirectory: settings.channelDirectory.isEmpty ? nil : settings.channelDirectory, settingsFile: file,
      authorityFiles: AuthorityFiles.Name.allCases.map { $0.path(in: settings.dataDirectory) })
  }
}

/// The database of a backup or restore: one with a URL, or the private one of `up`.
private struct BackedDatabase {
  private let settings: Settings
  private let environment: [String: String]

  init(_ settings: Settings, _ environment: [String: String]) {
    self.settings = settings
    self.environment = environment
  }

  private var postgres: EmbeddedPostgres {
    EmbeddedPostgres(EmbeddedPostgresSettings(dataDirectory: settings.dataDirectory, environment: environment))
  }

  private var given: DatabaseAccess? {
    get throws {
      if settings.databaseURL.isEmpty { return nil }
      return DatabaseAccess(try DatabaseAddress(settings.databaseURL), environment: environment)
    }
  }

  /// Runs `body` with a database that exists. If a private one does not run, it runs for that long.
  func withExisting<Value>(_ body: (DatabaseAccess) throws -> Value) throws -> Value {
    if let given = try given { return try body(given) }
    guard let credentials = try Credentials.read(settings.dataDirectory) else {
      throw CommandFailure(
        """
        \(settings.dataDirectory) is not a data directory of `pganalytics up`. Name one with --data-dir, or the database with \
        --database-url.
        """)
    }
    let postgres = postgres
    let url: String
    do throws(EmbeddedPostgresError) {
      url = try postgres.start().databaseURL
    } catch .dataDirectoryInUse {
      url = credentials.databaseURL
    }
    defer { postgres.stop() }
    return try body(DatabaseAccess(try DatabaseAddress(url)))
  }

  /// Runs `body` with a database to be filled. A private one is made if it is missing, and runs for that long.
  func withFresh(
    _ report: (BackupProgress) -> Void, _ body: (DatabaseAccess, _ administrator: DatabaseAccess?) throws -> Void
  ) throws {
    if let given = try given {
      try Surroundings(settings.databaseSettings(given.address.resolved()))
        .check(ConnectionNeed(settings), forRestore: true)
      return try body(given, nil)
    }
    report(.step("Making the private database"))
    let postgres = postgres
    let started = try postgres.start()
    defer { postgres.stop() }
    let access = DatabaseAccess(try DatabaseAddress(started.databaseURL))
    try body(access, access.acting(as: "postgres"))
  }
}

/// Work that blocks for a long time, on a thread of its own. A terminal shows its progress; SIGINT, SIGTERM or the end of
/// the terminal interrupts it.
private enum LongWork {
  static func run<Value: Sendable>(
    _ name: String, _ body: @escaping @Sendable (Interruption, @escaping (BackupProgress) -> Void) throws -> Value
  ) async throws -> Value {
    // Files that other programs make are for the owner only, too.
    umask(0o077)
    let interruption = try Interruption()
    _ = try Signals.stream { interruption.raise() }
    return try await withCheckedThrowingContinuation { continuation in
      do throws(SystemCallError) {
        _ = try SystemThread(name: name) {
          let display = WorkDisplay(name)
          let result = Result {
            try body(interruption) { progress in
              switch progress {
              case .step(let title): display.begin(title)
              case .part(let part, let note): display.show(part, note)
              }
            }
          }
          display.end()
          continuation.resume(with: result)
        }
      } catch {
        continuation.resume(throwing: error)
      }
    }
  }
}
