import Testing

@testable import App
@testable import Protocol

/// Rejects of a collector's pushes can be found later.
@Suite struct RejectTests {
  @Test func `a collector shows its rejects by code and type, with the last of each`() async throws {
    let server = try await RunningServer.start()
    let collector = try await server.enrol()
    let viewer = try await server.user(.viewer)
    let old = TestCollector.disk("b", used: 1, time: TestCollector.now(secondsAgo: 40 * 86_400))
    let answer = try await collector.push(collector.push(of: [TestCollector.disk("a", used: 1), old, old, "7"]))
    #expect(answer.json["rejected_count"]?.integer == 3)
    let again = try await collector.push(collector.push(of: [TestCollector.disk("c", used: 1), old]))
    let last = try #require(again.json["push_id"]?.text)
    let path = "/api/v1/collectors/\(collector.id)"
    try await server.eventually("the rejects are not shown") {
      let shown = try await server.client().request("GET", path, [viewer])
      return shown.json["rejects"]?.elements.first { $0["code"]?.text == "too_old" }?["total"]?.integer == 3
    }
    let shown = try await server.client().request("GET", path, [viewer])
    let rejects = shown.json["rejects"]?.elements ?? []
    #expect(rejects.count == 2, "\(shown)")
    let tooOld = try #require(rejects.first { $0["code"]?.text == "too_old" })
    #expect(tooOld["metric_type"]?.text == "disk_usage")
    #expect(tooOld["last_push_id"]?.text == last)
    #expect(tooOld["last_message"]?.text?.isEmpty == false)
    let other = try #require(rejects.first { $0["code"]?.text == "not_an_object" })
    #expect(other["total"]?.integer == 1)
    #expect(other["metric_type"]?.text == "")
    // A clock was ahead and was set back. A later reject still counts as the last one.
    try await server.database.script("UPDATE pganalytics.collector_rejects SET last_at = now() + interval '3 days'")
    let now = try await collector.push(collector.push(of: [TestCollector.disk("d", used: 1), old]))
    let newest = try #require(now.json["push_id"]?.text)
    try await server.eventually("a time of the future hides later rejects") {
      let shown = try await server.client().request("GET", path, [viewer])
      return shown.json["rejects"]?.elements.first { $0["code"]?.text == "too_old" }?["last_push_id"]?.text == newest
    }
    await server.stopServer()
    #expect(
      try await server.integer("SELECT sum(total)::int8 FROM pganalytics.collector_rejects") == 5, "the totals are kept"
    )
    server.database.shutDown()
  }

  @Test func `a lane notes a limited number of kinds of rejects, adds up, and forgets what it reported`() {
    var notes = RejectNotes()
    var summary = PushSummary()
    let (collector, push) = (UUID.random(), UUID.random())
    notes.add(summary, of: collector, push: push, at: Timestamp(unixSeconds: 0))
    #expect(notes.isEmpty)
    summary.rejectedTotal = 5
    summary.rejectedByCode = [.tooOld: 4, .wrongType: 1]
    for _ in 0..<2 { notes.add(summary, of: collector, push: push, at: Timestamp(unixSeconds: 0)) }
    #expect(notes.notes.count == 2)
    #expect(notes.notes[.init(collector: collector, code: "too_old", metricType: "")]?.total == 8)
    for _ in 0..<RejectNotes.remembered {
      notes.add(summary, of: UUID.random(), push: push, at: Timestamp(unixSeconds: 0))
    }
    #expect(notes.notes.count == RejectNotes.remembered)
    notes.add(summary, of: collector, push: push, at: Timestamp(unixSeconds: 0))
    let told = notes.take()
    #expect(
      told.notes[.init(collector: collector, code: "too_old", metricType: "")]?.total == 12,
      "a known kind is still counted")
    #expect(notes.isEmpty)
  }

  @Test func `the fleet is counted by the states of its collectors`() async throws {
    let server = try await RunningServer.start()
    let collectors = [try await server.enrol(), try await server.enrol(), try await server.enrol()]
    try await server.database.script(
      """
      UPDATE pganalytics.collectors SET last_seen_at = now() - interval '1 hour' WHERE id = '\(collectors[0].id)';
      UPDATE pganalytics.collectors SET last_seen_at = now() WHERE id = '\(collectors[1].id)';
      """)
    let fleet = try #require(try await server.database.one(CollectorAdminStatements.fleet, 300))
    #expect([fleet.registered, fleet.active, fleet.offline, fleet.revoked] == [1, 1, 1, 0])
    await server.stop()
  }
}
