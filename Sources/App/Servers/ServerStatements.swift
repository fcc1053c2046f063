import Protocol

/// A monitored server as the API shows it.
struct MonitoredServer: SQLRow {
  let id: Int32
  let name: String
  let hostname: String
  let collectorID: UUID?
  let createdAt: Timestamp
  let lastSeenAt: Timestamp?

  init(
    id: Int32, name: String, hostname: String, collectorID: UUID?, createdAt: Timestamp, lastSeenAt: Timestamp?
  ) {
    self.id = id
    self.name = name
    self.hostname = hostname
    self.collectorID = collectorID
    self.createdAt = createdAt
    self.lastSeenAt = lastSeenAt
  }

  static let columns = [
    SQLColumn("id", Int32.self), SQLColumn("name", String.self), SQLColumn("hostname", String.self),
    SQLColumn("collector_id", UUID?.self), SQLColumn("created_at", Timestamp.self),
    SQLColumn("last_seen_at", Timestamp?.self),
  ]

  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.next()
    name = try row.next()
    hostname = try row.next()
    collectorID = try row.next()
    createdAt = try row.next()
    lastSeenAt = try row.next()
  }
}

enum ServerStatements {
  static let all = [page.description, count.description, byID.description]

  /// The collector that enrolled last, of those that are not revoked if there is one.
  private static let collector = """
    LEFT JOIN LATERAL (SELECT o.id FROM pganalytics.collectors o WHERE o.server_id = s.id
      ORDER BY o.revoked_at IS NOT NULL, o.generation DESC LIMIT 1) c ON true
    """

  /// $1: a part of name or host name, or null.
  private static let filter = """
    ($1::text IS NULL OR strpos(lower(s.name), lower($1)) > 0 OR strpos(lower(s.hostname), lower($1)) > 0)
    """

  /// Parameters: part of the name, order (`ServerOrder`), limit, offset.
  static let page = Statement<String?, String, Int64, Int64, MonitoredServer>(
    "servers_page",
    """
    SELECT s.id, s.name, s.hostname, c.id AS collector_id, s.created_at, s.last_seen_at
    FROM pganalytics.servers s \(collector)
    WHERE \(filter)
    ORDER BY CASE $2 WHEN 'name' THEN s.name WHEN 'hostname' THEN s.hostname END,
      CASE $2 WHEN '-name' THEN s.name WHEN '-hostname' THEN s.hostname END DESC,
      CASE $2 WHEN 'created_at' THEN s.created_at WHEN 'last_seen_at' THEN s.last_seen_at END NULLS LAST,
      CASE $2 WHEN '-created_at' THEN s.created_at WHEN '-last_seen_at' THEN s.last_seen_at END DESC NULLS LAST,
      CASE $2 WHEN '-id' THEN s.id END DESC, s.id
    LIMIT $3 OFFSET $4
    """)

  static let count = Statement<String?, SingleValue<Int64>>(
    "servers_count", "SELECT count(*) FROM pganalytics.servers s WHERE \(filter)")

  static let byID = Statement<Int32, MonitoredServer>(
    "server_by_id",
    """
    SELECT s.id, s.name, s.hostname, c.id AS collector_id, s.created_at, s.last_seen_at
    FROM pganalytics.servers s \(collector)
    WHERE s.id = $1
    """)
}
