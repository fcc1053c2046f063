extension MetricType {
  static let pgReplication: MetricType = {
    let slots = MetricTable(
      "pg_replication_slots", "State of one replication slot.", database: false, object: ["slot_name"],
      equals: .toldApartByPlace,
      columns: [
        .text("slot_type"), .flag("active"), .text("restart_lsn"), .text("confirmed_flush_lsn"),
        .count("wal_retained_mb", .megabytes), .flag("plugin_active"), .number("backend_pid"),
        .count("bytes_retained", .bytes),
      ])
    let status = MetricTable(
      "pg_replication_status", "State of one standby (pg_stat_replication).", database: false,
      object: ["application_name"], distinct: ["server_pid"],
      equals: .toldApartByPlace,
      columns: [
        .number("server_pid"), .text("usename"), .text("state"), .text("sync_state"), .text("write_lsn"),
        .text("flush_lsn"), .text("replay_lsn"), .count("write_lag_ms", .milliseconds),
        .count("flush_lag_ms", .milliseconds), .count("replay_lag_ms", .milliseconds),
        .count("behind_by_mb", .megabytes), .text("client_addr"), .timestamp("backend_start"),
      ])
    let wal = MetricTable(
      "pg_replication_wal", "The write-ahead log of the server.", database: false,
      equals: .each,
      columns: [
        .count("total_segments"), .count("current_wal_size_mb", .megabytes),
        .count("wal_directory_size_mb", .megabytes), .count("segments_since_checkpoint"),
        .real("growth_rate_mb_per_hour", .megabytesPerHour),
      ])
    let wraparound = MetricTable(
      "pg_replication_wraparound", "Distance of one database to transaction id wraparound.", database: false,
      object: ["database"],
      equals: .toldApartByPlace,
      columns: [
        .number("relfrozenxid"), .number("current_xid"), .count("xid_until_wraparound"),
        .real("percent_until_wraparound", .percent), .flag("at_risk"), .count("tables_needing_vacuum"),
        .count("oldest_table_age"),
      ])
    let subscriptions = MetricTable(
      "pg_replication_subscriptions", "State of one logical subscription.", database: false, object: ["sub_name"],
      equals: .toldApartByPlace,
      columns: [
        .text("sub_state"), .text("received_lsn"), .text("latest_end_lsn"), .timestamp("last_msg_receipt_time"),
        .timestamp("last_msg_send_time"), .number("worker_pid"), .count("worker_count"), .text("database"),
      ])
    let errors = MetricTable(
      "pg_replication_errors", "One thing that the collector could not read.", database: false, distinct: ["message"],
      equals: .each, columns: [.interned("message")])
    return MetricType(
      "pg_replication", "Replication slots, standbys, write-ahead log and wraparound.",
      [
        .rows("replication_slots", slots), .rows("replication_status", status),
        .nested("wal_status", Field.columns(of: wal)), .rows("wraparound_risk", wraparound),
        .rows("logical_subscriptions", subscriptions), .texts("collection_errors", errors),
      ])
  }()
}
