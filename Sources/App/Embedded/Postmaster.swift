// Starts, finds, awaits and stops the postmaster of one cluster. It keeps no state, because it can look at the process
// itself.

internal import CEpoll.Postgres
internal import Glibc
internal import Ground
internal import Reactor

/// Time limits of the private PostgreSQL.
struct EmbeddedPostgresLimits: Sendable {
  var initdb: Duration = .seconds(120)
  /// How long a postmaster may take until its first answer.
  var answer: Duration = .seconds(60)
  /// How long a postmaster may refuse connections. After a crash it replays up to `max_wal_size` of log (measured: 18 s
  /// for 1.3 GB on a busy machine).
  var recovery: Duration = .seconds(1800)
  /// From SIGINT to SIGQUIT. The shutdown checkpoint writes all of shared_buffers.
  var orderlyStop: Duration = .seconds(60)
  /// From SIGQUIT to SIGKILL.
  var immediateStop: Duration = .seconds(10)
  var firstRestartDelay: Duration = .milliseconds(100)
  var maximumRestartDelay: Duration = .seconds(10)
  /// If a postmaster has lived this long, the restart delays begin again with the shortest.
  var healthyAfter: Duration = .seconds(60)

  /// The same limits, but stopping takes at most `time`. A shorter time than a second counts as a second, which the
  /// last steps need.
  func stopping(within time: Duration) -> EmbeddedPostgresLimits {
    var limits = self
    // `immediateStop` limits three waits: after SIGQUIT, after SIGKILL, and for the remaining processes.
    limits.immediateStop = min(immediateStop, max(.milliseconds(300), time / 12))
    limits.orderlyStop = min(orderlyStop, max(.milliseconds(100), time - limits.immediateStop * 3))
    return limits
  }
}

/// How the postmaster ended.
enum StopOutcome: Equatable, Sendable {
  case wasNotRunning
  /// After the shutdown checkpoint. The next start needs no recovery.
  case orderly
  /// It was stopped early. Nothing committed is lost; the next start replays the log.
  case forced
}

/// The postmaster of one cluster.
struct Postmaster: Sendable {
  enum Readiness { case ready, interrupted }

  let layout: ClusterLayout
  let binaries: PostgresBinaries
  let limits: EmbeddedPostgresLimits

  private static let logTailBytes = 2000

