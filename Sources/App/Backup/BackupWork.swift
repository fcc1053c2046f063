// Makes a backup of a database and of the files that a server needs besides it, while servers run.

import Ground
import Protocol
import Reactor

/// What a backup contains besides the database.
struct BackupSources: Sendable {
  /// A file of the data directory.
  struct DataFile: Sendable {
    let name: String
    /// Whether other users of the machine may read it.
    var isPublic = false
  }

  let dataDirectory: String
  let dataFiles: [DataFile]
  /// The file of the channel key if it is not in the data directory; nil if it is.
  var channelKeyFile: String?
  /// The name under which the data directory has the channel key.
  let channelKeyName: String
  /// The directory of the files that channels name; nil if there is none.
  var channelDirectory: String?
  /// The settings file; nil if there is none.
  var settingsFile: String?
  /// The files of the authorities. Their keys belong together.
  let authorityFiles: [String]
}

/// One making of a backup. It blocks for as long as the dump takes, on a thread of its own.
struct BackupWork {
  let directory: BackupDirectory
  let access: DatabaseAccess
  let sources: BackupSources
  let searchPath: String
  /// How many tables are dumped at the same time.
  let jobs: Int
  let interruption: Interruption
  let report: (BackupProgress) -> Void

  /// - Returns: the manifest of the complete backup.
  func run() throws -> BackupManifest {
    let madeAt = Timestamp(unixMicroseconds: WallClock.unixMicroseconds())
    let session = try access.session()
    let programs = try ClientPrograms.find(searchPath: searchPath, majorVersion: session.serverVersion / 10_000)
    let (database, tables) = try describe(session, programs)
    let before = try sources.authorityFiles.map { try LocalFile.read($0) }
    guard before.contains(where: { $0 != nil }) else {
      throw BackupFailure(
        "\(sources.dataDirectory) has no authority: it is not the data directory of a server. Name it with --data-dir.")
    }
    // Another process cannot take the directory as long as the mark is locked.
    let mark = try directory.begin()
    return try mark.withRaw { _ in
      do {
        try dump(programs, tables)
        report(.step("Copying the files of the data directory"))
        try copyFiles()
        // A file of an authority that changed meanwhile may not belong to the others, or to the dump.
        if try sources.authorityFiles.map({ try LocalFile.read($0) }) != before {
          throw BackupFailure("An authority was changed while the backup was made.")
        }
        report(.step("Reading the backup again"))
        return try directory.seal(database, madeAt: madeAt, reporting)
      } catch {
        let reason = interruption.isRaised ? "The backup was interrupted." : BackupFailure.sentence(error)
        throw BackupFailure(
          "\(reason)\nThe backup in \(directory.path) is unfinished. The same command begins it again.")
      }
    }
  }

  private func reporting(_ progress: BackupProgress) throws(EmbeddedPostgresError) {
    if interruption.isRaised { throw .commandInterrupted(program: "the backup") }
    report(progress)
  }

  /// What the manifest says about the database, and the number of its tables.
  private func describe(
    _ session: borrowing BlockingSession, _ programs: ClientPrograms
  ) throws -> (BackedUpDatabase, tables: Int) {
    let facts = try session.rows(
      """
      SELECT to_regclass('pganalytics.schema_migrations') IS NOT NULL, to_regclass('pganalytics.storage') IS NOT NULL,
        to_regnamespace('\(RestoreMark.schema)') IS NOT NULL,
        (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
        (SELECT count(*) FROM pg_class c WHERE relkind = 'r' AND relnamespace::regnamespace::text
          NOT IN ('pg_catalog', 'information_schema'))
      """)[0]
    if facts[2] == "t" { throw BackupFailure(RestoreMark.sentence) }
    if facts[0] != "t" { throw BackupFailure("The database has no schema of pgAnalytics.") }
    let schema = try session.rows("SELECT max(version) FROM pganalytics.schema_migrations")[0][0]
    var kind: String?
    if facts[1] == "t" { kind = try session.rows("SELECT kind FROM pganalytics.storage").first?[0] }
    let grantees = try session.rows(
      """
      SELECT DISTINCT r.rolname FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
      WHERE d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND d.deptype = 'a'
        AND d.refclassid = 'pg_authid'::regclass AND r.rolname !~ '^pg_'
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')
      ORDER BY 1
      """)
    let database = BackedUpDatabase(
      schema: schema.flatMap { Int32($0) } ?? 0, storage: kind.flatMap(StorageKind.init) ?? .plain,
      serverVersion: session.serverVersion, dumpVersion: programs.majorVersion, timescale: facts[3],
      grantees: grantees.compactMap { $0[0] })
    return (database, tables: facts[4].flatMap { Int($0) } ?? 0)
  }

  /// Writes the dump. All its tables are of one moment, also with several jobs, because these share a snapshot.
  private func dump(_ programs: ClientPrograms, _ tables: Int) throws {
    report(.step("Dumping the database"))
    var begun = 0
    try access.command(
      programs.dump,
      ["--format=directory", "--file=\(directory.database)", "--jobs=\(jobs)", "--verbose", "--no-password"]
    ).follow(interruption) { line in
      // pg_dump: dumping contents of table "metrics.pg_stats_p20261201"
      guard let table = line.split(separator: "dumping contents of table ").dropFirst().first else { return }
      begun += 1
      report(.part(Double(begun) / Double(max(tables, begun)), "\(begun) of \(max(tables, begun)) tables  \(table)"))
    }
  }

  /// Copies the files. They are copied after the dump, because a key that a row of the dump needs was made before the row.
  private func copyFiles() throws {
    for file in sources.dataFiles {
      _ = try directory.copy("\(sources.dataDirectory)/\(file.name)", to: "data/\(file.name)")
    }
    if let key = sources.channelKeyFile, try !directory.copy(key, to: "data/\(sources.channelKeyName)") {
      throw BackupFailure("The channel key \(key) is missing.")
    }
    if let channels = sources.channelDirectory {
      for name in LocalDirectory.names(in: channels) where !name.hasPrefix(".") {
        if FileStatus(of: "\(channels)/\(name)", followingLinks: true)?.isDirectory == false {
          _ = try directory.copy("\(channels)/\(name)", to: "channels/\(name)")
        }
      }
    }
    if let settings = sources.settingsFile, try !directory.copy(settings, to: BackupDirectory.settingsFile) {
      throw BackupFailure("The settings file \(settings) is missing.")
    }
  }
}
