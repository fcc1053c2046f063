// The composition root: the only place that constructs the parts of the server and connects them.

import Glibc
import Ground
import HTTPClient
import Protocol
import Reactor
import Synchronization

/// A running server. `start` builds it, `stop` drains it.
final class Server: Sendable {
  /// Why a server could not start, as a sentence for the terminal.
  struct StartError: Error, CustomStringConvertible {
    let description: String
  }

  /// The first address at which it listens, with the port that the kernel chose if port 0 was requested.
  let address: SocketAddress
  /// The path of the authority's certificates, which clients have to trust.
  let certificateAuthorityFile: String
  private let settings: LiveSettings
  private let settingsReload: SettingsReload
  private let log: ServerLog
  private let database: Database
  private let queries: Database
  private let databaseAddress: DatabaseAddress
  private let workers: WorkerPool
  private let deliveries: DeliveryLoop
  private let threads: [LoopThread]
  let lanes: LaneRoster
  /// In the order of the documentation.
  let endpoints: [Endpoint]
  private let rekeying: Rekeying
  private let background: [Task<Void, Never>]
  private let claim: Mutex<ListeningClaim?>

  /// The time limit for each part of the shutdown other than the drain.
  private static let partPatience = Duration.seconds(1)

  /// The current settings.
  var current: Settings { settings.now }

  private init(
    address: SocketAddress, claim: ListeningClaim, certificateAuthorityFile: String, settings: LiveSettings,
    settingsReload: SettingsReload,
    log: ServerLog, database: Database, queries: Database, databaseAddress: DatabaseAddress, workers: WorkerPool,
    deliveries: DeliveryLoop, threads: [LoopThread], lanes: LaneRoster, endpoints: [Endpoint], rekeying: Rekeying,
    background: [Task<Void, Never>]
  ) {
    self.address = address
    self.claim = Mutex(claim)
    self.certificateAuthorityFile = certificateAuthorityFile
    self.settings = settings
    self.settingsReload = settingsReload
    self.log = log
    self.database = database
    self.queries = queries
    self.databaseAddress = databaseAddress
    self.workers = workers
    self.deliveries = deliveries
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
    let listen = try ListeningPlace(settings.listen)
    let live = LiveSettings(settings)
    let reload = SettingsReload(live, log: log, now: WallClock.unixSeconds(), reading: reading)
    let address = try DatabaseAddress(settings.databaseURL).resolved()
    // This comes before the identity: a restore that has not ended has yet to write the authority's files.
    try Surroundings(settings.databaseSettings(address)).check(ConnectionNeed(settings))
    let identity = try ServerIdentity.open(
      live, names: ServerNames(listen: listen), now: WallClock.unixSeconds())
    let database = try Database.start(settings.databaseSettings(address))
    let pacing = QueryPacing(live.live(\.queryAim))
    let queries: Database
    do {
      queries = try Database.start(settings.querySettings(address, pacing), index: 1)
    } catch {
      database.shutDown()
      throw error
    }
    do {
      let deliveries = try DeliveryLoop.start()
      do {
        return try await start(live, reload, log, listen, identity, address, database, queries, pacing, deliveries)
      } catch {
        deliveries.stop()
        throw error
      }
    } catch {
      queries.shutDown()
      database.shutDown()
      throw error
    }
  }

