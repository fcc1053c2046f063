// What the server observes about itself, and the endpoint /metrics.

import Protocol
import Reactor

/// The parts of a server that its counters are about.
struct WatchedServer: Sendable {
  /// A database client, and its name in the server's status.
  struct Pool: Sendable {
    let name: String
    let database: Database
  }

  let lanes: any WatchedLanes
  let pacing: QueryPacing
  let identity: ServerIdentity
  let signingKeys: SigningKeys
  let storage: StorageWatch
  let notifications: NotificationWatch
  let findings: FindingWatch
  let directory: CollectorDirectory
  let reload: SettingsReload
  let log: ServerLog
  let readiness: ReadinessProbe
  let pools: [Pool]
  /// Unix seconds.
  let startedAt: Int64
  private let targets = CompiledCatalog().targets

  /// The counters of this moment.
  /// - Parameter lanes: the sum of the snapshots of the lanes.
  func page(_ lanes: LaneSnapshot, _ context: RequestContext) -> MetricsPage {
    MetricsPage(
      lanes: lanes, targets: targets, queries: pacing.snapshot(at: .now()),
      rekeying: RekeyingSnapshot(identity, signingKeys), storage: storage.snapshot,
      notifications: notifications.snapshot, findings: findings.snapshot, fleet: directory.fleet,
      settings: context.settings, reload: reload.snapshot, startedAt: startedAt,
      now: context.now.unixMicroseconds / 1_000_000, log: log.writer.losses)
  }
}

enum MetricsEndpoint {
  static func declaration(_ server: WatchedServer) -> Endpoint {
    Endpoint(
      .get, "/metrics", id: "getServerCounters", tag: .system, access: .anyone,
      summary: "The server's counters, for Prometheus.",
      description: """
        Open to everyone, unless the setting `metrics_token` is set: then clients send it as `Authorization: Bearer …`.
        """,
      returns: HTTPResponse.self, answers: [.text(example: "pganalytics_uptime_seconds 3600\n")],
      problems: [.unauthenticated]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let wanted = Array(context.settings.metricsToken.utf8)
      if !wanted.isEmpty {
        let shown = request.head.bearerToken.map { Array($0) } ?? []
        guard constantTimeEquals(shown.span, wanted.span) else { throw Problem(.unauthenticated, "metrics_token") }
      }
      guard let lanes = await server.lanes.snapshot() else { throw Problem(.shuttingDown, retryAfterSeconds: 5) }
      let page = PrometheusText(server.page(lanes, context).families)
      return HTTPResponse(
        status: .ok, fields: [HTTPField("Content-Type", PrometheusText.contentType)], body: Array(page.text.utf8))
    }
  }
}
