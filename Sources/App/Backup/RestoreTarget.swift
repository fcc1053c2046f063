// The database that a restore fills. This file lists its objects and removes them.

import Ground
import Reactor

/// Looks at the database of a restore and empties it.
struct RestoreTarget {
  /// How long sessions of an earlier restore may take to end: PostgreSQL finishes the statement that they run.
  private static let patience = Duration.seconds(60)
  /// How long other sessions may take to end, such as those of a server that has just stopped.
  private static let shortPatience = Duration.seconds(5)
  /// The schemas of pgAnalytics.
  private static let schemas = ["pganalytics", "metrics", "named", "rollups"]
  /// How many names a sentence lists.
  private static let shownNames = 5

  let access: DatabaseAccess
  /// A superuser of the same database, if that is another role.
  let administrator: DatabaseAccess?

  /// What the restore has to know before it changes anything.
  struct Facts {
    let serverVersion: Int
    let isSuperuser: Bool
    /// Whether an earlier restore has begun to fill the database.
    let isMarked: Bool
    /// The names of tables, views and sequences that belong to no extension.
    let relations: [String]
    /// Those among them that are not in the schemas of pgAnalytics.
    let foreignRelations: [String]
    let hasSchemas: Bool
    /// The version of TimescaleDB in the database; nil if it does not have it.
    let timescale: String?
    /// The versions of TimescaleDB that could be created.
    let timescaleVersions: [String]
    /// Whether PostgreSQL has loaded TimescaleDB at its start.
    let isTimescaleLoaded: Bool

    var isEmpty: Bool { relations.isEmpty && !hasSchemas }
  }

  /// Tables, views and sequences outside of extensions. `p` is a table with partitions, which fall with it.
  private static let relations = """
    SELECT n.nspname, c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname !~ '^_timescaledb_'
      AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND NOT c.relispartition
      AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    """

  func facts() throws -> Facts {
    let session = try access.session()
    let row = try session.rows(
      """
      SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
        to_regnamespace('\(RestoreMark.schema)') IS NOT NULL,
        EXISTS (SELECT FROM pg_namespace WHERE nspname IN (\(Self.schemas.map { "'\($0)'" }.joined(separator: ", ")))),
        (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
        current_setting('timescaledb.max_background_workers', true) IS NOT NULL
      """)[0]
    let versions = try session.rows(
      "SELECT version FROM pg_available_extension_versions WHERE name = 'timescaledb' ORDER BY 1")
    let relations = try session.rows("\(Self.relations) ORDER BY 1, 2").filter { $0[0] != RestoreMark.schema }
    func names(_ rows: [[String?]]) -> [String] { rows.map { "\($0[0] ?? "").\($0[1] ?? "")" } }
    return Facts(
      serverVersion: session.serverVersion, isSuperuser: row[0] == "t", isMarked: row[1] == "t",
      relations: names(relations), foreignRelations: names(relations.filter { !Self.schemas.contains($0[0] ?? "") }),
      hasSchemas: row[2] == "t", timescale: row[3], timescaleVersions: versions.compactMap { $0[0] },
      isTimescaleLoaded: row[4] == "t")
  }

  /// The roles among `names` that do not exist.
  func missingRoles(_ names: [String]) throws -> [String] {
    let known = try access.session().rows("SELECT rolname FROM pg_roles").map { $0[0] }
    return names.filter { !known.contains($0) }
  }

  /// Waits until no other session uses the database, because those of an interrupted restore end late.
  /// - Throws: a `BackupFailure` if others stay.
  func awaitSolitude(_ interruption: Interruption) throws {
    let session = try access.session()
    let start = MonotonicTime.now()
    while true {
      let others = try session.rows(
        """
        SELECT DISTINCT coalesce(nullif(application_name, ''), 'a program without a name') FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
        """)
      if others.isEmpty { return }
      let isOwn = others.allSatisfy { $0[0]?.hasPrefix("pganalytics backup") == true }
      if start.duration(to: .now()) >= (isOwn ? Self.patience : Self.shortPatience) {
        let names = others.compactMap { $0[0] }.joined(separator: ", ")
        throw BackupFailure("The database is in use by \(names): stop all servers of it first.")
      }
      if interruption.isRaised { throw EmbeddedPostgresError.commandInterrupted(program: "the restore") }
      _ = try session.rows("SELECT pg_sleep(0.2)")
    }
  }

