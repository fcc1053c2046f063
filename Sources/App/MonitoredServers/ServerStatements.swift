import Protocol

/// A monitored server as the API shows it.
struct MonitoredServer: SQLRow {
  let id: Int32
  let name: String
  let labels: LabelSet
  let hostname: String
  let collectorID: UUID?
  let createdAt: Timestamp
  let lastSeenAt: Timestamp?
}

extension MonitoredServer {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    name = try row.read("name")
    labels = try row.read("labels")
    hostname = try row.read("hostname")
    collectorID = try row.read("collector_id")
    createdAt = try row.read("created_at")
    lastSeenAt = try row.read("last_seen_at")
  }
}

enum ServerStatements {
  static let all = ServerList.listing.statements + [byID.description]

  /// The columns of a `MonitoredServer`, from `pganalytics.servers s`. Its collector is the one that enrolled last, of those
  /// that are not revoked if there is one.
  static let columns = """
    s.id, s.name, \(LabelStatements.column(of: "s.id")), s.hostname,
      (SELECT o.id FROM pganalytics.collectors o WHERE o.server_id = s.id
        ORDER BY o.revoked_at IS NOT NULL, o.generation DESC LIMIT 1) AS collector_id,
      s.created_at, s.last_seen_at
    """

  static let byID = Statement<Int32, MonitoredServer>(
    "server_by_id", "SELECT \(columns) FROM pganalytics.servers s WHERE s.id = $1")
}
