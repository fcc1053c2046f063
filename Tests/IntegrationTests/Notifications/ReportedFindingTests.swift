import Protocol
import Testing

@testable import App

/// Which findings a channel reports, on a real database.
@Suite struct ReportedFindingTests {
  @Test(arguments: [
    ("check_name", "'disk_full'", "'xid_age'"), ("server_id", "1", "2"), ("subject", "'/var'", "'/home'"),
    ("labels", "'{\"env\":\"production\"}'", "'{\"env\":\"test\"}'"),
  ])
  func `a silenced finding is not reported, and another one is`(
    _ column: String, _ matching: String, _ other: String
  ) async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    try await bench.channel()
    func silence(_ value: String, until: String = "now() + interval '1 h'", ended: String = "NULL") async throws {
      try await bench.database.script(
        """
        INSERT INTO pganalytics.silences (\(column), until, reason, ended_at)
        VALUES (\(value), \(until), 'work', \(ended))
        """)
    }
    let intake = OutboxIntake(database: bench.database, settings: bench.settings)
    try await silence(other)
    try await silence(matching, until: "now() - interval '1 s'")
    try await silence(matching, ended: "now()")
    try await bench.open(subject: "/var")
    #expect(try await intake.round().messages == 1, "no silence holds for it")
    try await bench.database.script("UPDATE pganalytics.outbox SET state = 'delivered'")
    try await silence(matching)
    try await bench.end()
    #expect(try await intake.round() == OutboxIntake.Round(events: 1, messages: 0), "the ending is silenced, too")
    try await bench.open(subject: "/var")
    #expect(try await intake.round() == OutboxIntake.Round(events: 1, messages: 0))
    #expect(try await bench.count("notifications", "state = 'dropped'") == 2)
    try await bench.database.script("UPDATE pganalytics.silences SET ended_at = now() WHERE ended_at IS NULL")
    try await bench.end()
    #expect(try await intake.round().messages == 0, "an ending without a reported opening")
  }

  @Test func `an acknowledged finding is not reported`() async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    try await bench.channel()
    try await bench.open(servers: 1...2)
    try await bench.database.script("UPDATE pganalytics.findings SET acknowledged_at = now() WHERE server_id = 1")
    let carrier = RecordingCarrier()
    try await bench.dispatching([carrier]) { _ in try await bench.settle() }
    #expect(carrier.requests.map(\.groups) == [["disk_full opened 1"]])
    #expect(carrier.requests[0].body["findings"]?[0]?["server"]?.text == "db2")
  }

  @Test(arguments: [
    (["severities": "'{critical}'"], 10), (["severities": "'{warning}'"], 0), (["checks": "'{disk_full}'"], 10),
    (["checks": "'{xid_age}'"], 0), (["labels": "'{env=production}'"], 6), (["labels": "'{env=}'"], 10),
    (["labels": "'{env=production,team=}'"], 0), (["is_on": "false"], 0),
  ])
  func `a channel reports the findings that its filters select`(_ filter: [String: String], _ count: Int) async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    try await bench.channel(.webhook, filter)
    try await bench.open(servers: 5...14)
    _ = try await OutboxIntake(database: bench.database, settings: bench.settings).round()
    #expect(try await bench.count("notifications", "state = 'composed'") == Int64(count))
    #expect(try await bench.count("finding_events", "dispatched_at IS NULL") == 0)
  }

  @Test func `findings of a removed server are reported, and deleted findings are forgotten`() async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    try await bench.channel()
    try await bench.open(servers: 77...77)
    try await bench.open("gone")
    try await bench.database.script("DELETE FROM pganalytics.findings WHERE check_name = 'gone'")
    let carrier = RecordingCarrier()
    try await bench.dispatching([carrier]) { _ in try await bench.settle() }
    #expect(carrier.requests.map { $0.body["title"]?.text } == ["Critical: disk full on server 77"])
  }
}
