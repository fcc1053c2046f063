// A message before it gets the form of a channel. It is stored in the outbox as JSON, so every try and every server
// sends the same content, and the body of a webhook is this JSON.

import Protocol

/// A finding as a message shows it.
struct NotifiedFinding: Equatable, Sendable {
  let id: Int64
  let event: MessageComposer.Event
  let check: String
  let severity: String
  let serverID: Int32
  /// The name of the server; empty if the server was removed.
  let serverName: String
  /// The object within the server; empty if the finding is about the server itself.
  let subject: String
  let message: String
  let value: Double?
  let threshold: Double?
  let openedAt: Timestamp
  let endedAt: Timestamp?
  let endReason: String?
  /// The labels of the server, as an object of texts.
  let labels: JSONObject
}

/// What one message reports.
struct NotificationMessage: Equatable, Sendable {
  /// One kind of event of one check, with the number of its findings.
  struct Group: Hashable, Sendable {
    let check: String
    let event: MessageComposer.Event
    let count: Int
  }

  enum Event: String, CaseIterable, Sendable {
    case opened, ended
    /// Groups of several checks, or openings and endings.
    case several
    /// A test of the channel. It reports nothing.
    case test
  }

  /// The idempotency id.
  let id: UUID
  let createdAt: Timestamp
  let groups: [Group]
  /// The first findings, the critical ones first.
  let findings: [NotifiedFinding]
  /// Where a person finds more; empty if `public_url` is not set.
  let url: String

  /// The number of findings in all groups.
  var count: Int { groups.reduce(0) { $0 + $1.count } }

  var event: Event {
    guard let first = groups.first else { return .test }
    if groups.count > 1 { return .several }
    switch first.event {
    case .opened: return .opened
    case .ended: return .ended
    }
  }

  /// The name of the only check; nil for a message about several checks.
  var check: String? { groups.count == 1 ? groups[0].check : nil }

  /// The highest severity of the shown findings. Critical findings are shown first, so it is that of all findings.
  var severity: String { findings.first?.severity ?? "warning" }

  /// A message that tests a channel.
  static func test(id: UUID, at time: Timestamp, url: String) -> NotificationMessage {
    NotificationMessage(id: id, createdAt: time, groups: [], findings: [], url: url)
  }
}

// MARK: - JSON

extension NotificationMessage {
  /// The JSON of the outbox, which is also the default body of a webhook.
  var json: [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("id", id)
      json.member("created_at", createdAt.rfc3339)
      json.member("event", event.rawValue)
      json.member("title", title)
      json.member("count", count)
      json.member("severity", severity)
      json.key("groups")
      json.array { json in
        for group in groups {
          json.object { json in
            json.member("check", group.check)
            json.member("event", group.event.rawValue)
            json.member("count", group.count)
          }
        }
      }
      json.key("findings")
      json.array { json in for finding in findings { finding.write(to: &json) } }
      json.member("more", max(0, count - findings.count))
      json.member("url", url)
    }
    return json.finish().withUnsafeBytes { Array($0) }
  }

  /// Reads what `json` wrote. - Returns: nil for anything else.
  init?(_ value: JSONValue) {
    guard let id = value["id"]?.text.flatMap({ UUID($0) }),
      let createdAt = value["created_at"]?.text.flatMap({ Timestamp(rfc3339: $0) }), let url = value["url"]?.text,
      let groups = value["groups"]?.elements.map(Group.init),
      let findings = value["findings"]?.elements.map(
        NotifiedFinding.init)
    else { return nil }
    self.id = id
    self.createdAt = createdAt
    self.url = url
    self.groups = groups.compactMap { $0 }
    self.findings = findings.compactMap { $0 }
    if self.groups.count < groups.count || self.findings.count < findings.count { return nil }
  }
}

extension NotificationMessage.Group {
  fileprivate init?(_ value: JSONValue) {
    guard let check = value["check"]?.text,
      let event = value["event"]?.text.flatMap({ MessageComposer.Event(rawValue: $0) }),
      let count = value["count"]?.whole
    else { return nil }
    self.init(check: check, event: event, count: Int(count))
  }
}

extension NotifiedFinding {
  fileprivate func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("id", id)
      json.member("event", event.rawValue)
      json.member("check", check)
      json.member("severity", severity)
      json.member("server_id", serverID)
      json.member("server", serverName)
      json.member("subject", subject)
      json.member("message", message)
      json.key("value")
      json.value(value.map(JSONValue.double) ?? .null)
      json.key("threshold")
      json.value(threshold.map(JSONValue.double) ?? .null)
      json.member("opened_at", openedAt.rfc3339)
      json.key("ended_at")
      json.value(endedAt.map { .string($0.rfc3339) } ?? .null)
      json.key("end_reason")
      json.value(endReason.map(JSONValue.string) ?? .null)
      json.key("labels")
      json.value(.object(labels))
    }
  }

  fileprivate init?(_ value: JSONValue) {
    guard let id = value["id"]?.whole,
      let event = value["event"]?.text.flatMap({ MessageComposer.Event(rawValue: $0) }),
      let check = value["check"]?.text, let severity = value["severity"]?.text,
      let serverID = value["server_id"]?.whole.flatMap({ Int32(exactly: $0) }), let server = value["server"]?.text,
      let subject = value["subject"]?.text, let message = value["message"]?.text,
      let openedAt = value["opened_at"]?.text.flatMap({ Timestamp(rfc3339: $0) }),
      case .object(let labels)? = value["labels"]
    else { return nil }
    self.init(
      id: id, event: event, check: check, severity: severity, serverID: serverID, serverName: server,
      subject: subject, message: message, value: value["value"]?.number, threshold: value["threshold"]?.number,
      openedAt: openedAt, endedAt: value["ended_at"]?.text.flatMap { Timestamp(rfc3339: $0) },
      endReason: value["end_reason"]?.text, labels: labels)
  }
}

extension JSONValue {
  fileprivate subscript(name: String) -> JSONValue? { if case .object(let object) = self { object[name] } else { nil } }
  fileprivate var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
  fileprivate var text: String? { if case .string(let text) = self { text } else { nil } }
  fileprivate var whole: Int64? { if case .integer(let number) = self { number } else { nil } }
  fileprivate var number: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .double(let number): number
    case .null, .bool, .string, .array, .object: nil
    }
  }
}