  /// Starts a postmaster as a child of this process. It is not ready yet.
  func launch() throws(EmbeddedPostgresError) -> RunningProcess {
    try removeStaleLock()
    var command = Command(binaries.postgres, ["-D", layout.home])
    if layout.isForeign { command = command.running(as: layout.owner) }
    let output = FileDescriptor(
      owning: try EmbeddedPostgresError.wrapping { () throws(FileError) in
        try LocalFile.open(layout.output, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
      })
    return try command.start(output: output)
  }

  /// Finds the postmaster that an earlier server left running.
  /// - Returns: nil if there is none, or if its socket is missing or elsewhere.
  func adopt() -> RunningProcess? {
    // The lines of postmaster.pid: process id, data directory, start time, port, socket directory, ... (PostgreSQL,
    // miscadmin.h)
    guard let id = lockHolder(), let process = RunningProcess(adopting: id), isOurs(id) else { return nil }
    // The socket's line is written a moment after the first one. A postmaster that never writes it ends by itself.
    let clock = ContinuousClock()
    let deadline = clock.now + limits.answer
    while clock.now < deadline {
      if lockedSocketDirectory() != nil { break }
      if case .ended = process.wait(atMost: .milliseconds(20)) { return nil }
    }
    let socketPath = "\(layout.socketDirectory)/\(ClusterLayout.socketName)"
    if lockedSocketDirectory() == layout.socketDirectory, LocalFile.exists(socketPath) { return process }
    // Its data directory was moved or its socket removed: it is unreachable but still holds the cluster.
    _ = stop(process)
    return nil
  }

  /// Waits until the postmaster accepts connections.
  /// - Parameter interruption: a descriptor whose readability ends the wait; -1 for none.
  /// - Throws: `.postmasterEnded`, `.notReady`.
  func awaitReadiness(
    of process: RunningProcess, orUntilReadable interruption: CInt = -1
  ) throws(EmbeddedPostgresError) -> Readiness {
    let clock = ContinuousClock()
    let start = clock.now
    while true {
      // The kernel accepts connections for a process that is stopped by SIGSTOP; then no answer comes.
      let ping = PQping(layout.connectionString(role: "postgres", database: "postgres") + " connect_timeout=2")
      if ping == PQPING_OK { return .ready }
      // A refusal (57P03) means recovery, or a shutdown that ends soon.
      let limit = ping == PQPING_REJECT ? limits.recovery : limits.answer
      if clock.now - start >= limit { throw .notReady(after: limit, log: logTail()) }
      switch process.wait(atMost: .milliseconds(25), orUntilReadable: interruption) {
      case .ended(let end): throw .postmasterEnded(end, log: logTail())
      case .interrupted: return .interrupted
      case .tookTooLong: continue
      }
    }
  }

  /// Stops the postmaster: first by a fast shutdown, then by an immediate one, then by SIGKILL. Returns when no process
  /// works in the cluster any more, because the logger ends a moment after the postmaster.
  /// - Parameter time: the time for all of that; nil: the limits.
  func stop(_ process: RunningProcess, within time: Duration? = nil) -> StopOutcome {
    let limits = time.map(limits.stopping) ?? limits
    let outcome = end(process, limits)
    let clock = ContinuousClock()
    let deadline = clock.now + limits.immediateStop
    let left = residents().compactMap { RunningProcess(adopting: $0) }
    for resident in left { _ = resident.wait(atMost: max(.zero, deadline - clock.now)) }
    // Without a postmaster these processes only prevent the next one from starting.
    for resident in left where resident.wait(atMost: .zero) == .tookTooLong {
      resident.send(SIGKILL)
      _ = resident.wait(atMost: .milliseconds(100))
    }
    return outcome
  }

  /// Stops only this postmaster; other processes may work in the cluster.
  func end(_ process: RunningProcess) -> StopOutcome { end(process, limits) }

  private func end(_ process: RunningProcess, _ limits: EmbeddedPostgresLimits) -> StopOutcome {
    if case .ended = process.wait(atMost: .zero) { return .wasNotRunning }
    process.send(SIGINT)
    if case .ended(let end) = process.wait(atMost: limits.orderlyStop) {
      return end == .exited(code: 0) || (end == .unknown && lockHolder() == nil) ? .orderly : .forced
    }
    process.send(SIGQUIT)
    if case .ended = process.wait(atMost: limits.immediateStop) { return .forced }
    process.send(SIGKILL)
    _ = process.wait(atMost: limits.immediateStop)
    return .forced
  }

  /// The end of the postmaster's output: from before its logging started, and its log.
  func logTail() -> String {
    var text = LocalFile.tail(of: layout.output, limit: Self.logTailBytes) ?? ""
    // Content of current_logfiles: "stderr /path/of/the/log"
    let current = LocalFile.tail(of: layout.cluster + "/current_logfiles", limit: Int(PATH_MAX)) ?? ""
    if let line = current.split(separator: "\n").first(where: { $0.hasPrefix("stderr ") }) {
      text += LocalFile.tail(of: String(line.dropFirst("stderr ".count)), limit: Self.logTailBytes) ?? ""
    }
    return text
  }

  private func lockLines() -> [Substring] {
    (LocalFile.tail(of: layout.cluster + "/postmaster.pid", limit: 4096) ?? "")
      .split(separator: "\n", omittingEmptySubsequences: false)
  }

  private func lockHolder() -> pid_t? { lockLines().first.flatMap { pid_t($0) } }

  /// The fifth line, if it is completely written.
  private func lockedSocketDirectory() -> String? {
    let lines = lockLines()
    return lines.count > 5 ? String(lines[4]) : nil
  }

  /// Whether the process works in the cluster's directory, as a postmaster and its backends do. Another process with a
  /// reused id does not.
  private func isOurs(_ id: pid_t) -> Bool { LocalFile.linkTarget("/proc/\(id)/cwd") == layout.cluster }

  private func residents() -> [pid_t] { LocalDirectory.names(in: "/proc").compactMap { pid_t($0) }.filter(isOurs) }

  /// Removes a lock file that PostgreSQL would believe. PostgreSQL ignores a lock file whose process is gone, but not
  /// one whose process id now belongs to another process of the same user, as after a restart of a container. The file
  /// stays if a backend is left, because PostgreSQL needs it to find the backend's shared memory.
  private func removeStaleLock() throws(EmbeddedPostgresError) {
    guard let id = lockHolder(), kill(id, 0) == 0, !isOurs(id) else { return }
    guard residents().isEmpty else { return }
    try EmbeddedPostgresError.wrapping { () throws(FileError) in
      try LocalFile.remove(layout.cluster + "/postmaster.pid")
    }
  }
}

extension ClusterLayout {
  /// The connection string for libpq, as keywords and values: `host='...' port=5432 user=... dbname=...`.
  func connectionString(role: String, database: String) -> String {
    let host = socketDirectory.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
    return "host='\(host)' port=5432 user=\(role) dbname=\(database)"
  }

  /// The address for a session of this program.
  func address(role: String, database: String) -> DatabaseAddress {
    DatabaseAddress(parameters: [
      .init(keyword: "host", value: socketDirectory), .init(keyword: "port", value: "5432"),
      .init(keyword: "user", value: role), .init(keyword: "dbname", value: database),
    ])
  }

  /// The same as a URL with the socket's directory percent-encoded, for people and credentials.json.
  var databaseURL: String {
    let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/".utf8)
    let hex = Array("0123456789ABCDEF".utf8)
    var host: [UInt8] = []
    for byte in socketDirectory.utf8 {
      if plain.contains(byte) {
        host.append(byte)
      } else {
        host += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      }
    }
    return "postgresql://pganalytics@/pganalytics?host=\(String(decoding: host, as: UTF8.self))&port=5432"
  }
}
