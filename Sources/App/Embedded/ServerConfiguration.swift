// postgresql.conf, pg_hba.conf and pg_ident.conf of the private cluster, written at every start. The values are those
// with which the write path was measured; memory and disk limit them on a smaller machine.

internal import Glibc
internal import Ground

/// The resources from which the server's settings are computed.
struct MachineResources: Sendable {
  /// The memory of the machine, or the cgroup's limit if that is lower.
  let memoryBytes: Int
  /// The free bytes on the cluster's file system.
  let freeDiskBytes: Int

  static func measure(diskPath: String) -> MachineResources {
    var memory = sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE))
    var limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
    // The line of cgroup v2 for a service that sees the whole tree: "0::/system.slice/pganalytics.service"
    let groups = LocalFile.tail(of: "/proc/self/cgroup", limit: 4096) ?? ""
    if let path = groups.split(separator: "\n").first(where: { $0.hasPrefix("0::/") })?.dropFirst(3) {
      limits.append("/sys/fs/cgroup\(path)/memory.max")
    }
    for limit in limits {
      let text = LocalFile.tail(of: limit, limit: 64) ?? ""
      if let bytes = Int(text.prefix { $0 != "\n" }) { memory = min(memory, bytes) }
    }
    return MachineResources(memoryBytes: memory, freeDiskBytes: LocalFile.freeBytes(at: diskPath))
  }
}

/// The configuration files of the cluster.
struct ServerConfiguration: Sendable {
  let layout: ClusterLayout
  let resources: MachineResources
  let preloadsTimescaleDB: Bool
  /// System users that may connect as any role: this process's user, root and the cluster's owner.
  let systemUsers: [String]

  static let maximumSharedBuffersBytes = 1 << 30
  static let maximumWALBytes = 8 << 30

  /// No network, durable, and with few log lines. `data_directory` is separate from the configuration, so `pg_ctl -D
  /// HOME` works, too.
  var postgresql: String {
    let sharedBuffers = min(max(resources.memoryBytes / 4, 16 << 20), Self.maximumSharedBuffersBytes)
    // At most a quarter of the free space: a full disk stops PostgreSQL, while early checkpoints only slow it down.
    let wal = min(max(resources.freeDiskBytes / 4, 256 << 20), Self.maximumWALBytes)
    return """
      # Written by pganalytics at every start; changes here are lost.
      cluster_name = 'pganalytics'
      data_directory = \(quoted(layout.cluster))
      hba_file = \(quoted(layout.home + "/pg_hba.conf"))
      ident_file = \(quoted(layout.home + "/pg_ident.conf"))
      listen_addresses = ''
      port = 5432
      unix_socket_directories = \(quotedListItem(layout.socketDirectory))
      unix_socket_permissions = 0700
      max_connections = 100

      shared_buffers = \(megabytes(sharedBuffers))
      effective_cache_size = \(megabytes(max(resources.memoryBytes / 2, 64 << 20)))
      work_mem = 16MB
      maintenance_work_mem = \(megabytes(min(max(resources.memoryBytes / 16, 32 << 20), 512 << 20)))
      random_page_cost = 1.1
      max_worker_processes = \(preloadsTimescaleDB ? 32 : 16)

      fsync = on
      synchronous_commit = on
      full_page_writes = on
      wal_level = replica
      wal_buffers = \(megabytes(min(64 << 20, sharedBuffers / 4)))
      max_wal_size = \(megabytes(wal))
      min_wal_size = \(megabytes(min(1 << 30, wal / 4)))
      checkpoint_timeout = 15min
      \(preload)
      # A ring of seven files, one a weekday, each emptied before it is used again.
      logging_collector = on
      log_directory = \(quoted(layout.log))
      log_filename = 'postgresql-%u.log'
      log_rotation_age = 1d
      log_rotation_size = 0
      log_truncate_on_rotation = on
      log_line_prefix = '%m [%p] %q%u@%d '
      log_timezone = 'UTC'
      timezone = 'UTC'
      datestyle = 'iso, ymd'
      lc_messages = 'C'
      lc_monetary = 'C'
      lc_numeric = 'C'
      lc_time = 'C'
      default_text_search_config = 'pg_catalog.simple'

      """
  }

  /// No password is needed, so none can be stolen: the kernel identifies the user at the other end of the socket.
  var hostBasedAuthentication: String {
    """
    # Written by pganalytics at every start; changes here are lost.
    # TYPE  DATABASE     USER      METHOD
    local   all          all       peer map=owners
    local   replication  postgres  peer map=owners

    """
  }

  var userNameMap: String {
    var text = "# Written by pganalytics at every start; changes here are lost.\n# MAP SYSTEM-USER ROLE\n"
    for user in systemUsers {
      for role in ["postgres", "pganalytics"] {
        text += "owners \"\(user)\" \(role)\n"
      }
    }
    return text
  }

  func write() throws(EmbeddedPostgresError) {
    for (name, text) in [
      ("postgresql.conf", postgresql), ("pg_hba.conf", hostBasedAuthentication), ("pg_ident.conf", userNameMap),
    ] {
      try EmbeddedPostgresError.wrapping { () throws(FileError) in
        try LocalFile.replace("\(layout.home)/\(name)", with: Array(text.utf8), mode: layout.fileMode)
      }
    }
  }

  private var preload: String {
    preloadsTimescaleDB ? "\nshared_preload_libraries = 'timescaledb'\ntimescaledb.telemetry_level = off\n" : ""
  }

  private func megabytes(_ bytes: Int) -> String { "\(max(bytes >> 20, 1))MB" }

  private func quoted(_ text: String) -> String {
    "'" + text.map { $0 == "'" ? "''" : $0 == "\\" ? "\\\\" : String($0) }.joined() + "'"
  }

  /// An item of a list: in double quotes within the single quotes.
  private func quotedListItem(_ text: String) -> String {
    quoted("\"" + text.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\"")
  }
}
