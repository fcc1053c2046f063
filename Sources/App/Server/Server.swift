// The composition root: the only place where the parts of the server are constructed and joined.

import Glibc
import Protocol
import Reactor

/// A running server. `start` builds it, `stop` drains it.
final class Server: Sendable {
  /// Why a server could not start, as a sentence for the terminal.
  struct StartError: Error, CustomStringConvertible {
    let description: String
  }

  /// Where it listens, with the port the kernel chose if 0 was asked for.
  let address: SocketAddress
  /// The authority to trust, as a file.
  let certificateAuthorityFile: String
  private let settings: LiveSettings
  private let settingsReload: SettingsReload
  private let log: ServerLog
  private let database: Database
  private let queries: Database
  private let databaseAddress: DatabaseAddress
  private let workers: WorkerPool
  private let threads: [LoopThread]
  let lanes: LaneRoster
  /// In the order of the documentation.
  let endpoints: [Endpoint]
  private let rekeying: Rekeying
  private let background: [Task<Void, Never>]

  private init(
    address: SocketAddress, certificateAuthorityFile: String, settings: LiveSettings, settingsReload: SettingsReload,
    log: ServerLog, database: Database, queries: Database, databaseAddress: DatabaseAddress, workers: WorkerPool,
    threads: [LoopThread], lanes: LaneRoster, endpoints: [Endpoint], rekeying: Rekeying,
    background: [Task<Void, Never>]
  ) {
    self.address = address
    self.certificateAuthorityFile = certificateAuthorityFile
    self.settings = settings
    self.settingsReload = settingsReload
    self.log = log
    self.database = database
    self.queries = queries
    self.databaseAddress = databaseAddress
    self.workers = workers
    self.threads = threads
    self.lanes = lanes
    self.endpoints = endpoints
    self.rekeying = rekeying
    self.background = background
  }

  /// Starts to serve `settings.listen` with the migrated database at `settings.databaseURL`.
  /// - Parameter reading: reads the settings again, for `reload`.
  static func start(
    _ settings: Settings, log: ServerLog, reading: @escaping SettingsReload.Reading
  ) async throws -> Server {
    guard let listen = SocketAddress(settings.listen) else {
      throw StartError(description: "listen: \"\(settings.listen)\" is not HOST:PORT with a numeric host")
    }
    let live = LiveSettings(settings)
    let reload = SettingsReload(live, log: log, now: WallClock.unixSeconds(), reading: reading)
    let identity = try ServerIdentity.open(
      live, names: ServerNames(listen: listen), now: WallClock.unixSeconds())

    let address = try DatabaseAddress(settings.databaseURL).resolved()
    let database = try Database.start(settings.databaseSettings(address))
    let pacing = QueryPacing(
      live.live { .init(percent: $0.queryRest, burst: $0.queryRestOwed, longest: $0.queryRestMaximum) })
    let queries: Database
    do {
      queries = try Database.start(settings.querySettings(address, pacing), index: 1)
    } catch {
      database.shutDown()
      throw error
    }
    do {
      return try await start(live, reload, log, listen, identity, address, database, queries, pacing)
    } catch {
      queries.shutDown()
      database.shutDown()
      throw error
    }
  }

  private static func start(
    _ live: LiveSettings, _ reload: SettingsReload, _ log: ServerLog, _ listen: SocketAddress,
    _ identity: ServerIdentity, _ address: DatabaseAddress, _ database: Database, _ queries: Database,
    _ pacing: QueryPacing
  ) async throws -> Server {
    let settings = live.now
    let storage = try await Storage.open(database, settings: live)
    let keys = try await SigningKeys.open(database, settings: live)
    if let oldest = identity.authority.signers.first {
      try await database.execute(CertificateStatements.adopt, oldest.fingerprint)
    }
    let directory = CollectorDirectory(database: database, settings: live, log: log)
    let refusals = IdentityRefusals(database: database, settings: live, log: log)
    let removals = ServerRemovals(database: database, kind: storage.kind, settings: live, log: log)
    try await directory.reload()
    let workers = try WorkerPool(name: "worker", threads: 2, maximumWaiting: 256)
    let loops = settings.loops > 0 ? settings.loops : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let lanes = LaneRoster()
    let services = Services(
      live: live, reload: reload, database: database, queries: queries, pacing: pacing, storage: storage.kind,
      identity: identity,
      signingKeys: keys, directory: directory, removals: removals,
      refusals: refusals, lanes: lanes, workers: workers,
      swaggerUI: try SwaggerUI.load(from: settings.swaggerUIDirectory),
      startedAt: WallClock.unixSeconds())
    let endpoints = Endpoints.all(services)
    let context = LaneContext(
      settings: live, tlsContext: identity.snapshot.tls, tokens: keys.tokens,
      router: try Router(endpoints),
      refusals: refusals,
      errands: DatabaseErrands(database: database, partitions: storage.partitions, directory: directory), log: log,
      pacing: pacing, loops: loops)
    let catalog = CompiledCatalog()

    var threads: [LoopThread] = []
    var bound = listen
    do {
      for index in 0..<loops {
        let birth = LaneBirth()
        let wanted = bound
        let thread = try LoopThread.start(name: "lane-\(index)", index: index) { loop in
          let lane = Lane(loop: loop, context: context, catalog: catalog)
          birth.report(try lane.start(on: wanted, database: address), lane.handle)
        }
        threads.append(thread)
        let (address, lane) = birth.take()
        // With port 0 the first lane's port is the one that the others share.
        bound = address
        lanes.add(lane)
        directory.follow(lane)
      }
    } catch {
      for thread in threads { thread.stop() }
      for thread in threads { thread.join() }
      throw error
    }
    let rekeying = Rekeying(
      identity: identity, keys: keys, database: database, lanes: lanes, settings: live, log: log)
    let background = [
      Task { await storage.maintain(log: log) },
      Task { await storage.rollUp(log: log) },
      Task { await directory.keepFresh() },
      Task { await removals.run() },
      Task { await rekeying.run() },
    ]
    database.listen(channel: .pganalytics) {
      directory.received($0)
      rekeying.received($0)
    }
    log.info(
      "serving",
      ["address": bound.description, "loops": String(loops)])
    return Server(
      address: bound, certificateAuthorityFile: identity.certificateAuthorityFile, settings: live,
      settingsReload: reload,
      log: log, database: database, queries: queries, databaseAddress: address, workers: workers, threads: threads,
      lanes: lanes, endpoints: endpoints, rekeying: rekeying,
      background: background)
  }

