// A page of a server on which nothing has happened yet, for the declaration of answers.

import Protocol
import Reactor

extension MetricsPage {
  static let example: MetricsPage = {
    let targets = CompiledCatalog().targets
    let lanes = LaneSnapshot(
      counters: LaneCounters(targets: targets.count), loop: LoopStatistics(), connections: [.idle: 1], writers: [:],
      heldBytes: 0, gatheredBytes: 0, untakenBytes: 0, collectorBytes: 0, backlogBytes: 0, backlogPushes: 0,
      pausedConnections: 0)
    return MetricsPage(
      lanes: lanes, targets: targets, queries: QueryPacing.Snapshot(),
      rekeying: RekeyingSnapshot(
        notAfter: [("server", 1_797_000_000)], signingKeys: 1, refusals: 0, isRefused: false),
      storage: StorageSnapshot(), notifications: NotificationSnapshot(), findings: FindingSnapshot(),
      fleet: FleetStatus(), settings: Settings(), reload: SettingsReload.Snapshot(readAt: 1_789_996_400),
      startedAt: 1_789_996_400, now: 1_790_000_000)
  }()
}
