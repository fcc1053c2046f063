// The endpoint with the server's own health, for people: the console and `pganalytics top` show it.

import Protocol

enum StatusEndpoint {
  static func declaration(_ server: WatchedServer) -> Endpoint {
    Endpoint(
      .get, "/api/v1/status", id: "getStatus", tag: .system, access: .user(.viewer),
      summary: "The health of this server: load, latencies, backlog, budgets, loops, database connections.",
      description: """
        The figures of `/metrics` as JSON, and those of each loop and each database pool. Each server answers for itself. \
        Counters begin with 0 when the server starts, and only grow. A member of the answer has the name of its metric \
        family without `pganalytics_` and `_total`; docs/METRICS.md lists the families.
        """,
      returns: StatusAnswer.self
    ) { _, context async throws(Problem) -> StatusAnswer in
      async let reasons = server.readiness.reasons()
      async let pools = pools(server.pools)
      let lanes = await result(within: ReadinessProbe.patience) { await server.lanes.snapshots() }
      guard let lanes else { throw Problem(.overloaded, "a loop does not answer", retryAfterSeconds: 5) }
      guard let sum = LaneSnapshot.sum(of: lanes) else { throw Problem(.shuttingDown, retryAfterSeconds: 5) }
      return StatusAnswer(
        now: context.now, reasons: await reasons, families: server.page(sum, context).families, loops: lanes,
        pools: await pools)
    }
  }

  /// The states of the pools that answer in time.
  private static func pools(_ pools: [WatchedServer.Pool]) async -> [(name: String, state: DatabasePoolState)] {
    var states: [(name: String, state: DatabasePoolState)] = []
    for pool in pools {
      let answer = await result(within: ReadinessProbe.patience) { await pool.database.poolState() }
      if let state = answer ?? nil { states.append((pool.name, state)) }
    }
    return states
  }
}