  /// What became of all pushes, for the log.
  private static func account(_ lanes: LaneSnapshot) -> [String: String] {
    let counters = lanes.counters
    return [
      "received": "\(counters.pushesReceived)", "stored": "\(counters.pushesStored)",
      "duplicate": "\(counters.pushesDuplicate)", "parked": "\(counters.pushesParked)",
      "refused": "\(counters.pushesRefusedTotal)", "abandoned": "\(counters.pushesAbandoned)",
      "in_work": "\(counters.pushesReceived - counters.pushesEnded)",
    ]
  }

  /// Returns once every loop has had a turn: a loop that hangs keeps it waiting.
  func answers() async { _ = await lanes.unreadiness() }

  /// Reads the settings again, and looks at certificates and keys, as is done now and then anyway. Returns when what
  /// changed is in use. One caller at a time.
  func reload() async {
    if let settings = settingsReload.read(now: WallClock.unixSeconds()) {
      database.use(settings.databaseSettings(databaseAddress))
      queries.use(settings.querySettings(databaseAddress))
      for lane in lanes.all { await lane.use(settings) }
    }
    await rekeying.look()
  }

  /// Stops accepting, lets requests and commits in work finish within `drain_deadline`, then ends every thread.
  /// - Returns: the lanes at their end.
  @discardableResult
  func stop() async -> LaneSnapshot? {
    let deadline = settings.now.drainDeadline
    log.info("draining", ["deadline": SettingValue.print(time: deadline)])
    let drained = await withTaskGroup(of: Bool.self) { group in
      group.addTask { [lanes] in
        await withTaskGroup(of: Void.self) { group in
          for lane in lanes.all { group.addTask { await lane.drain() } }
        }
        return true
      }
      group.addTask {
        // A cancelled wait is a drain that was quicker: the answer no longer matters.
        do { try await Task.sleep(for: deadline) } catch {}
        return false
      }
      let first = await group.next() ?? false
      group.cancelAll()
      return first
    }
    if !drained { log.warning("drain deadline passed with requests in work") }
    let last = await lanes.snapshot()
    for task in background { task.cancel() }
    for thread in threads { thread.stop() }
    for thread in threads { thread.join() }
    workers.stop()
    queries.shutDown()
    database.shutDown()
    // Whoever signs or verifies when the process ends would find OpenSSL taken down, and crash.
    for task in background { await task.value }
    log.info("stopped", last.map(Self.account) ?? [:])
    return last
  }
}

/// What a server certificate must name, from where it listens.
struct ServerNames {
  let dns: [String]
  let addresses: [String]

  init(dns: [String], addresses: [String]) {
    self.dns = dns
    self.addresses = addresses
  }

  init(listen: SocketAddress) {
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    let name = host.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    dns = name == "localhost" || name.isEmpty ? ["localhost"] : ["localhost", name]
    let own = listen.ipString
    let local = ["127.0.0.1", "::1"]
    addresses = local.contains(own) || own == "0.0.0.0" || own == "::" ? local : local + [own]
  }
}

extension LaneHandle {
  /// Returns when the lane works by `settings`, or has ended.
  func use(_ settings: Settings) async {
    await withCheckedContinuation { continuation in
      let isTaken = submit { lane in
        lane.use(settings)
        continuation.resume()
      }
      if !isTaken { continuation.resume() }
    }
  }

  /// Returns when the lane has nothing in work.
  func drain() async {
    await withCheckedContinuation { continuation in
      if !submit({ $0.drain { continuation.resume() } }) { continuation.resume() }
    }
  }
}

extension Settings {
  func databaseSettings(_ address: DatabaseAddress) -> DatabaseSettings {
    var database = DatabaseSettings(address: address)
    database.adminConnections = adminConnections
    database.adminQueueLimit = adminQueue
    database.adminQueueDeadline = adminQueueDeadline
    database.adminStatementTimeout = queryTimeout
    return database
  }

  /// Of the connections for metrics queries.
  func querySettings(_ address: DatabaseAddress, _ pacing: QueryPacing? = nil) -> DatabaseSettings {
    var database = databaseSettings(address)
    database.pacing = pacing
    database.applicationName = "pganalytics queries"
    database.adminConnections = queryConnections
    database.adminQueueDeadline = queryQueueDeadline
    return database
  }

  /// Of one of `loops` loops.
  func connectionsMaximum(loops: Int) -> Int {
    max(1, (connections > 0 ? connections : ProcessLimits.descriptorLimit - 64) / loops)
  }

  var httpLimits: HTTPLimits {
    var limits = HTTPLimits()
    limits.headBytes = headBytes
    limits.fieldCount = headFields
    limits.bodyBytes = bodyBytes
    return limits
  }
}
