import Ground
import HTTPClient
import Protocol
import Testing

@testable import App

/// From events of findings to deliveries, on a real database.
@Suite struct OutboxTests {
  @Test func `an opening and its ending are one message each, and the ending comes second`() async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    let channel = try await bench.channel()
    let carrier = RecordingCarrier()
    try await bench.dispatching([carrier]) { dispatchers in
      try await bench.open(servers: 1...3)
      try await bench.settle()
      try await bench.end()
      try await bench.settle()
      #expect(carrier.requests.map(\.groups) == [["disk_full opened 3"], ["disk_full ended 3"]])
      let first = try #require(carrier.requests.first)
      #expect(first.url == "hooks.example.com:443/\(channel)")
      #expect(first.body["id"]?.text == first.id)
      #expect(first.body["findings"]?.elements.map { $0["server"]?.text } == ["db1", "db2", "db3"])
      #expect(first.body["findings"]?[0]?["labels"]?["env"]?.text == "production")
      #expect(first.body["findings"]?[0]?["value"]?.number == 1)
      #expect(Set(carrier.requests.map(\.id)).count == 2)
      try await bench.eventually("the page does not count") {
        dispatchers[0].watch.snapshot.delivered == [.webhook: 2]
          && dispatchers[0].watch.snapshot.outbox == OutboxState()
      }
    }
    #expect(try await bench.count("outbox", "state = 'delivered' AND attempts = 1 AND last_error IS NULL") == 2)
    #expect(try await bench.count("notifications", "state = 'composed'") == 6)
  }

  @Test func `a group waits for its time, and a finding that opens meanwhile joins it`() async throws {
    let bench = try await NotificationBench { $0.notificationGroupTime = .seconds(60) }
    defer { bench.shutDown() }
    try await bench.channel()
    let carrier = RecordingCarrier()
    try await bench.dispatching([carrier]) { _ in
      try await bench.open(servers: 1...1, secondsAgo: 57)
      try await bench.open(servers: 2...2)
      try await bench.eventually("the events are not taken") {
        try await bench.count("finding_events", "dispatched_at IS NULL") == 0
      }
      #expect(try await bench.count("notifications", "state = 'pending'") == 2)
      #expect(carrier.requests.isEmpty)
      try await bench.settle()
      #expect(carrier.requests.map(\.groups) == [["disk_full opened 2"]])
    }
  }

  @Test func `a thousand findings at once are at most three messages a channel`() async throws {
    let bench = try await NotificationBench { $0.notificationGroupTime = .seconds(1) }
    defer { bench.shutDown() }
    try await bench.channel(.webhook, ["messages_per_minute": "3"])
    let carrier = RecordingCarrier()
    try await bench.open("silent_collector", servers: 1...1000, secondsAgo: 5)
    for check in ["a", "b", "c", "d"] {
      try await bench.open(check, servers: 1...10, severity: "warning", secondsAgo: 5)
    }
    try await bench.dispatching([carrier, carrier]) { _ in try await bench.settle() }
    let messages = carrier.requests
    #expect(messages.count <= 3, "\(messages.map(\.groups))")
    #expect(messages.reduce(0) { $0 + ($1.body["count"]?.integer ?? 0) } == 1040)
    let silent = try #require(messages.first { $0.groups == ["silent_collector opened 1000"] })
    #expect(silent.body["findings"]?.elements.count == 20)
    #expect(silent.body["more"]?.integer == 980)
  }

  @Test func `two dispatchers deliver every message once while none of them is killed`() async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    for _ in 0..<5 { try await bench.channel() }
    let carriers = [RecordingCarrier(), RecordingCarrier()]
    try await bench.dispatching(carriers) { _ in
      for check in 0..<20 {
        try await bench.open("check\(check)", servers: 1...5)
        try await bench.end("check\(check)")
      }
      try await bench.settle()
    }
    let all = carriers.flatMap(\.requests)
    #expect(Set(all.map(\.id)).count == all.count, "a message was delivered twice")
    #expect(all.reduce(0) { $0 + ($1.body["count"]?.integer ?? 0) } == 5 * 20 * 5 * 2)
    #expect(try await bench.count("outbox", "attempts <> 1") == 0)
  }

  @Test func `a message of a killed server is delivered by another one when its lease ends`() async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    try await bench.channel()
    let intake = OutboxIntake(database: bench.database, settings: bench.settings)
    try await bench.open()
    #expect(try await intake.round() == OutboxIntake.Round(events: 1, messages: 1))
    // The killed server took the message and sent it, and did not store the outcome.
    let killed = try await bench.database.rows(DeliveryStatements.claim, [], 16, 1.5)
    #expect(killed.count == 1)
    #expect(try await bench.database.rows(DeliveryStatements.claim, [], 16, 1.5).isEmpty, "the lease holds")
    let carrier = RecordingCarrier()
    try await bench.dispatching([carrier]) { _ in try await bench.settle() }
    #expect(carrier.requests.map(\.id) == killed.map { "\($0.id)" }, "the same idempotency id")
    #expect(try await bench.count("outbox", "state = 'delivered' AND attempts = 2") == 1)
  }

  @Test func `an intake that is killed within its transaction loses nothing`() async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    try await bench.channel()
    try await bench.open(servers: 1...4)
    struct Killed: DatabaseFailure { init(_ error: DatabaseError) {} }
    await #expect(throws: Killed.self) {
      try await bench.database.transaction { session throws(Killed) in
        do throws(DatabaseError) {
          _ = try await session.one(OutboxStatements.lock)
          _ = try await session.one(OutboxStatements.consume, 5000)
        } catch { throw Killed(error) }
        throw Killed(DatabaseError(.cancelled, ""))
      }
    }
    let carrier = RecordingCarrier()
    try await bench.dispatching([carrier]) { _ in try await bench.settle() }
    #expect(carrier.requests.map(\.groups) == [["disk_full opened 4"]])
  }

  @Test func `only one server at a time takes events`() async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    try await bench.channel()
    try await bench.open()
    let intake = OutboxIntake(database: bench.database, settings: bench.settings)
    try await bench.database.transaction { session throws(DatabaseError) in
      _ = try await session.one(OutboxStatements.lock)
      let round = try await intake.round()
      #expect(round == OutboxIntake.Round(isElsewhere: true))
    }
    #expect(try await intake.round().messages == 1)
  }

  // MARK: Failures

  @Test func `a failed delivery is tried again with the same id until the target takes it`() async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    try await bench.channel()
    let carrier = RecordingCarrier()
    carrier.answer { number in
      number < 3
        ? .failure(DeliveryFailure(number == 1 ? .retryable : .permanent, "It is broken."))
        : .success(DeliveryReceipt(code: 204, text: ""))
    }
    try await bench.dispatching([carrier]) { dispatchers in
      try await bench.open()
      try await bench.eventually("the failure is not stored") {
        if carrier.requests.count >= 3 { return true }
        return try await bench.count("outbox", "last_error = 'It is broken.'") == 1
      }
      try await bench.settle()
      #expect(dispatchers[0].watch.snapshot.failedTries == [.webhook: 2])
    }
    #expect(carrier.requests.count == 3)
    #expect(Set(carrier.requests.map(\.id)).count == 1)
    #expect(carrier.requests.allSatisfy { $0.body == carrier.requests[0].body })
    #expect(try await bench.count("outbox", "state = 'delivered' AND attempts = 3 AND last_error IS NULL") == 1)
  }

  @Test func `a message that nobody takes fails after the retention, and its ending is not reported`() async throws {
    let bench = try await NotificationBench { $0.notificationRetention = .seconds(1) }
    defer { bench.shutDown() }
    try await bench.channel()
    let carrier = RecordingCarrier()
    carrier.answer { _ in .failure(DeliveryFailure(.retryable, "It is down.", code: 503, answer: "sorry")) }
    try await bench.dispatching([carrier]) { dispatchers in
      try await bench.open()
      try await bench.eventually("the message is not given up") {
        try await bench.count("outbox", "state = 'failed'") == 1
      }
      carrier.answer { _ in .success(DeliveryReceipt(code: 200, text: "ok")) }
      try await bench.end()
      try await bench.settle()
      #expect(dispatchers[0].watch.snapshot.givenUp == 1)
    }
    #expect(Set(carrier.requests.map(\.id)).count == 1, "no message reports the ending")
    #expect(try await bench.count("outbox", "last_error = 'It is down. It answered: sorry'") == 1)
    #expect(try await bench.count("notifications", "state = 'dropped'") == 1, "the ending is no notification at all")
  }

  @Test func `an ending waits while the message of its opening waits`() async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    try await bench.channel()
    let intake = OutboxIntake(database: bench.database, settings: bench.settings)
    try await bench.open()
    #expect(try await intake.round().messages == 1)
    try await bench.end()
    #expect(try await intake.round() == OutboxIntake.Round(events: 1, messages: 0))
    let claimed = try await bench.database.rows(DeliveryStatements.claim, [], 16, 60)
    try await bench.database.execute(DeliveryStatements.delivered, try #require(claimed.first).id)
    #expect(try await intake.round() == OutboxIntake.Round(events: 0, messages: 1))
  }

  @Test func `a slow channel delays no other one`() async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    for _ in 0..<3 { try await bench.channel() }
    let intake = OutboxIntake(database: bench.database, settings: bench.settings)
    for check in ["a", "b"] { try await bench.open(check) }
    #expect(try await intake.round().messages == 6)
    let first = try await bench.database.rows(DeliveryStatements.claim, [], 16, 60)
    #expect(first.count == 3, "one message of each channel")
    #expect(Set(first.map(\.channel.id)).count == 3)
    let busy = first.prefix(1).map(\.channel.id)
    let second = try await bench.database.rows(DeliveryStatements.claim, busy, 16, 60)
    #expect(Set(second.map(\.channel.id)) == Set(first.dropFirst().map(\.channel.id)))
  }

  // MARK: The kinds of channels

  @Test func `a mail goes again to the recipients that the server deferred`() async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    try await bench.channel(.email)
    let carrier = RecordingCarrier()
    carrier.answer { number in
      var receipt = DeliveryReceipt(code: 250, text: "queued")
      if number == 1 { receipt.deferredRecipients = [MailAddress("b@example.com")!] }
      return .success(receipt)
    }
    try await bench.dispatching([carrier]) { _ in
      try await bench.open()
      try await bench.settle()
    }
    let mails = carrier.mails
    #expect(mails.map { $0.recipients?.map(\.description) } == [nil, ["b@example.com"]])
    #expect(Set(mails.map(\.message.id)).count == 1)
    let mail = try #require(mails.first)
    #expect(mail.server.place == "mail.example.com:587")
    #expect(mail.server.security == .startTLS)
    #expect(mail.message.subject == "[pgAnalytics] Critical: disk full on db1")
    #expect(mail.message.recipients.map(\.description) == ["a@example.com", "b@example.com"])
    #expect(mail.message.text.contains("db1: it is bad"))
  }

  @Test func `alerts are sent again until they end, and not if they are silenced`() async throws {
    let bench = try await NotificationBench { $0.notificationGroupTime = .seconds(3600) }
    defer { bench.shutDown() }
    let channel = try await bench.channel(.alertmanager)
    let carrier = RecordingCarrier()
    func refresh() async throws -> RecordingCarrier.Request? {
      let known = carrier.requests.count
      try await bench.database.script("UPDATE pganalytics.channels SET refreshed_at = '2000-01-01'")
      try await bench.eventually("no server takes the channel") {
        try await bench.count("channels", "refreshed_at > now() - interval '1 h'") == 1
      }
      let firing = try await bench.database.rows(DeliveryStatements.firing, channel, 0, 1000)
      if !firing.isEmpty { try await bench.eventually("nothing is sent again") { carrier.requests.count > known } }
      return carrier.requests.dropFirst(known).last
    }
    try await bench.dispatching([carrier]) { _ in
      try await bench.open(servers: 1...3)
      try await bench.settle()
      let opening = try #require(carrier.requests.first { !$0.id.isEmpty })
      #expect(opening.url == "hooks.example.com:443/\(channel)/api/v2/alerts")
      #expect(opening.body.elements.map { $0["labels"]?["server"]?.text } == ["db1", "db2", "db3"])
      let again = try #require(try await refresh())
      #expect(again.id.isEmpty, "it is no message of the outbox")
      #expect(again.body.elements.count == 3)
      try await bench.database.script(
        """
        UPDATE pganalytics.findings SET acknowledged_at = now() WHERE server_id = 1;
        INSERT INTO pganalytics.silences (server_id, until, reason) VALUES (2, now() + interval '1 h', 'work')
        """)
      #expect(try await refresh()?.body.elements.map { $0["labels"]?["server"]?.text } == ["db3"])
      try await bench.end()
      try await bench.settle()
      let ending = try #require(carrier.requests.last { !$0.id.isEmpty })
      #expect(ending.body.elements.map { $0["labels"]?["server"]?.text } == ["db3"])
      let end = try #require(ending.body[0]?["endsAt"]?.text.flatMap { Timestamp(rfc3339: $0) })
      #expect(end.unixMicroseconds <= WallClock.unixMicroseconds())
      #expect(try await refresh() == nil)
    }
  }

  @Test func `old messages, notifications and events are deleted, and those of open findings stay`() async throws {
    let bench = try await NotificationBench()
    defer { bench.shutDown() }
    try await bench.channel()
    let carrier = RecordingCarrier()
    try await bench.dispatching([carrier]) { _ in
      try await bench.open()
      try await bench.settle()
      try await bench.end()
      try await bench.settle()
      try await bench.open("xid_age")
      try await bench.settle()
    }
    try await bench.database.script(
      """
      UPDATE pganalytics.findings SET ended_at = ended_at - interval '31 d' WHERE ended_at IS NOT NULL;
      UPDATE pganalytics.outbox SET finished_at = now() - interval '31 d';
      UPDATE pganalytics.finding_events SET dispatched_at = now() - interval '31 d'
      """)
    let seconds = 30 * 86_400.0
    try await bench.database.execute(DeliveryStatements.pruneMessages, seconds)
    try await bench.database.execute(DeliveryStatements.pruneNotifications, seconds)
    try await bench.database.execute(DeliveryStatements.pruneEvents, seconds)
    #expect(try await bench.count("outbox") == 0)
    #expect(try await bench.count("finding_events") == 0)
    #expect(try await bench.count("notifications") == 1)
    try await bench.dispatching([carrier]) { _ in
      try await bench.end("xid_age")
      try await bench.settle()
    }
    #expect(carrier.requests.last.map(\.groups) == ["xid_age ended 1"], "an ending is reported after any time")
  }
}
