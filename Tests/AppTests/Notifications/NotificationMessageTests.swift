import Protocol
import Testing

@testable import App

/// The content of messages, and the bodies that are made of it.
@Suite struct NotificationMessageTests {
  static func finding(
    _ id: Int64 = 81, event: MessageComposer.Event = .opened, severity: String = "critical", subject: String = "/var",
    message: String = "97 % of /var is used", server: String = "db7", value: Double? = 97,
    labels: JSONObject = JSONObject()
  ) -> NotifiedFinding {
    NotifiedFinding(
      id: id, event: event, check: "disk_full", severity: severity, serverID: 7, serverName: server, subject: subject,
      message: message, value: value, threshold: 95, openedAt: Timestamp(unixSeconds: 1_790_000_000),
      endedAt: event == .ended ? Timestamp(unixSeconds: 1_790_000_100) : nil,
      endReason: event == .ended ? "recovered" : nil, labels: labels)
  }

  static func message(
    _ findings: [NotifiedFinding] = [finding()], groups: [NotificationMessage.Group]? = nil, url: String = ""
  ) -> NotificationMessage {
    NotificationMessage(
      id: UUID(high: 1, low: 2), createdAt: Timestamp(unixSeconds: 1_790_000_060),
      groups: groups ?? [.init(check: "disk_full", event: findings[0].event, count: findings.count)],
      findings: findings, url: url)
  }

  private func parsed(_ bytes: [UInt8]) throws -> JSONValue { try JSONValue.parse(bytes.span) }

  @Test func `a message is read from the outbox as it was written`() throws {
    var labels = JSONObject()
    labels["env"] = "prod \"eu\""
    let messages = [
      Self.message([Self.finding(labels: labels), Self.finding(82, event: .ended, value: nil)], url: "https://x/y"),
      Self.message(groups: [
        .init(check: "a", event: .opened, count: 400), .init(check: "b", event: .ended, count: 2),
      ]), .test(id: UUID(high: 3, low: 4), at: Timestamp(unixSeconds: 5), url: ""),
    ]
    for message in messages {
      #expect(NotificationMessage(try parsed(message.json)) == message)
    }
    #expect(NotificationMessage(["id": "x"]) == nil)
    #expect(NotificationMessage(.null) == nil)
    let text = String(decoding: messages[0].json, as: UTF8.self)
    let spoilt = text.replacing("\"event\":\"ended\"", with: "\"event\":\"moved\"")
    #expect(NotificationMessage(try parsed(Array(spoilt.utf8))) == nil, "a finding that is not readable")
  }

  @Test func `titles say what happened`() {
    #expect(Self.message().title == "Critical: disk full on db7 (/var)")
    #expect(Self.message([Self.finding(severity: "warning", subject: "")]).title == "Warning: disk full on db7")
    #expect(Self.message([Self.finding(server: "")]).title == "Critical: disk full on server 7 (/var)")
    #expect(Self.message([Self.finding(event: .ended)]).title == "Ended: disk full on db7 (/var)")
    let many = Self.message(groups: [.init(check: "disk_full", event: .opened, count: 412)])
    #expect(many.title == "Critical: disk full, 412 findings")
    #expect(many.findingLines(.plain).last == "and 411 more")
    let several = Self.message(groups: [
      .init(check: "disk_full", event: .opened, count: 4), .init(check: "xid_age", event: .ended, count: 1),
    ])
    #expect(several.title == "5 findings of 2 groups")
    #expect(several.event == .several)
    #expect(several.text(.plain).contains("xid_age ended: 1"))
  }

  @Test func `texts from a database cannot mark anything up`() {
    let hostile = Self.finding(subject: "<!channel>", message: "a & b\n<http://evil|ok>\u{1}")
    let text = Self.message([hostile]).text(.mrkdwn)
    #expect(text.contains("(&lt;!channel&gt;)"))
    #expect(text.contains("a &amp; b &lt;http://evil|ok&gt;"))
    #expect(!text.contains("<"))
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    #expect(text.split(separator: "\n").count == 2, "a text from outside stays on its line")
  }

