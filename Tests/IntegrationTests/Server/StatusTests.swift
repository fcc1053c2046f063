import Protocol
import Testing

@testable import App

/// The health of the server itself as JSON.
@Suite struct StatusTests {
  @Test func `a viewer sees what the server counted, also if /metrics needs a token`() async throws {
    let server = try await RunningServer.start {
      $0.metricsToken = "scrape"
      $0.loops = 2
    }
    let viewer = try await server.person(.viewer)
    let before = try await status(viewer)
    let collector = try await server.enrol()
    let push = collector.generatedPush()
    #expect(try await collector.push(push).status == 200)
    #expect(try await collector.push(push).json["duplicate"]?.flag == true)
    let after = try await status(viewer)
    for (name, growth) in [("pushes_received", 2), ("pushes_stored", 1), ("pushes_duplicate", 1)] {
      #expect(after[name]?.integer == before[name]?.integer.map { $0 + Int64(growth) }, "\(name)")
    }
    #expect(try #require(after["push_bytes"]?.integer) > 0)
    #expect(after["is_ready"]?.flag == true)
    #expect(after["version"]?.text != nil)
    let stage = try #require(after["push_seconds"]?.elements.first { $0["name"]?.text == "total" })
    #expect(stage["count"]?.integer == 1)
    #expect(stage["median_seconds"]?.number ?? 0 > 0)
    #expect(stage["buckets"]?.elements.count == 1, "one push is in one bucket")
    let loops = try #require(after["loops"]?.elements)
    #expect(loops.count == 2)
    #expect(loops.compactMap { $0["pushes_received"]?.integer }.reduce(0, +) == after["pushes_received"]?.integer)
    let pools = try #require(after["database_pools"]?.elements)
    #expect(pools.map { $0["name"]?.text } == ["endpoints", "metrics_queries"])
    #expect(try #require(pools[0]["connected"]?.integer) >= 1, "the login was looked up over a connection")
    let budget = try #require(after["budgets"]?.elements.first { $0["name"]?.text == "bytes_in_flight" })
    #expect(budget["limit_bytes"]?.integer == Int64(server.settings.bytesInFlight))
    #expect(try await server.client().request("GET", "/metrics").status == 401)
    #expect(try await server.client().request("GET", "/api/v1/status").status == 401)
    await server.stop()
  }

  private func status(_ user: TestUser) async throws -> JSONValue {
    let answer = try await user.request("GET", "/api/v1/status")
    try #require(answer.status == 200, "\(answer)")
    return answer.json
  }
}