  private static func start(
    _ live: LiveSettings, _ reload: SettingsReload, _ log: ServerLog, _ listen: ListeningPlace,
    _ identity: ServerIdentity, _ address: DatabaseAddress, _ database: Database, _ queries: Database,
    _ pacing: QueryPacing, _ deliveries: DeliveryLoop
  ) async throws -> Server {
    let settings = live.now
    let storage = try await Storage.open(database, settings: live)
    try await storage.checkWorkers(log: log)
    let keys = try await SigningKeys.open(database, settings: live)
    if let oldest = identity.authority.signers.first {
      try await database.execute(CertificateStatements.adopt, oldest.fingerprint)
    }
    let directory = CollectorDirectory(database: database, settings: live, log: log)
    let refusals = IdentityRefusals(database: database, settings: live, log: log)
    let removals = ServerRemovals(database: database, kind: storage.kind, settings: live, log: log)
    let secrets = ChannelSecrets(live)
    let delivery = ChannelDelivery(carrier: deliveries, secrets: secrets, settings: live)
    let dispatcher = Dispatcher(database: database, delivery: delivery, settings: live, log: log)
    let findings = FindingWork(database: database, settings: live.live(\.findings), log: log)
    try await directory.reload()
    let workers = try WorkerPool(name: "worker", threads: 2, maximumWaiting: 256)
    let loops = settings.loopCount
    let lanes = LaneRoster()
    let parts = ServerParts(
      settings: live, reload: reload, database: database, queries: queries, pacing: pacing,
      storage: storage.kind, storageWatch: storage.watch, identity: identity,
      signingKeys: keys, directory: directory, removals: removals,
      refusals: refusals, channelSecrets: secrets, channelDelivery: delivery, notifications: dispatcher.watch,
      lanes: lanes, log: log, findingWatch: findings.watch,
      readiness: ReadinessProbe(
        lanes: lanes, database: database, storage: storage.watch, settings: live, log: log), workers: workers,
      pageLibraries: try PageLibraries.load(from: settings.webLibraryDirectory),
      startedAt: WallClock.unixSeconds())
    let endpoints = parts.endpoints()
    let context = LaneContext(
      settings: live, tlsContext: identity.snapshot.tls, tokens: keys.tokens,
      router: try Router(endpoints),
      refusals: refusals,
      errands: DatabaseErrands(database: database, partitions: storage.partitions, directory: directory), log: log,
      pacing: pacing, legacyLedger: storage.legacyLedger, loops: loops)
    let catalog = CompiledCatalog()

    let claim = try ListeningClaim(directory: settings.dataDirectory)
    var threads: [LoopThread] = []
    var place = listen
    do {
      for index in 0..<loops {
        let birth = LaneBirth()
        let start = { (place: ListeningPlace) throws in
          try LoopThread.start(name: "lane-\(index)", index: index) { loop in
            let lane = Lane(loop: loop, context: context, catalog: catalog)
            birth.report(try lane.start(at: place, database: address), lane.handle)
          }
        }
        if index == 0 {
          threads.append(try startFirst(at: place, claim, log, start))
        } else {
          threads.append(try start(place))
        }
        let (addresses, lane) = birth.take()
        // With port 0 the other lanes share the first lane's port.
        place = place.joined(at: addresses)
        lanes.add(lane)
        directory.follow(lane)
      }
    } catch {
      for thread in threads { thread.stop() }
      for thread in threads { thread.join() }
      throw error
    }
    let rekeying = Rekeying(
      identity: identity, keys: keys, database: database, holder: lanes, settings: live, log: log)
    let background = [
      Task { await storage.maintain(log: log) },
      Task { await storage.rollUp(log: log) },
      Task { await directory.keepFresh() },
      Task { await removals.run() },
      Task { await findings.run() },
      Task { await findings.prune() },
      Task { await rekeying.run() },
      Task { await dispatcher.run() },
    ]
    database.listen(channel: .pganalytics) {
      directory.received($0)
      rekeying.received($0)
    }
    for bound in place.addresses { claim.hold(bound) }
    log.info(
      "serving",
      ["address": place.addresses.map(\.description).joined(separator: ", "), "loops": loops])
    return Server(
      address: place.addresses[0], claim: claim, certificateAuthorityFile: identity.certificateAuthorityFile,
      settings: live,
      settingsReload: reload,
      log: log, database: database, queries: queries, databaseAddress: address, workers: workers,
      deliveries: deliveries, threads: threads, lanes: lanes, endpoints: endpoints, rekeying: rekeying,
      background: background)
  }

  /// Starts the first loop. Only servers of the same data directory may already listen at the address.
  private static func startFirst(
    at place: ListeningPlace, _ claim: ListeningClaim, _ log: ServerLog,
    _ start: (ListeningPlace) throws -> LoopThread
  ) throws -> LoopThread {
    do {
      return try start(place)
    } catch let error as SystemCallError where error.errno == EADDRINUSE {
      guard place.addresses.allSatisfy(claim.isHeldElsewhere) else {
        throw StartError(
          description: """
            \(place.addresses.map(\.description).joined(separator: " or ")): address in use. Another program, or a server of \
            another data directory, listens there: stop it, or choose another address with --listen.
            """)
      }
      log.info(
        "joining a server of the same data directory",
        ["address": place.addresses.map(\.description).joined(separator: ", ")])
      return try start(place.joined(at: place.addresses))
    }
  }

  /// The outcomes of all pushes, for the log.
  private static func account(_ lanes: LaneSnapshot) -> ServerLog.Fields {
    let counters = lanes.counters
    return [
      "received": counters.pushesReceived, "stored": counters.pushesStored,
      "duplicate": counters.pushesDuplicate, "parked": counters.pushesParked,
      "refused": counters.pushesRefusedTotal, "abandoned": counters.pushesAbandoned,
      "in_work": counters.pushesReceived - counters.pushesEnded,
    ]
  }

