extension MetricType {
  static let pgReplication: MetricType = {
    let slots = MetricTable(
      "pg_replication_slots", "State of one replication slot.", database: false, object: ["slot_name"],
      equals: .toldApartByPlace,
      columns: [
        .text("slot_type", means: "physical or logical."),
        .flag("active", means: "Whether a standby or subscriber is connected to the slot."),
        .text("restart_lsn", means: "Oldest position in the write-ahead log that the slot keeps."),
        .text("confirmed_flush_lsn", means: "Position up to which a logical subscriber has confirmed its data."),
        .count("wal_retained_mb", .megabytes, means: "Write-ahead log kept for the slot, as the collector reports it."),
        .flag("plugin_active", means: "Whether the slot's output plugin is active."),
        .number("backend_pid", means: "Process id of the session that uses the slot; 0: none."),
        .count("bytes_retained", .bytes, means: "Write-ahead log kept for the slot, as the collector reports it."),
      ])
    let status = MetricTable(
      "pg_replication_status", "State of one standby (pg_stat_replication).", database: false,
      object: ["application_name"], distinct: ["server_pid"],
      equals: .toldApartByPlace,
      columns: [
        .number("server_pid", means: "Process id of the WAL sender."),
        .text("usename", means: "User of the standby's connection."),
        .text("state", means: "What the sender is doing: startup, catchup, streaming, backup or stopping."),
        .text("sync_state", means: "Whether commits wait for the standby: async, potential, sync or quorum."),
        .text("write_lsn", means: "Last position that the standby has written."),
        .text("flush_lsn", means: "Last position that the standby has flushed to disk."),
        .text("replay_lsn", means: "Last position that the standby has replayed."),
        .count("write_lag_ms", .milliseconds, means: "Time from a local flush until the standby had written it."),
        .count("flush_lag_ms", .milliseconds, means: "Time from a local flush until the standby had flushed it."),
        .count("replay_lag_ms", .milliseconds, means: "Time from a local flush until the standby had replayed it."),
        .count("behind_by_mb", .megabytes, means: "Write-ahead log that the standby has written and not yet replayed."),
        .text("client_addr", means: "Address of the standby."),
        .timestamp("backend_start", means: "When the standby connected."),
      ])
    let wal = MetricTable(
      "pg_replication_wal", "The write-ahead log of the server.", database: false,
      equals: .each, zeroIsGap: true,
      columns: [
        .count("total_segments", means: "Segment files of the write-ahead log."),
        .count("current_wal_size_mb", .megabytes, means: "Size of the write-ahead log."),
        .count("wal_directory_size_mb", .megabytes, means: "Size of the directory pg_wal."),
        .count("segments_since_checkpoint", means: "Segments written since the last checkpoint."),
        .real(
          "growth_rate_mb_per_hour", .megabytesPerHour,
          means: "How fast the write-ahead log grows, as the collector estimates it."),
      ])
    let wraparound = MetricTable(
      "pg_replication_wraparound", "Distance of one database to transaction id wraparound.", database: false,
      object: ["database"],
      equals: .toldApartByPlace,
      columns: [
        .number("relfrozenxid", means: "Oldest transaction id of the database that is not frozen."),
        .number("current_xid", means: "Transaction id at the time of the report, as the collector derives it."),
        .count("xid_until_wraparound", means: "Transaction ids left before the database stops taking writes."),
        .real("percent_until_wraparound", .percent, means: "Transaction ids left as a share of all."),
        .flag("at_risk", means: "Whether the collector calls it a risk: less than 20 percent are left."),
        .count("tables_needing_vacuum", means: "Tables that should be vacuumed against wraparound."),
        .count("oldest_table_age", means: "Age of the oldest table, in transactions."),
      ])
    let subscriptions = MetricTable(
      "pg_replication_subscriptions", "State of one logical subscription.", database: false, object: ["sub_name"],
      equals: .toldApartByPlace,
      columns: [
        .text("sub_state", means: "State of the subscription."),
        .text("received_lsn", means: "Last position received from the publisher."),
        .text("latest_end_lsn", means: "Last position confirmed to the publisher."),
        .timestamp(
          "last_msg_receipt_time", means: "When the publisher's last message was received, by the subscriber's clock."),
        .timestamp(
          "last_msg_send_time", means: "When the publisher's last message was sent, by the publisher's clock."),
        .number("worker_pid", means: "Process id of the apply worker."),
        .count("worker_count", means: "Workers of the subscription."),
        .text("database", means: "Database of the subscription."),
      ])
    let errors = MetricTable(
      "pg_replication_errors", "What the collector could not read.", database: false, distinct: ["message"],
      equals: .each, columns: [.interned("message", means: "What went wrong, in the collector's words.")])
    return MetricType(
      "pg_replication", "Replication slots, standbys, write-ahead log and wraparound.",
      [
        .rows("replication_slots", slots), .rows("replication_status", status),
        .nested("wal_status", Field.columns(of: wal)), .rows("wraparound_risk", wraparound),
        .rows("logical_subscriptions", subscriptions), .texts("collection_errors", errors),
      ])
  }()
}
