import Glibc
import Ground
import Protocol
import Reactor
import Testing

@testable import App

/// From a finding in the database to real receivers, over real servers.
@Suite struct NotificationDeliveryTests {
  private func start(_ change: (inout Settings) -> Void = { _ in }) async throws -> RunningServer {
    try await .start {
      $0.notificationInterval = .milliseconds(100)
      $0.notificationGroupTime = .zero
      $0.notificationRetry = .milliseconds(100)
      $0.notificationRetryMaximum = .milliseconds(500)
      $0.channelNetworks = [IPNetwork("127.0.0.0/8")!]
      // The tests open and end findings themselves.
      $0.findingInterval = .seconds(3600)
      $0.publicURL = "https://pga.example.com/"
      change(&$0)
    }
  }

  /// Makes a channel. - Returns: its path.
  private func channel(_ json: String, at server: RunningServer) async throws -> String {
    let answer = try await server.client().request(
      "POST", "/api/v1/channels", [server.shared(.admin), ("Content-Type", "application/json")], body: Array(json.utf8))
    #expect(answer.status == 201, "\(answer)")
    return try #require(answer.field("location"))
  }

  private func webhook(_ url: String, secret: String? = nil, extra: String = "") -> String {
    let secret = secret.map { #","secret":"\#($0)""# } ?? ""
    return
      #"{"name":"\#(UUID.random())","kind":"webhook","target":{"url":"\#(url)","allow_plain":true}\#(secret)\#(extra)}"#
  }

  private func open(_ server: RunningServer, _ check: String = "disk_full", servers: Int = 1) async throws {
    try await server.database.script(
      """
      INSERT INTO pganalytics.servers (name, hostname)
      SELECT 'db' || i, 'h' || i FROM generate_series(1, \(servers)) i
      WHERE NOT EXISTS (SELECT FROM pganalytics.servers);
      WITH opened AS (
        INSERT INTO pganalytics.findings (check_name, server_id, severity, message, opened_at, last_seen_at)
        SELECT '\(check)', i, 'critical', 'it is bad', now(), now() FROM generate_series(1, \(servers)) i RETURNING id)
      INSERT INTO pganalytics.finding_events (finding_id, kind) SELECT id, 'opened' FROM opened
      """)
  }

  private func end(_ server: RunningServer) async throws {
    try await server.database.script(
      """
      WITH ended AS (
        UPDATE pganalytics.findings SET ended_at = now(), end_reason = 'recovered' WHERE ended_at IS NULL RETURNING id)
      INSERT INTO pganalytics.finding_events (finding_id, kind) SELECT id, 'ended' FROM ended
      """)
  }

  private func test(_ place: String, at server: RunningServer) async throws -> TestAnswer {
    let answer = try await server.client().request("POST", place + "/test", [server.shared(.operator)])
    #expect(answer.status == 200, "\(answer)")
    return answer
  }

  @Test func `a webhook gets a signed opening and ending, and the list of deliveries shows both`() async throws {
    let server = try await start()
    let receiver = try await WebhookReceiver()
    let place = try await channel(webhook(receiver.url("/hook?x=1"), secret: "signing key"), at: server)
    try await open(server, servers: 3)
    try await server.eventually("no opening arrives") { receiver.requests.count == 1 }
    try await end(server)
    try await server.eventually("no ending arrives") { receiver.requests.count == 2 }
    for request in receiver.requests {
      #expect(request.path == "/hook?x=1")
      #expect(request.fields["content-type"] == "application/json")
      let signature = try #require(request.fields["x-pganalytics-signature"])
      let match = try #require(try /t=([0-9]+),v1=([0-9a-f]{64})/.wholeMatch(in: signature))
      let time = try #require(Int64(match.output.1))
      #expect(abs(time - WallClock.unixSeconds()) < 300)
      let expected = WebhookSignature.fieldValue(
        secret: Array("signing key".utf8), unixSeconds: time, body: Array(request.body.utf8))
      #expect(signature == expected)
      let body = try JSONValue.parse(Array(request.body.utf8).span)
      #expect(body["id"]?.text == request.fields["idempotency-key"])
      #expect(body["count"]?.integer == 3)
      #expect(body["url"]?.text == "https://pga.example.com/api/v1/findings?check=disk_full")
    }
    try await server.eventually("the deliveries are not stored") {
      try await server.counts("pganalytics_notifications_delivered_total{kind=\"webhook\"} 2")
    }
    let list = try await server.client().request(
      "GET", place + "/deliveries?state=delivered", [server.shared(.operator)])
    #expect(
      list.json["data"]?.elements.map { $0["group"]?.text } == ["disk_full ended", "disk_full opened"], "\(list)")
    #expect(list.json["data"]?[0]?["message"]?["event"]?.text == "ended")
    await server.stop()
  }

