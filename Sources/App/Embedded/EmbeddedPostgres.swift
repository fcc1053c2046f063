// The private PostgreSQL of `pganalytics up`: the system's binaries, a cluster in the data directory, a unix socket and
// no network. If the server is killed, PostgreSQL continues and the next server takes it over. If PostgreSQL dies, it
// is restarted. All calls block: start and stop are for the main thread, before and after the loops.

internal import CEpoll.Process
internal import Glibc
internal import Ground
internal import Reactor
internal import Synchronization

struct EmbeddedPostgresSettings: Sendable {
  var dataDirectory: String
  /// The value of PATH, in which initdb and postgres are looked for first.
  var searchPath: String
  /// The value of XDG_RUNTIME_DIR: the place of the socket if the data directory's path is too long. Without it /tmp is
  /// used.
  var runtimeDirectory: String?
  /// Only for root: where the cluster is made if its user can't enter the data directory.
  var relocationRoot = "/var/lib/pganalytics"
  var limits = EmbeddedPostgresLimits()

  init(dataDirectory: String, environment: [String: String]) {
    self.dataDirectory = dataDirectory
    searchPath = environment["PATH"] ?? ""
    runtimeDirectory = environment["XDG_RUNTIME_DIR"]
  }
}

final class EmbeddedPostgres: Sendable {
  struct Started: Sendable {
    /// The URL for libpq and psql, for root and for this process's user:
    /// `postgresql://pganalytics@/pganalytics?host=...`.
    let databaseURL: String
    /// The directory of the configuration, the cluster and the log.
    let home: String
    /// Whether this start made the cluster.
    let isNew: Bool
    /// Whether the extension's library is installed and preloaded. The migrations create the extension.
    let preloadsTimescaleDB: Bool
    let notices: [EmbeddedPostgresNotice]
  }

  /// Exists from start to stop and holds the data directory's lock.
  private final class Session: Sendable {
    let supervisor: Supervisor
    private let lock: FileDescriptor

    init(_ supervisor: Supervisor, holding lock: consuming FileDescriptor) {
      self.supervisor = supervisor
      self.lock = lock
    }
  }

  private let settings: EmbeddedPostgresSettings
  private let report: @Sendable (EmbeddedPostgresEvent) -> Void
  private let session = Mutex<Session?>(nil)

  /// - Parameter report: called on the supervising thread.
  init(
    _ settings: EmbeddedPostgresSettings, report: @escaping @Sendable (EmbeddedPostgresEvent) -> Void = { _ in }
  ) {
    self.settings = settings
    self.report = report
  }

  /// The process id of the postmaster; nil before `start` and after `stop`. It changes when the postmaster is
  /// restarted.
  var processID: Int32? { session.withLock { $0?.supervisor.processID } }

  /// Makes the cluster if there is none, takes over or starts its postmaster, waits until it accepts connections, makes
  /// the role and the database, and supervises the postmaster from then on. To be called once before `stop`.
  func start() throws(EmbeddedPostgresError) -> Started {
    var notices: [EmbeddedPostgresNotice] = []
    let isRoot = geteuid() == 0
    // Root's database runs as another user, who must be able to pass through; the secrets in it are 0600 each.
    try ClusterLayout.makeDirectory(settings.dataDirectory, mode: isRoot ? 0o711 : 0o700)
    let dataDirectory = try EmbeddedPostgresError.wrapping { () throws(FileError) in
      try LocalFile.resolve(settings.dataDirectory)
    }
    let lock = try Self.lock(dataDirectory)
    let layout = try ClusterLayout.prepare(
      dataDirectory: dataDirectory, relocationRoot: settings.relocationRoot,
      socketRoot: isRoot ? "/tmp" : settings.runtimeDirectory ?? "/tmp", notices: &notices)

    let existing = ClusterSetup.majorVersion(ofClusterAt: layout.cluster)
    let binaries = try PostgresBinaries.find(searchPath: settings.searchPath, majorVersion: existing)
    let setup = ClusterSetup(layout: layout, binaries: binaries, limit: settings.limits.initdb)
    if existing == nil { try setup.makeCluster() }
    let configuration = ServerConfiguration(
      layout: layout, resources: .measure(diskPath: layout.home), preloadsTimescaleDB: binaries.hasTimescaleDB,
      systemUsers: try Self.systemUsers(owner: layout.owner))
    try configuration.write()

    let postmaster = Postmaster(layout: layout, binaries: binaries, limits: settings.limits)
    let process = try Self.bringUp(postmaster, notices: &notices)
    do throws(EmbeddedPostgresError) {
      try setup.makeDatabase()
      let supervisor = try Supervisor(postmaster, process, report: report)
      try supervisor.start()
      let new = Session(supervisor, holding: lock)
      session.withLock { $0 = new }
    } catch {
      _ = postmaster.stop(process)
      throw error
    }
    return Started(
      databaseURL: layout.databaseURL, home: layout.home, isNew: existing == nil,
      preloadsTimescaleDB: binaries.hasTimescaleDB,
      notices: notices)
  }

