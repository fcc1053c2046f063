extension MetricType {
  static let pgConnections: MetricType = {
    let totals = MetricTable(
      "pg_connections", "Number of connections, as seen from one database.", database: true,
      equals: .each, zeroIsGap: true, columns: [.count("total_connections", means: "Connections to the database.")])
    let states = MetricTable(
      "pg_connections_by_state", "Connections of one database in one state.", database: true,
      distinct: ["session_database", "state"],
      equals: .each,
      columns: [
        .text("database", means: "The database that the connections are to.").shown(as: "session_database"),
        .text(
          "state",
          means: "What the sessions are doing: active, idle, idle in transaction and others of pg_stat_activity."),
        .count("count", means: "Connections in this state."),
        .real("max_age_seconds", .seconds, means: "Age of the oldest of them."),
        .real("min_age_seconds", .seconds, means: "Age of the youngest of them."),
      ])
    let long = MetricTable(
      "pg_long_running_transactions", "One transaction that has run for a long time.", database: true,
      distinct: ["pid", "query_start"],
      equals: .each,
      columns: [
        .number("pid", means: "Process id of the session."),
        .text("username", means: "User of the session."),
        .text("database", means: "Database of the session.").shown(as: "session_database"),
        .text("state", means: "What the session is doing, as in pg_stat_activity."),
        .interned("query", means: "Its statement."),
        .timestamp("query_start", means: "When the statement began."),
        .real("duration_seconds", .seconds, means: "How long the statement has run."),
        .text("application_name", means: "Name that the client gave itself."),
        .text("client_address", means: "Address of the client; NULL for a local socket."),
        .timestamp("backend_start", means: "When the session began."),
      ])
    let idle = MetricTable(
      "pg_idle_transactions", "One idle transaction.", database: true, distinct: ["pid", "query_start"],
      equals: .each,
      columns: [
        .number("pid", means: "Process id of the session."),
        .text("username", means: "User of the session."),
        .text("database", means: "Database of the session.").shown(as: "session_database"),
        .text("state", means: "What the session is doing, as in pg_stat_activity."),
        .timestamp("query_start", means: "When its last statement began."),
        .timestamp("state_change", means: "Since when the transaction has idled."),
        .real("idle_time_seconds", .seconds, means: "How long the transaction has idled."),
        .text("application_name", means: "Name that the client gave itself."),
        .text("client_address", means: "Address of the client; NULL for a local socket."),
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
