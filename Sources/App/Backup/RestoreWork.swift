// Restores a backup: checks everything first, then fills the database, then writes the files of the data directory. The
// database is marked from the first change to the end, so a restore that was interrupted is not taken for a whole one,
// and the same command begins it again.

internal import Glibc
import Ground
import Protocol

/// One restore. It blocks for as long as it takes, on a thread of its own.
struct RestoreWork {
  let directory: BackupDirectory
  let access: DatabaseAccess
  /// A superuser of a private database; nil for a database of somebody else.
  let administrator: DatabaseAccess?
  let dataDirectory: String
  let dataFiles: [BackupSources.DataFile]
  let searchPath: String
  let jobs: Int
  /// Whether what the database and the data directory have may be removed.
  let replaces: Bool
  /// Whether the rights of other roles are restored.
  let restoresGrants: Bool
  let interruption: Interruption
  let report: (BackupProgress) -> Void

  private var target: RestoreTarget { RestoreTarget(access: access, administrator: administrator) }

  /// Compares the files of a backup with its manifest. Touches nothing else.
  /// - Parameter newestSchema: the newest migration that this program knows.
  static func verified(
    _ directory: BackupDirectory, newestSchema: Int32, _ interruption: Interruption,
    _ report: (BackupProgress) -> Void
  ) throws -> BackupManifest {
    let manifest = try directory.manifest()
    if manifest.database.schema > newestSchema {
      throw BackupFailure(
        """
        The backup has schema version \(manifest.database.schema) of a newer program (\(manifest.program)), and this one \
        knows versions up to \(newestSchema). Use the newer program.
        """)
    }
    report(.step("Comparing the backup with its manifest"))
    try directory.verify(manifest) { progress in
      if interruption.isRaised { throw BackupFailure("The restore was interrupted. Nothing was changed.") }
      report(progress)
    }
    return manifest
  }

  /// - Parameter manifest: of `verified`.
  func run(_ manifest: BackupManifest) throws {
    let facts = try target.facts()
    try check(manifest.database, facts)
    try checkFiles(manifest)
    let programs = try ClientPrograms.find(
      searchPath: searchPath, majorVersion: max(manifest.database.dumpVersion, facts.serverVersion / 10_000))
    let entries = try countTables(programs)
    try target.awaitSolitude(interruption)
    try target.mark()
    do {
      try fill(manifest, facts, programs, tables: entries)
      report(.step("Writing the files of the data directory"))
      try writeFiles(manifest)
      try target.unmark()
    } catch {
      let reason = interruption.isRaised ? "The restore was interrupted." : BackupFailure.sentence(error)
      throw BackupFailure(
        "\(reason)\nThe restore has not ended, and no server starts on the database. The same command begins it again.")
    }
  }

  // MARK: - Before anything is changed

  private func check(_ backup: BackedUpDatabase, _ facts: RestoreTarget.Facts) throws {
    let (from, to) = (backup.serverVersion / 10_000, facts.serverVersion / 10_000)
    if to < from {
      throw BackupFailure(
        "The backup is of PostgreSQL \(from), and the database is PostgreSQL \(to): use PostgreSQL \(from) or newer.")
    }
    if let version = backup.timescale { try checkTimescale(version, facts) }
    if !facts.isEmpty, !facts.isMarked {
      guard replaces else {
        let names = facts.relations.isEmpty ? "schemas of pgAnalytics" : RestoreTarget.some(facts.relations)
        throw BackupFailure(
          "The database is not empty: it has \(names). Name an empty one, or say --replace to remove what it has.")
      }
      if !facts.foreignRelations.isEmpty {
        throw BackupFailure(
          """
          The database has things that are not of pgAnalytics: \(RestoreTarget.some(facts.foreignRelations)). --replace does \
          not remove them: move them first, or name another database.
          """)
      }
    }
    if restoresGrants {
      let missing = try target.missingRoles(backup.grantees)
      if !missing.isEmpty {
        throw BackupFailure(
          """
          The database grants rights to roles that do not exist here: \(RestoreTarget.some(missing)). Create them first, or \
          say --no-grants to restore without rights of other roles.
          """)
      }
    }
  }

  private func checkTimescale(_ version: String, _ facts: RestoreTarget.Facts) throws {
    if facts.timescaleVersions.isEmpty || !facts.isTimescaleLoaded {
      throw BackupFailure(
        """
        The backup is of a database with TimescaleDB \(version), and this PostgreSQL does not have TimescaleDB\
        \(facts.timescaleVersions.isEmpty ? "" : " in shared_preload_libraries"). Install it first.
        """)
    }
    if !facts.timescaleVersions.contains(version) {
      throw BackupFailure(
        """
        The backup is of TimescaleDB \(version), and this PostgreSQL offers \
        \(RestoreTarget.some(facts.timescaleVersions)). A restore needs the same version; TimescaleDB can be updated afterwards.
        """)
    }
    if !facts.isSuperuser, administrator == nil {
      throw BackupFailure(
        """
        TimescaleDB's own tables can be restored by a superuser only. Make the role of --database-url a superuser for the \
        time of the restore (ALTER ROLE … SUPERUSER, afterwards NOSUPERUSER).
        """)
    }
  }

