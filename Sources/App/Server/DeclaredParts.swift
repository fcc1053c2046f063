// The endpoints without a server, for the command line, which needs their declarations: paths, parameters, bodies, answers.

import Ground
import HTTPClient
import Protocol
import Reactor

extension ServerParts {
  /// All endpoints of this version, in the order of the documentation. No handler of them may be called: their parts have
  /// no database, no identity and no loop.
  /// - Throws: the error of a system call.
  static func declarations() throws -> [Endpoint] {
    let settings = Settings()
    let live = LiveSettings(settings)
    let log = ServerLog(settings)
    let (database, lanes, watch) = (Database.none, LaneRoster(), StorageWatch())
    let secrets = ChannelSecrets(live)
    return ServerParts(
      settings: live, reload: SettingsReload(live, log: log, now: 0) { () throws(SettingErrors) in Settings() },
      database: database, queries: database, pacing: QueryPacing(live.live(\.queryAim)), storage: .plain,
      storageWatch: watch, identity: ServerIdentity.none, signingKeys: try SigningKeys.none(live),
      directory: CollectorDirectory(database: database, settings: live, log: log),
      removals: ServerRemovals(database: database, kind: .plain, settings: live, log: log),
      refusals: IdentityRefusals(database: database, settings: live, log: log), channelSecrets: secrets,
      channelDelivery: ChannelDelivery(carrier: NoCarrier(), secrets: secrets, settings: live),
      notifications: NotificationWatch(), lanes: lanes, log: log, findingWatch: FindingWatch(),
      readiness: ReadinessProbe(lanes: lanes, database: database, storage: watch, settings: live, log: log),
      workers: try WorkerPool(name: "unused", threads: 1, maximumWaiting: 0), pageLibraries: .none,
      startedAt: 0
    ).endpoints()
  }
}

/// Delivers nothing.
private struct NoCarrier: MessageCarrier {
  private static let failure = DeliveryFailure(.permanent, "There is no server.")

  func deliver(_: WebhookDelivery, _: DeliveryRules) async throws(DeliveryFailure) -> DeliveryReceipt {
    throw Self.failure
  }

  func deliver(_: MailDelivery, _: DeliveryRules) async throws(DeliveryFailure) -> DeliveryReceipt {
    throw Self.failure
  }
}
