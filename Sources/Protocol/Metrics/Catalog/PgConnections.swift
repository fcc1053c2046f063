extension MetricType {
  static let pgConnections: MetricType = {
    let totals = MetricTable(
      "pg_connections", "Number of connections, as seen from one database.", database: true,
      equals: .each, columns: [.count("total_connections")])
    let states = MetricTable(
      "pg_connections_by_state", "Connections of one database in one state.", database: true,
      distinct: ["session_database", "state"],
      equals: .each,
      columns: [
        .text("database").shown(as: "session_database"), .text("state"), .count("count"),
        .real("max_age_seconds", .seconds),
        .real("min_age_seconds", .seconds),
      ])
    let long = MetricTable(
      "pg_long_running_transactions", "One transaction that has run for a long time.", database: true,
      distinct: ["pid", "query_start"],
      equals: .each,
      columns: [
        .number("pid"), .text("username"), .text("database").shown(as: "session_database"), .text("state"),
        .interned("query"),
        .timestamp("query_start"), .real("duration_seconds", .seconds), .text("application_name"),
        .text("client_address"), .timestamp("backend_start"),
      ])
    let idle = MetricTable(
      "pg_idle_transactions", "One idle transaction.", database: true, distinct: ["pid", "query_start"],
      equals: .each,
      columns: [
        .number("pid"), .text("username"), .text("database").shown(as: "session_database"), .text("state"),
        .timestamp("query_start"),
        .timestamp("state_change"), .real("idle_time_seconds", .seconds), .text("application_name"),
        .text("client_address"),
      ])
    return MetricType(
      "pg_connections", "Connections and transactions.",
      [
        .ignored("collector_id"), .ignored("hostname"),
        .databases([
          .nested("connection_stats", [.rows("by_state", states)] + Field.columns(of: totals)),
          .rows("long_running_transactions", long), .rows("idle_transactions", idle),
        ]),
      ])
  }()
}
