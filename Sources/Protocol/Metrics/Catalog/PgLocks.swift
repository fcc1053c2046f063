extension MetricType {
  static let pgLocks: MetricType = {
    let locks = MetricTable(
      "pg_locks", "One lock held or awaited (pg_locks).", database: true,
      distinct: [
        "pid", "locktype", "mode", "granted", "lock_database", "relation", "page", "tuple", "virtualxid",
        "transactionid",
        "classid", "objid", "objsubid",
      ],
      equals: .each,
      columns: [
        .number("pid"), .text("locktype"), .text("mode"), .flag("granted"), .number("usesysid"),
        .number("database").shown(as: "lock_database"),
        .number("relation"), .number("page"), .number("tuple"), .text("virtualxid"), .number("transactionid"),
        .number("classid"), .number("objid"), .number("objsubid"), .real("lock_age_seconds", .seconds),
        .text("username"), .text("state"), .interned("query"),
      ])
    let chains = MetricTable(
      "pg_lock_wait_chains", "One backend that waits for another.", database: true,
      distinct: ["blocked_pid", "blocking_pid"],
      equals: .each,
      columns: [
        .number("blocked_pid"), .text("blocked_user"), .number("blocking_pid"), .text("blocking_user"),
        .interned("blocked_query"), .interned("blocking_query"), .text("blocked_application"),
        .text("blocking_application"), .real("wait_time_seconds", .seconds),
      ])
    let blocking = MetricTable(
      "pg_blocking_queries", "One statement that blocks others.", database: true,
      distinct: ["pid", "query_start"],
      equals: .each,
      columns: [
        .number("pid"), .text("username"), .text("database").shown(as: "session_database"), .text("state"),
        .interned("query"),
        .timestamp("query_start"), .timestamp("state_change"), .real("duration_seconds", .seconds),
        .text("application_name"), .text("client_address"), .timestamp("backend_start"),
      ])
    return MetricType(
      "pg_locks", "Locks, waits and the statements behind them.",
      [
        .ignored("collector_id"), .ignored("hostname"),
        .databases([
          .rows("active_locks", locks), .rows("lock_wait_chains", chains), .rows("blocking_queries", blocking),
        ]),
      ])
  }()
}
