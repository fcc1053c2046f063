// Follows keys and certificates that change while the server runs. It checks them every `reload_interval`, after a
// NOTIFY of the database, and after SIGHUP. It submits changes to every lane.

import Ground
import Protocol
import Synchronization

/// Where new keys and certificates are used: the lanes of the process.
protocol KeyHolder: Sendable {
  /// Accepts connections with `context` from now on.
  func take(tls context: TLSContext)
  /// Verifies tokens with the keys of `tokens` from now on.
  func take(tokens: Tokens)
}

/// Runs the periodic checks of keys and certificates.
final class Rekeying: Sendable {
  /// How often the age of the signing key is checked.
  private static let maintenanceInterval = Duration.seconds(60)

  let identity: ServerIdentity
  let keys: SigningKeys
  private let database: Database
  private let holder: any KeyHolder
  private let log: ServerLog
  private let interval: Live<Duration>
  private let filesWork = RecurringWork()
  private let keysWork = RecurringWork()
  private let maintenance = RecurringWork()
  /// Whether the current outage has been logged. The database is asked every few seconds, and an outage is logged once.
  private let isOutageTold = Mutex(false)

  init(
    identity: ServerIdentity, keys: SigningKeys, database: Database, holder: any KeyHolder, settings: LiveSettings,
    log: ServerLog
  ) {
    self.identity = identity
    self.keys = keys
    self.database = database
    self.holder = holder
    self.log = log
    interval = settings.live(\.reloadInterval)
  }

  /// Checks now. Returns when the changes are in use.
  func look() async {
    await filesWork.perform()
    await keysWork.perform()
  }

  /// Handles the notification that a server on this database has made or ended a signing key.
  func received(_ event: NotificationListener.Event) {
    switch event {
    case .subscribed: keysWork.ask()
    case .interrupted: break  // the directory logs it
    case .notified(let payload): if payload.hasPrefix("signing_keys:") { keysWork.ask() }
    }
  }

  /// Checks until the task is cancelled. Files and keys have separate tasks, so that files do not wait for the
  /// database.
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
      // The existing keys remain valid, and the next round is soon.
      log.warning("signing keys not maintained", ["error": "\(error)"])
    }
  }

  private func lookAtFiles() async {
    switch identity.reload(now: WallClock.unixSeconds()) {
    case .unchanged: break
    case .changed(let snapshot, let isAuthorityNew):
      holder.take(tls: snapshot.tls)
      log.info("certificates reloaded", ["not_after": Timestamp(unixSeconds: snapshot.leaf.notAfter).rfc3339])
      if isAuthorityNew { await audit(snapshot.authority) }
    case .refused(let reason): log.error("certificates not reloaded, the old ones stay in use", ["reason": reason])
    }
  }

  private func lookAtKeys() async {
    do {
      if let tokens = try await keys.reload() {
        holder.take(tokens: tokens)
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
      log.warning("change of the authority not audited", ["error": "\(error)"])
    }
  }
}