  /// Stops supervising, then the postmaster, and waits for its end. The postmaster closes open connections.
  /// - Parameter deadline: the time by which it has ended, if necessary by force; nil: the limits in
  ///   `EmbeddedPostgresLimits`.
  @discardableResult
  func stop(by deadline: MonotonicTime? = nil) -> StopOutcome {
    guard let ended = session.withLock({ $0.take() }) else { return .wasNotRunning }
    // The lock is held until the postmaster has ended.
    return withExtendedLifetime(ended) { ended.supervisor.stop(by: deadline) }
  }

  /// Finds a running postmaster or starts one. If the found postmaster is shutting down, this waits for its end and
  /// starts another. If the new one cannot use the cluster, because the postmaster of a killed server had not written
  /// its lock file yet, that postmaster is adopted after all.
  private static func bringUp(
    _ postmaster: Postmaster, notices: inout [EmbeddedPostgresNotice]
  ) throws(EmbeddedPostgresError) -> RunningProcess {
    if let found = try adopt(postmaster, notices: &notices) { return found }
    let process = try postmaster.launch()
    do throws(EmbeddedPostgresError) {
      _ = try postmaster.awaitReadiness(of: process)
      return process
    } catch {
      _ = postmaster.end(process)
      if let found = try adopt(postmaster, notices: &notices) { return found }
      throw error
    }
  }

  private static func adopt(
    _ postmaster: Postmaster, notices: inout [EmbeddedPostgresNotice]
  ) throws(EmbeddedPostgresError) -> RunningProcess? {
    guard let found = postmaster.adopt() else { return nil }
    do throws(EmbeddedPostgresError) {
      _ = try postmaster.awaitReadiness(of: found)
    } catch .postmasterEnded {
      return nil
    }
    notices.append(.adopted(processID: found.id))
    return found
  }

  /// Takes the lock that lets only one server use a data directory. A second server would take over the first one's
  /// database, and stop it at its own end.
  private static func lock(_ dataDirectory: String) throws(EmbeddedPostgresError) -> FileDescriptor {
    let path = dataDirectory + "/postgres.lock"
    let descriptor = FileDescriptor(
      owning: try EmbeddedPostgresError.wrapping { () throws(FileError) in
        try LocalFile.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
      })
    let result = cepoll_lock(descriptor.raw)
    if result == -EWOULDBLOCK { throw .dataDirectoryInUse(path: dataDirectory) }
    if result != 0 { throw .systemCall("flock", path: path, errno: -result) }
    return descriptor
  }

  private static func systemUsers(owner: SystemUser) throws(EmbeddedPostgresError) -> [String] {
    var names = [owner.name]
    for name in [try SystemUser(userID: geteuid()).name, "root"] where !names.contains(name) { names.append(name) }
    return names
  }
}