  /// The first names of a list, for a sentence.
  static func some(_ names: [String]) -> String {
    names.prefix(shownNames).joined(separator: ", ")
      + (names.count > shownNames ? " and \(names.count - shownNames) more" : "")
  }

  /// Marks the database as one whose restore has begun.
  func mark() throws {
    _ = try access.session().rows(
      """
      CREATE SCHEMA IF NOT EXISTS \(RestoreMark.schema);
      COMMENT ON SCHEMA \(RestoreMark.schema) IS 'A restore was begun and has not ended.';
      """)
  }

  func unmark() throws { _ = try access.session().rows("DROP SCHEMA IF EXISTS \(RestoreMark.schema)") }

  /// Removes everything except the mark and extensions. The database is marked, so a failure in between is visible. One
  /// statement drops one table, because a transaction may hold a limited number of locks.
  func clear(_ facts: Facts, _ report: (BackupProgress) throws -> Void) throws {
    // A restore that was interrupted has left TimescaleDB with a part of its own tables: it could not drop others by them.
    if facts.isMarked, facts.timescale != nil {
      try endTimescaleRestore()
      try dropTimescale()
    }
    let session = try access.session()
    // Sequences come last: one that belongs to a column falls with its table, and only with it.
    let relations = try session.rows("\(Self.relations) ORDER BY c.relkind = 'S'")
    for (index, row) in relations.enumerated() {
      guard let schema = row[0], let name = row[1], let kind = row[2], schema != RestoreMark.schema else { continue }
      try report(.part(Double(index) / Double(relations.count), "\(schema).\(name)"))
      let noun: String
      switch kind {
      case "v": noun = "VIEW"
      case "m": noun = "MATERIALIZED VIEW"
      case "S": noun = "SEQUENCE"
      case "f": noun = "FOREIGN TABLE"
      default: noun = "TABLE"
      }
      _ = try session.rows("DROP \(noun) IF EXISTS \(Self.quoted(schema)).\(Self.quoted(name)) CASCADE")
    }
    let schemas = try session.rows(
      """
      SELECT n.nspname FROM pg_namespace n
      WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public', '\(RestoreMark.schema)')
        AND NOT EXISTS (SELECT FROM pg_depend d
          WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
      """)
    // What an interrupted restore has left came from the backup, also schemas of other names.
    for schema in schemas.compactMap({ $0[0] }) where facts.isMarked || Self.schemas.contains(schema) {
      _ = try session.rows("DROP SCHEMA IF EXISTS \(Self.quoted(schema)) CASCADE")
    }
  }

  /// Removes TimescaleDB, so that its own tables are empty when it is created again.
  func dropTimescale() throws { _ = try access.session().rows("DROP EXTENSION IF EXISTS timescaledb CASCADE") }

  /// Creates TimescaleDB as it was in the backup, and lets it accept the rows of its own tables.
  func beginTimescaleRestore(version: String) throws {
    // The version was compared with those that PostgreSQL offers, so it is no other text.
    _ = try access.session().rows("CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public VERSION '\(version)'")
    try setSuperuser(true)
    _ = try (administrator ?? access).session().rows("SELECT public.timescaledb_pre_restore()")
  }

  /// Lets TimescaleDB work again.
  func endTimescaleRestore() throws {
    _ = try (administrator ?? access).session().rows("SELECT public.timescaledb_post_restore()")
    try setSuperuser(false)
  }

  /// Gives the role of a private database the attribute, or takes it away. Other databases have an owner who decides.
  private func setSuperuser(_ isSuperuser: Bool) throws {
    guard let administrator, let role = access.address["user"] else { return }
    _ = try administrator.session().rows("ALTER ROLE \(Self.quoted(role)) \(isSuperuser ? "" : "NO")SUPERUSER")
  }

  static func quoted(_ name: String) -> String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }
}
