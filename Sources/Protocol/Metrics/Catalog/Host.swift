// The two types about the host: sysstat and disk_usage.

extension MetricType {
  static let sysstat: MetricType = {
    let host = MetricTable(
      "sysstat", "Processor, load and memory of the host. Processor shares are since boot.", database: false,
      equals: .each,
      columns: [
        .real("user", .percent, as: "cpu_user"), .real("system", .percent, as: "cpu_system"),
        .real("idle", .percent, as: "cpu_idle"), .real("iowait", .percent, as: "cpu_iowait"),
        .real("load_1m", as: "cpu_load_1m"), .real("load_5m", as: "cpu_load_5m"), .real("load_15m", as: "cpu_load_15m"),
        .count("total_mb", .megabytes, as: "memory_total_mb"), .count("free_mb", .megabytes, as: "memory_free_mb"),
        .count("cached_mb", .megabytes, as: "memory_cached_mb"), .count("used_mb", .megabytes, as: "memory_used_mb"),
      ])
    let disks = MetricTable(
      "sysstat_disk_io", "Counters of one block device (/proc/diskstats).", database: false, object: ["device"],
      equals: .toldApartByPlace,
      columns: [
        .counter("read_ops"), .counter("write_ops"), .counter("read_sectors", .sectors),
        .counter("write_sectors", .sectors),
      ])
    return MetricType(
      "sysstat", "Processor, memory and disk activity of the host.",
      [
        .nested("cpu", Field.columns(of: host, prefix: "cpu_")),
        .nested("memory", Field.columns(of: host, prefix: "memory_")),
        .rows("disk_io", disks),
      ])
  }()

  static let diskUsage = MetricType(
    "disk_usage", "Space of the host's file systems.",
    [
      .rows(
        "filesystems",
        MetricTable(
          "disk_usage", "Space of one file system.", database: false, object: ["device", "mount"],
          equals: .toldApartByPlace,
          columns: [
            .count("total_gb", .gigabytes), .count("used_gb", .gigabytes), .count("free_gb", .gigabytes),
            .real("percent_used", .percent),
          ]))
    ])
}
