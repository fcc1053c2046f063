import Protocol

/// One version of a collector's configuration.
struct CollectorConfig: SQLRow {
  let version: Int32
  let toml: String
  let createdAt: Timestamp

  init(from row: inout RowReader) throws(DatabaseError) {
    version = try row.read("version")
    toml = try row.read("toml")
    createdAt = try row.read("created_at")
  }
}

/// A version without its text, for lists.
struct ConfigVersion: SQLRow {
  let version: Int32
  let createdAt: Timestamp
  /// The name of the user who stored it; nil if the user is gone.
  let createdBy: String?
  let bytes: Int32
  /// Whether it is the version that the collector fetched last.
  let isEffective: Bool
}

extension ConfigVersion {
  init(from row: inout RowReader) throws(DatabaseError) {
    version = try row.read("version")
    createdAt = try row.read("created_at")
    createdBy = try row.read("created_by")
    bytes = try row.read("bytes")
    isEffective = try row.read("is_effective")
  }
}

enum ConfigStatements {
  static let all = [
    latest.description, one.description, page.description, latestVersion.description, lockVersion.description,
    add.description,
    pulled.description,
  ]

  static let latest = Statement<UUID, CollectorConfig>(
    "config_latest",
    """
    SELECT \(CollectorConfig.list()) FROM pganalytics.collector_configs
    WHERE collector_id = $1 ORDER BY version DESC LIMIT 1
    """)

  static let one = Statement<UUID, Int32, CollectorConfig>(
    "config_version",
    """
    SELECT \(CollectorConfig.list()) FROM pganalytics.collector_configs
    WHERE collector_id = $1 AND version = $2
    """)

  /// A page of versions, the newest first. Parameters: collector, limit, offset.
  static let page = Statement<UUID, Int64, Int64, ConfigVersion>(
    "config_versions",
    """
    SELECT f.version, f.created_at, u.username AS created_by, octet_length(f.toml) AS bytes,
      f.version IS NOT DISTINCT FROM c.pulled_config_version AS is_effective
    FROM pganalytics.collector_configs f
    JOIN pganalytics.collectors c ON c.id = f.collector_id
    LEFT JOIN pganalytics.users u ON u.id = f.created_by
    WHERE f.collector_id = $1 ORDER BY f.version DESC LIMIT $2 OFFSET $3
    """)

  /// The number of the latest version; 0 if there is none yet; no row if there is no such collector.
  static let latestVersion = Statement<UUID, SingleValue<Int32>>(
    "config_latest_version", "SELECT config_version FROM pganalytics.collectors WHERE id = $1")

  /// The same, with the row locked until the end of the transaction. So nobody adds a version between the check of
  /// `If-Match` and the change.
  static let lockVersion = Statement<UUID, SingleValue<Int32>>(
    "config_lock_version", "SELECT config_version FROM pganalytics.collectors WHERE id = $1 FOR UPDATE")

  /// Adds the next version. Parameters: collector, TOML, user.
  static let add = Statement<UUID, String, Int64?, NoRow>(
    "config_add",
    """
    WITH collector AS (
      UPDATE pganalytics.collectors SET config_version = config_version + 1 WHERE id = $1
      RETURNING id, config_version)
    INSERT INTO pganalytics.collector_configs (collector_id, version, toml, created_by)
    SELECT id, config_version, $2, $3 FROM collector
    """)

  /// Records the version that the collector has fetched. Parameters: collector, version.
  static let pulled = Statement<UUID, Int32, NoRow>(
    "config_pulled",
    """
    UPDATE pganalytics.collectors SET pulled_config_version = $2, config_pulled_at = now()
    WHERE id = $1 AND pulled_config_version IS DISTINCT FROM $2
    """)
}
