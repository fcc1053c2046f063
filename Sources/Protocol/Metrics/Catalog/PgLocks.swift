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
        .number("pid", means: "Process id of the session that holds or awaits the lock."),
        .text("locktype", means: "Kind of the locked thing: relation, transactionid, tuple, advisory and others."),
        .text("mode", means: "Mode of the lock, such as AccessShareLock."),
        .flag("granted", means: "True: the lock is held; false: it is waited for."),
        .number("usesysid", means: "Object id of the session's user."),
        .number("database", means: "Object id of the database that the locked thing is in; 0 for a shared one.").shown(
          as: "lock_database"),
        .number("relation", means: "Object id of the locked table or index; NULL if it is neither."),
        .number("page", means: "Page of the relation; NULL if the lock is not on a page or row."),
        .number("tuple", means: "Row in the page; NULL if the lock is not on a row."),
        .text("virtualxid", means: "Virtual id of the transaction that is locked; else NULL."),
        .number("transactionid", means: "Id of the transaction that is locked; else NULL."),
        .number(
          "classid",
          means: "Object id of the catalogue that has the locked object; or a part of an advisory lock's key."),
        .number(
          "objid", means: "Object id of the locked object in that catalogue; or a part of an advisory lock's key."),
        .number(
          "objsubid", means: "Column number of the locked object, 0 for the whole; of an advisory lock its kind of key."
        ),
        .real(
          "lock_age_seconds", .seconds,
          means:
            "Time since the session's statement began: the lock is at most as old, unless an earlier statement took it."
        ),
        .text("username", means: "User of the session."),
        .text("state", means: "What the session is doing, as in pg_stat_activity."),
        .interned("query", means: "Its statement."),
      ])
    let chains = MetricTable(
      "pg_lock_wait_chains", "One backend that waits for another.", database: true,
      distinct: ["blocked_pid", "blocking_pid"],
      equals: .each,
      columns: [
        .number("blocked_pid", means: "Process id of the session that waits."),
        .text("blocked_user", means: "User of the session that waits."),
        .number("blocking_pid", means: "Process id of another session that holds, or waits for, the same lock."),
        .text("blocking_user", means: "User of that session."),
        .interned("blocked_query", means: "Statement that waits."),
        .interned("blocking_query", means: "Last statement of the other session."),
        .text("blocked_application", means: "Name that the waiting client gave itself."),
        .text("blocking_application", means: "Name that the other client gave itself."),
        .real("wait_time_seconds", .seconds, means: "Time since the waiting statement began."),
      ])
    let blocking = MetricTable(
      "pg_blocking_queries", "One statement that blocks others.", database: true,
      distinct: ["pid", "query_start"],
      equals: .each,
      columns: [
        .number("pid", means: "Process id of the session."),
        .text("username", means: "User of the session."),
        .text("database", means: "Database of the session.").shown(as: "session_database"),
        .text("state", means: "What the session is doing, as in pg_stat_activity."),
        .interned("query", means: "Its statement."),
        .timestamp("query_start", means: "When the statement began."),
        .timestamp("state_change", means: "When the state changed last."),
        .real("duration_seconds", .seconds, means: "Time since the statement began."),
        .text("application_name", means: "Name that the client gave itself."),
        .text("client_address", means: "Address of the client; NULL for a local socket."),
        .timestamp("backend_start", means: "When the session began."),
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
