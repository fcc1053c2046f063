import Protocol

/// One version of a collector's configuration.
struct CollectorConfig: SQLRow {
  let version: Int32
  let toml: String
  let createdAt: Timestamp

  static let columns = [
    SQLColumn("version", Int32.self), SQLColumn("toml", String.self), SQLColumn("created_at", Timestamp.self),
  ]

  init(from row: inout RowReader) throws(DatabaseError) {
    version = try row.next()
    toml = try row.next()
    createdAt = try row.next()
  }
}

enum ConfigStatements {
  static let all = [latest.description, add.description]

  static let latest = Statement<UUID, CollectorConfig>(
    "config_latest",
    """
    SELECT version, toml, created_at FROM pganalytics.collector_configs
    WHERE collector_id = $1 ORDER BY version DESC LIMIT 1
    """)

  /// Adds the next version; no row if there is no such collector. The collector's row lock makes versions gapless.
  /// Parameters: collector, TOML, user.
  static let add = Statement<UUID, String, Int64?, CollectorConfig>(
    "config_add",
    """
    WITH collector AS (
      UPDATE pganalytics.collectors SET config_version = config_version + 1 WHERE id = $1
      RETURNING id, config_version)
    INSERT INTO pganalytics.collector_configs (collector_id, version, toml, created_by)
    SELECT id, config_version, $2, $3 FROM collector
    RETURNING version, toml, created_at
    """)
}