  @Test func `a long text is cut between characters`() {
    let line = Self.message([Self.finding(message: String(repeating: "é", count: 10_000))]).findingLines(.plain)[0]
    #expect(line.utf8.count <= 500)
    #expect(line.hasSuffix("é…"))
  }

  // MARK: Templates

  @Test func `a template fills its placeholders as contents of strings`() throws {
    let template = try MessageTemplate(
      #"{"content": "{{ title }}|{{findings}}|{{event}}|{{check}}|{{severity}}|{{count}}|{{url}}|{{id}}|{{time}}"}"#)
    let message = Self.message([Self.finding(message: "quote \" and \\ back")], url: "https://x")
    let body = try parsed(template.body(message, .plain))
    let expected =
      "Critical: disk full on db7 (/var)|db7 (/var): quote \" and \\ back|opened|disk_full|critical|1|https://x|"
      + "\(message.id)|2026-09-21T14:14:20Z"
    #expect(body == ["content": .string(expected)])
  }

  @Test(arguments: [
    ("{{text}}", "JSON object"), ("[\"{{text}}\"]", "JSON object"), (#"{"a": {{count}}}"#, "JSON object"),
    (#"{"a": "{{nothing}}"}"#, "placeholder"), (#"{"a": "{{text"}"#, "without"), ("", "JSON object"),
    (#"{"a": "b"} x"#, "JSON object"),
  ])
  func `a template that cannot work is refused`(_ text: String, _ reason: String) {
    #expect {
      try MessageTemplate(text)
    } throws: { error in
      (error as? TemplateFault)?.description.contains(reason) == true
    }
  }

  @Test func `a template has at most its limit of bytes`() throws {
    let frame = #"{"a": ""}"#
    let most = String(repeating: "x", count: MessageTemplate.maximumBytes - frame.utf8.count)
    _ = try MessageTemplate(#"{"a": "\#(most)"}"#)
    #expect(throws: TemplateFault.self) { try MessageTemplate(#"{"a": "\#(most)x"}"#) }
  }

  // MARK: Alertmanager

  @Test func `an alert has labels that do not change while the finding is open`() throws {
    var labels = JSONObject()
    labels["env"] = "prod"
    labels["team.name"] = "dba"
    let body = AlertmanagerBody(publicURL: "https://pga", now: Timestamp(unixSeconds: 1_790_000_060))
    let parts = body.parts([Self.finding(labels: labels)])
    #expect(parts.count == 1)
    let expected: JSONValue = [
      [
        "labels": [
          "alertname": "disk_full", "severity": "critical", "server": "db7", "server_id": "7", "subject": "/var",
          "label_env": "prod", "label_team_name": "dba",
        ],
        "annotations": [
          "summary": "97 % of /var is used", "finding_id": "81", "value": "97.0", "threshold": "95.0",
        ],
        "startsAt": "2026-09-21T14:13:20Z", "endsAt": "2026-09-21T14:18:20Z",
        "generatorURL": "https://pga/api/v1/findings/81",
      ]
    ]
    #expect(try parsed(parts[0]) == expected)
  }

  @Test func `an ended finding is an alert with its end`() throws {
    let body = AlertmanagerBody(publicURL: "", now: Timestamp(unixSeconds: 1_790_000_200))
    let alert = try parsed(body.parts([Self.finding(event: .ended)])[0])
    guard case .array(let alerts) = alert, case .object(let first)? = alerts.first else {
      Issue.record("\(alert)")
      return
    }
    #expect(first["endsAt"] == "2026-09-21T14:15:00Z")
    #expect(first["generatorURL"] == nil)
  }

  @Test(arguments: [(0, [Int]()), (1, [1]), (1000, [1000]), (1001, [1000, 1]), (2500, [1000, 1000, 500])])
  func `alerts are divided into requests`(_ count: Int, _ sizes: [Int]) throws {
    let body = AlertmanagerBody(publicURL: "", now: Timestamp(unixSeconds: 0))
    let parts = body.parts((0..<count).map { Self.finding(Int64($0)) })
    let found = try parts.map { part in
      if case .array(let alerts) = try parsed(part) { alerts.count } else { -1 }
    }
    #expect(found == sizes)
  }
}
