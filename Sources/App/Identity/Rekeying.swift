// Keys and certificates that change while the server runs: looked at every `reload_interval`, at a NOTIFY of the database,
// and at SIGHUP. What changed reaches every lane by its own door.

import Protocol
import Synchronization

final class Rekeying: Sendable {
  /// How often a signing key's age is looked at.
  private static let maintenanceInterval = Duration.seconds(60)

  let identity: ServerIdentity
  let keys: SigningKeys
  private let database: Database
  private let lanes: LaneRoster
  private let log: ServerLog
  private let interval: Live<Duration>
  private let filesWork = RecurringWork()
  private let keysWork = RecurringWork()
  private let maintenance = RecurringWork()
  /// Said once an outage: the database is asked every few seconds.
  private let isOutageTold = Mutex(false)

  init(
    identity: ServerIdentity, keys: SigningKeys, database: Database, lanes: LaneRoster, settings: LiveSettings,
    log: ServerLog
  ) {
    self.identity = identity
    self.keys = keys
    self.database = database
    self.lanes = lanes
    self.log = log
    interval = settings.live(\.reloadInterval)
  }

  /// Looks now; returns when what changed is in use.
  func look() async {
    await filesWork.perform()
    await keysWork.perform()
  }

  /// Hears of keys that any server on this database made or ended.
  func received(_ event: NotificationListener.Event) {
    switch event {
    case .subscribed: keysWork.ask()
    case .interrupted: break  // said by the directory
    case .notified(let payload): if payload.hasPrefix("signing_keys:") { keysWork.ask() }
    }
  }

  /// Looks until it is cancelled. Files and keys apart, so that one does not wait for the other's database.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.filesWork.run(every: self.interval) { await self.lookAtFiles() } }
      group.addTask { await self.keysWork.run(every: self.interval) { await self.lookAtKeys() } }
      group.addTask {
        await self.maintenance.run(every: Live(constant: Self.maintenanceInterval)) { await self.maintain() }
      }
      await group.waitForAll()
    }
  }

  private func maintain() async {
    do throws(DatabaseError) {
      try await keys.maintain()
    } catch {
      // The keys there are go on working, and the next round is soon.
      log.warning("signing keys not maintained", ["error": "\(error)"])
    }
  }

  private func lookAtFiles() async {
    switch identity.reload(now: WallClock.unixSeconds()) {
    case .unchanged: break
    case .changed(let snapshot, let isAuthorityNew):
      for lane in lanes.all { lane.submit { $0.gatekeeper.replace(tls: snapshot.tls) } }
      log.info("certificates reloaded", ["not_after": Timestamp(unixSeconds: snapshot.leaf.notAfter).rfc3339])
      if isAuthorityNew { await audit(snapshot.authority) }
    case .refused(let reason): log.error("certificates not reloaded, the old ones stay in use", ["reason": reason])
    }
  }

  private func lookAtKeys() async {
    do {
      if let tokens = try await keys.reload() {
        for lane in lanes.all { lane.submit { $0.gatekeeper.replace(tokens: tokens) } }
        log.info("signing keys reloaded", ["keys": tokens.keys.ids.joined(separator: " ")])
      }
      isOutageTold.withLock { $0 = false }
    } catch {
      let isTold = isOutageTold.withLock { isTold in
        defer { isTold = true }
        return isTold
      }
      if !isTold { log.warning("signing keys not read", ["error": "\(error)"]) }
    }
  }

  private func audit(_ authority: Authority) async {
    var event = AuditEvent(.changeAuthority, by: AuditEvent.system)
    event.details["trusted"] = .array(authority.certificates.map { .string($0.fingerprintHex) })
    event.details["signing"] = .string(authority.current.fingerprint)
    do throws(DatabaseError) { try await database.audit(event) } catch {
      log.warning("the change of the authority is not audited", ["error": "\(error)"])
    }
  }
}