  /// Checks that no file of the data directory is replaced by another one.
  private func checkFiles(_ manifest: BackupManifest) throws {
    if replaces { return }
    let files = files(manifest)
    for (source, target, _) in files {
      if let present = try LocalFile.read(target), present != (try LocalFile.require(source)) {
        throw BackupFailure(
          "\(target) is there and differs from the backup. Name another --data-dir, or say --replace to replace it.")
      }
    }
    for file in surplus(files) {
      throw BackupFailure(
        "\(file) is there and is not of the backup. Name another --data-dir, or say --replace to remove it.")
    }
  }

  /// Files of the data directory that would not belong to those of the backup.
  private func surplus(_ files: [(source: String, target: String, mode: mode_t)]) -> [String] {
    dataFiles.map { "\(dataDirectory)/\($0.name)" }
      .filter { file in LocalFile.exists(file) && !files.contains { $0.target == file } }
  }

  /// The files of the backup that belong into the data directory.
  private func files(_ manifest: BackupManifest) -> [(source: String, target: String, mode: mode_t)] {
    manifest.files.compactMap { file in
      let parts = file.path.split(separator: "/").map(String.init)
      let source = "\(directory.path)/\(file.path)"
      switch (parts.first, parts.count) {
      case ("data", 2):
        guard let known = dataFiles.first(where: { $0.name == parts[1] }) else { return nil }
        return (source, "\(dataDirectory)/\(known.name)", known.isPublic ? 0o644 : 0o600)
      case ("channels", 2): return (source, "\(dataDirectory)/channels/\(parts[1])", 0o600)
      case (BackupDirectory.settingsFile, 1): return (source, "\(dataDirectory)/\(BackupDirectory.settingsFile)", 0o600)
      default: return nil
      }
    }
  }

  /// The number of tables whose rows the dump has. pg_restore reads the dump's table of contents for it.
  private func countTables(_ programs: ClientPrograms) throws -> Int {
    var tables = 0
    try Command(programs.restore, ["--list", directory.database]).endingWithThread().follow(interruption) { line in
      if line.contains(" TABLE DATA ") { tables += 1 }
    }
    return tables
  }

  // MARK: - Changes

  private func fill(
    _ manifest: BackupManifest, _ facts: RestoreTarget.Facts, _ programs: ClientPrograms, tables: Int
  ) throws {
    let hasContent = facts.isMarked || !facts.isEmpty
    if hasContent {
      report(.step("Removing what the database has"))
      try target.clear(facts) { progress in
        if interruption.isRaised { throw EmbeddedPostgresError.commandInterrupted(program: "the restore") }
        report(progress)
      }
    }
    if let version = manifest.database.timescale {
      if facts.timescale != nil, hasContent || facts.timescale != version { try target.dropTimescale() }
      try target.beginTimescaleRestore(version: version)
    }
    report(.step("Restoring the database"))
    try restore(manifest, programs, tables)
    if manifest.database.timescale != nil { try target.endTimescaleRestore() }
    // PostgreSQL plans badly without statistics, which a dump does not have.
    report(.step("Collecting statistics"))
    try access.command(programs.vacuum, ["--analyze-only", "--jobs=\(jobs)", "--no-password"])
      .follow(interruption) { _ in }
  }

  private func restore(_ manifest: BackupManifest, _ programs: ClientPrograms, _ tables: Int) throws {
    // Several jobs do not keep the order in which TimescaleDB's own tables have to be filled.
    let jobs = manifest.database.timescale == nil ? jobs : 1
    var arguments = ["--exit-on-error", "--no-owner", "--verbose", "--jobs=\(jobs)", "--no-password"]
    if !restoresGrants { arguments.append("--no-privileges") }
    var begun = 0
    try access.command(programs.restore, arguments + [directory.database]).follow(interruption) { line in
      // pg_restore: processing data for table "metrics.pg_stats_p20261201"
      guard let table = line.split(separator: "processing data for table ").dropFirst().first else { return }
      begun += 1
      report(.part(Double(begun) / Double(max(tables, begun)), "\(begun) of \(max(tables, begun)) tables  \(table)"))
    }
  }

  private func writeFiles(_ manifest: BackupManifest) throws {
    try LocalDirectory.make(dataDirectory)
    let files = files(manifest)
    for file in surplus(files) { try LocalFile.remove(file) }
    for (source, target, mode) in files {
      try LocalDirectory.make(String(target[..<target.lastIndex(of: "/")!]))
      try LocalFile.replace(target, with: try LocalFile.require(source), mode: mode)
    }
  }
}
