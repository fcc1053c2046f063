// The two types about the host: sysstat and disk_usage.

extension MetricType {
  static let sysstat: MetricType = {
    let host = MetricTable(
      "sysstat", "Processor, load and memory of the host. Processor shares are since boot.", database: false,
      equals: .each, zeroIsGap: true,
      columns: [
        .real("user", .percent, as: "cpu_user", means: "Share of processor time spent in programs, since boot."),
        .real("system", .percent, as: "cpu_system", means: "Share of processor time spent in the kernel, since boot."),
        .real("idle", .percent, as: "cpu_idle", means: "Share of processor time in which nothing ran, since boot."),
        .real(
          "iowait", .percent, as: "cpu_iowait",
          means: "Share of processor time idle while a disk was waited for, since boot."),
        .real(
          "load_1m", as: "cpu_load_1m",
          means: "Load average of the last minute: processes that run, wait for a processor or for a disk."),
        .real("load_5m", as: "cpu_load_5m", means: "Load average of the last 5 minutes."),
        .real("load_15m", as: "cpu_load_15m", means: "Load average of the last 15 minutes."),
        .count("total_mb", .megabytes, as: "memory_total_mb", means: "Memory of the host."),
        .count("free_mb", .megabytes, as: "memory_free_mb", means: "Memory that nothing uses, not even a cache."),
        .count(
          "cached_mb", .megabytes, as: "memory_cached_mb", means: "Memory that the kernel uses as its page cache."),
        .count(
          "used_mb", .megabytes, as: "memory_used_mb",
          means: "Memory that programs and the kernel use, without the page cache."),
      ])
    let disks = MetricTable(
      "sysstat_disk_io", "Counters of one block device (/proc/diskstats).", database: false, object: ["device"],
      equals: .toldApartByPlace,
      columns: [
        .counter("read_ops", means: "Reads completed since boot."),
        .counter("write_ops", means: "Writes completed since boot."),
        .counter("read_sectors", .sectors, means: "Sectors read since boot, of 512 bytes."),
        .counter("write_sectors", .sectors, means: "Sectors written since boot, of 512 bytes."),
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
            .count("total_gb", .gigabytes, means: "Size of the file system, rounded down."),
            .count("used_gb", .gigabytes, means: "Space in use, rounded down."),
            .count("free_gb", .gigabytes, means: "Space that is free, rounded down."),
            .real("percent_used", .percent, means: "Space in use as a share of the size."),
          ]))
    ])
}