  @Test func `a test says what the target answers, and why it is not reached`() async throws {
    let server = try await start()
    let receiver = try await WebhookReceiver()
    let good = try await test(channel(webhook(receiver.url("/ok")), at: server), at: server)
    #expect(good.json["delivered"] == true)
    #expect(good.json["code"]?.integer == 200)
    #expect(good.json["answer"]?.text == "taken")
    for (path, code) in [("/refuse", 403), ("/fail", 500), ("/redirect", 302)] {
      let answer = try await test(channel(webhook(receiver.url(path)), at: server), at: server)
      #expect(answer.json["delivered"] == false, "\(answer)")
      #expect(answer.json["code"]?.integer == Int64(code), "\(answer)")
      #expect(answer.json["answer"]?.text == "not taken", "\(answer)")
      #expect(answer.json["error"]?.text?.contains("127.0.0.1") == true, "\(answer)")
    }
    #expect(!receiver.requests.contains { $0.path == "/elsewhere" }, "redirects are not followed")
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.outbox") == 0)
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.audit WHERE action = 'channel.test'") == 4)
    await server.stop()
  }

  @Test func `the loopback is denied unless channel_networks permits it`() async throws {
    let server = try await start { $0.channelNetworks = [] }
    let receiver = try await WebhookReceiver()
    for host in ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "127.1"] {
      let place = try await channel(webhook("http://\(host):\(receiver.port)/"), at: server)
      let answer = try await test(place, at: server)
      #expect(answer.json["delivered"] == false, "\(host): \(answer)")
    }
    #expect(receiver.requests.isEmpty)
    await server.stop()
  }

  @Test func `a target that never answers ends at the deadline, and other channels go on`() async throws {
    let server = try await start { $0.notificationDeadline = .seconds(1) }
    let receiver = try await WebhookReceiver()
    let hanging = try await channel(webhook(receiver.url("/hang")), at: server)
    _ = try await channel(webhook(receiver.url("/ok")), at: server)
    try await open(server)
    try await server.eventually("the other channel gets nothing") { receiver.requests.contains { $0.path == "/ok" } }
    try await server.eventually("the failure is not shown") {
      let shown = try await server.client().request("GET", hanging, [server.shared(.operator)])
      return shown.json["waiting"]?.integer == 1 && shown.json["last_error"]?.text != nil
    }
    await server.stop()
  }

  @Test func `slack gets mrkdwn, and a template makes another body`() async throws {
    let server = try await start()
    let receiver = try await WebhookReceiver()
    let target = #""target":{"allow_plain":true},"secret":"\#(receiver.url("/slack"))""#
    _ = try await channel(#"{"name":"s","kind":"slack",\#(target)}"#, at: server)
    _ = try await channel(
      #"{"name":"t","kind":"slack",\#(target),"template":"{\"content\": \"{{event}} {{title}}\"}"}"#, at: server)
    try await open(server, "temp_files")
    try await server.eventually("two messages arrive") { receiver.requests.count == 2 }
    let bodies = try receiver.requests.map { try JSONValue.parse(Array($0.body.utf8).span) }
    #expect(bodies.contains(["content": "opened Critical: temp files on db1"]), "\(bodies)")
    let texts = bodies.compactMap { $0["text"]?.text }
    let text = try #require(texts.first)
    #expect(text.hasPrefix("*Critical: temp files on db1*\n• db1: it is bad"), "\(text)")
    #expect(receiver.requests.allSatisfy { $0.fields["x-pganalytics-signature"] == nil })
    await server.stop()
  }

  @Test(.enabled(if: DeliveryTargets.hasMailServers))
  func `a mail server gets a mail whose id names the message`() async throws {
    let targets = try await DeliveryTargets.shared()
    let server = try await start()
    try LocalFile.replace(server.settings.dataDirectory + "/ca.pem", with: targets.authority)
    try await server.reload(#"channel_directory = "\#(server.settings.dataDirectory)""#)
    let mark = "check_\(UUID.random())".filter { $0 != "-" }
    let place = try await channel(
      #"""
      {"name":"m","kind":"email","secret":"correct horse","target":{"host":"localhost","port":\#(targets.port("starttls")),
       "username":"pganalytics","from":"pga@example.com","to":["dba@example.com"],"ca_file":"ca.pem"}}
      """#, at: server)
    let tested = try await test(place, at: server)
    #expect(tested.json["delivered"] == true, "\(tested)")
    try await open(server, mark, servers: 2)
    try await server.eventually("no mail arrives") { try !targets.received(mark.replacing("_", with: " ")).isEmpty }
    let mail = try #require(try targets.received(mark.replacing("_", with: " ")).first)
    let list = try await server.client().request("GET", place + "/deliveries", [server.shared(.operator)])
    let id = try #require(list.json["data"]?[0]?["id"]?.text)
    #expect("\(mail)".contains(id), "\(mail)")
    #expect(mail["text"]?.text?.contains("db2: it is bad") == true, "\(mail)")
    unlink(server.settings.dataDirectory + "/ca.pem")
    await server.stop()
  }

  // MARK: Crashes

  /// A second server takes over what a killed process had begun to deliver.
  @Test func `kill -9 during a delivery loses nothing, and the copy has the same id`() async throws {
    // The server in this process only makes the database, the channel and the finding.
    let server = try await start { $0.notificationInterval = .seconds(3600) }
    let receiver = try await WebhookReceiver()
    _ = try await channel(webhook(receiver.url("/hang")), at: server)
    let settings = """
      notification_interval = "100ms"
      notification_group_time = "0s"
      notification_deadline = "1s"
      channel_networks = "127.0.0.0/8"

      """
    let killed = try ServedProcess.start(beside: server, settings)
    try await open(server, servers: 2)
    try await server.eventually("the first process delivers nothing") { receiver.requests.count == 1 }
    killed.kill()
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.outbox WHERE state = 'waiting'") == 1)
    try await server.database.script(
      """
      UPDATE pganalytics.channels SET target = jsonb_set(target, '{url}', '"\(receiver.url("/taken"))"')
      """)
    let second = try ServedProcess.start(beside: server, settings)
    try await server.eventually("nobody takes the message over") {
      try await server.integer("SELECT count(*) FROM pganalytics.outbox WHERE state = 'delivered'") == 1
    }
    second.kill()
    let requests = receiver.requests
    #expect(requests.last?.path == "/taken")
    #expect(Set(requests.map { $0.fields["idempotency-key"] }).count == 1)
    #expect(requests.last?.body == requests.first?.body)
    await server.stop()
  }

  // MARK: Alertmanager

  @Test func `a real Alertmanager shows what is open, and resolves what ends`() async throws {
    guard let program = Alertmanager.program else {
      print("****  ALERTMANAGER IS NOT INSTALLED: no alert was sent to a real one. Install prometheus-alertmanager.")
      return
    }
    let server = try await start()
    let manager = try await Alertmanager(program)
    let place = try await channel(
      #"{"name":"am","kind":"alertmanager","target":{"url":"\#(manager.url)","allow_plain":true}}"#, at: server)
    let tested = try await test(place, at: server)
    #expect(tested.json["delivered"] == true, "\(tested)")
    try await open(server, servers: 1200)
    try await server.eventually("the alerts are not there") {
      try await manager.alerts("active").count { $0["labels"]?["alertname"]?.text == "disk_full" } == 1200
    }
    let alert = try #require(
      try await manager.alerts("active").first { $0["labels"]?["server_id"]?.text == "7" })
    #expect(alert["annotations"]?["summary"]?.text == "it is bad")
    #expect(alert["generatorURL"]?.text?.hasPrefix("https://pga.example.com/api/v1/findings/") == true)
    let end = try #require(alert["endsAt"]?.text)
    try await server.database.script("UPDATE pganalytics.channels SET refreshed_at = now() - interval '1 d'")
    try await server.eventually("the alerts are not sent again") {
      let again = try await manager.alerts("active").first { $0["labels"]?["server_id"]?.text == "7" }
      return again?["endsAt"]?.text.map { $0 > end } == true
    }
    try await self.end(server)
    try await server.eventually("the alerts do not resolve") { try await manager.alerts("active").isEmpty }
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.outbox WHERE state <> 'delivered'") == 0)
    await server.stop()
  }
}
