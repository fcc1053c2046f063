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

  /// Parameters: limit, offset.
  static let page = Statement<Int64, Int64, MonitoredServer>(
    "servers_page",
    """
    SELECT s.id, s.name, s.hostname, c.id AS collector_id, s.created_at, s.last_seen_at
    FROM pganalytics.servers s LEFT JOIN pganalytics.collectors c ON c.server_id = s.id
    ORDER BY s.id LIMIT $1 OFFSET $2
    """)

  static let count = Statement<SingleValue<Int64>>("servers_count", "SELECT count(*) FROM pganalytics.servers")

  static let byID = Statement<Int32, MonitoredServer>(
    "server_by_id",
    """
    SELECT s.id, s.name, s.hostname, c.id AS collector_id, s.created_at, s.last_seen_at
    FROM pganalytics.servers s LEFT JOIN pganalytics.collectors c ON c.server_id = s.id
    WHERE s.id = $1
    """)
}