  /// Returns once every loop has had a turn. Does not return while a loop hangs.
  func answers() async { _ = await lanes.readiness() }

  /// Reads the settings again, and checks certificates and keys, which also happens periodically. Returns when the
  /// changes are in use. One caller at a time.
  func reload() async {
    if let settings = settingsReload.read(now: WallClock.unixSeconds()) {
      database.apply(settings.databaseSettings(databaseAddress))
      queries.apply(settings.querySettings(databaseAddress))
      for lane in lanes.all { await lane.apply(settings) }
    }
    await rekeying.look()
  }

  /// Stops accepting connections, lets requests and commits finish until `deadline`, cuts off the rest and ends every
  /// thread. Each part has its own time limit: this returns some two seconds after the deadline at the latest, whatever
  /// hangs.
  /// - Parameter deadline: nil: after `drain_deadline`.
  /// - Returns: the lanes' last snapshot; nil if a loop does not answer.
  @discardableResult
  func stop(by deadline: MonotonicTime? = nil) async -> LaneSnapshot? {
    let deadline = deadline ?? MonotonicTime.now() + current.drainDeadline
    let left = max(.zero, MonotonicTime.now().duration(to: deadline))
    log.info("draining", ["deadline_ms": left.wholeMilliseconds])
    let draining = Task { [lanes] in
      await withTaskGroup(of: Void.self) { group in
        for lane in lanes.all { group.addTask { await lane.drain() } }
      }
      return true
    }
    if await result(within: left, of: { await draining.value }) == nil {
      log.warning("drain deadline passed with requests in progress: they are cut off")
      for lane in lanes.all { lane.submit { $0.cutOff() } }
      _ = await result(within: Self.partPatience) { await draining.value }
    }
    // On a busy machine even a drained lane needs a while to answer. It gets the rest of the deadline.
    let patience = max(Self.partPatience, MonotonicTime.now().duration(to: deadline))
    let last = await result(within: patience) { [lanes] in await lanes.snapshot() } ?? nil
    for task in background { task.cancel() }
    for thread in threads { thread.stop() }
    // A thread that signs or verifies while the process exits would crash in OpenSSL, which is already cleaned up. So
    // all threads are awaited.
    let hasEnded = await result(within: Self.partPatience) { [self] in
      await endThreads()
      for task in background { await task.value }
      return true
    }
    if hasEnded == nil { log.error("threads of the server did not end and are abandoned") }
    claim.withLock { $0 = nil }
    log.info("stopped", last.map(Self.account) ?? [:])
    return last
  }

  /// Joins the threads on a separate thread, because a cooperative thread must not wait for something that may hang.
  private func endThreads() async {
    await withCheckedContinuation { continuation in
      do throws(SystemCallError) {
        _ = try SystemThread(name: "ending") { [self] in
          for thread in threads { thread.join() }
          // Deliveries in progress fail and are tried again after the next start.
          deliveries.stop()
          queries.shutDown()
          database.shutDown()
          workers.stop(discarding: true)
          continuation.resume()
        }
      } catch {
        log.error("no thread to end the others", ["error": "\(error)"])
        continuation.resume()
      }
    }
  }
}

extension ServerNames {
  init(listen: ListeningPlace) {
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    let names = ["localhost", host.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }, listen.name ?? ""]
    dns = names.reduce(into: []) { known, name in if !name.isEmpty, !known.contains(name) { known.append(name) } }
    let local = ["127.0.0.1", "::1"]
    addresses =
      local + listen.addresses.filter { !$0.isUnspecified }.map(\.ipString).filter { !local.contains($0) }
  }
}

extension LaneHandle {
  /// Returns when the lane uses `settings`, or has ended.
  func apply(_ settings: Settings) async {
    await withCheckedContinuation { continuation in
      let isTaken = submit { lane in
        lane.apply(settings)
        continuation.resume()
      }
      if !isTaken { continuation.resume() }
    }
  }

  /// Returns when the lane has no request in progress.
  func drain() async {
    await withCheckedContinuation { continuation in
      if !submit({ $0.drain { continuation.resume() } }) { continuation.resume() }
    }
  }
}

extension Settings {
  /// The number of event loops: as configured, or one per processor core.
  var loopCount: Int { loops > 0 ? loops : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// The cost that queries may cause to pushes. A query waits for at most half of its queue time because of pushes, so
  /// the other half is left to run it.
  var queryAim: QueryPacing.Aim {
    .init(
      slowdownPercent: queryPushSlowdown, freePerSecond: queryPushDelay,
      longestWait: min(queryPutOffMaximum, queryQueueDeadline / 2), leastSharePercent: queryShareMinimum)
  }
}
