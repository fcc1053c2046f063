// The bodies of the endpoints for channels. A secret is written, and never shown.

import Protocol

/// The fields that a channel has from its beginning and that may change.
enum ChannelRule {
  static let name = FieldRule<String>.string(1...100)
  static let secret = FieldRule<String>.secret(1...4096)
  static let template = FieldRule<String>.lines(bytes: 2...MessageTemplate.maximumBytes, format: "template")
  static let severities = FieldRule<[String]>.list(.choice(of: ["warning", "critical"]), count: 0...2)
  static let checks = FieldRule<[String]>.list(.string(1...100), count: 0...100)
  static let labels = FieldRule<[LabelTerm]>.list(.labelTerm, count: 0...LabelFilter.most)
  static let messagesPerMinute = FieldRule<Int>.integer(1...1000)
  /// The number of messages a minute if the request gives none.
  static let usualMessagesPerMinute = 3

  static let secretProse = """
    It is stored encrypted and never shown. `webhook`: the key of the signature. `slack`: the URL, if it is to be kept \
    secret. `alertmanager`: the bearer token, or the password of `username`. `email`: the password of `username`.
    """
  static let templateProse = """
    For `webhook` and `slack`: the JSON body, with placeholders such as `{{text}}` in its strings. Default: the body that \
    the documentation describes.
    """
  static let severitiesProse = "Only findings of these severities; empty: all."
  static let checksProse = "Only findings of these checks; empty: all."
  static let labelsProse =
    "Only findings of servers that fulfil all these conditions, each `key=value` or `key=`; empty: all."
  static let rateProse = "The most messages within a minute. The last of them sums up what exceeds it."
}

struct CreateChannelRequest: RequestBody {
  let name: String
  let kind: ChannelKind
  let target: ChannelTarget
  let secret: String?
  let template: String?
  let severities: [String]
  let checks: [String]
  let labels: [LabelTerm]
  let isOn: Bool
  let messagesPerMinute: Int

  init(from object: inout ObjectReader) {
    name = object.required("name", ChannelRule.name, "Unique.")
    kind = object.required("kind", .choice())
    target = object.required("target", .object())
    secret = object.optional("secret", ChannelRule.secret, ChannelRule.secretProse)
    template = object.optional("template", ChannelRule.template, ChannelRule.templateProse)
    severities = object.optional("severities", ChannelRule.severities, default: [], [], ChannelRule.severitiesProse)
    checks = object.optional("checks", ChannelRule.checks, default: [], [], ChannelRule.checksProse)
    labels = object.optional("labels", ChannelRule.labels, default: [], [], ChannelRule.labelsProse)
    isOn = object.optional("is_on", .flag, default: true, true)
    messagesPerMinute = object.optional(
      "messages_per_minute", ChannelRule.messagesPerMinute, default: ChannelRule.usualMessagesPerMinute,
      .integer(Int64(ChannelRule.usualMessagesPerMinute)), ChannelRule.rateProse)
  }

  static let example: JSONValue = [
    "name": "on-call", "kind": "webhook", "target": ["url": "https://hooks.example.com/pganalytics"],
    "secret": "a long random text", "severities": ["critical"], "labels": ["env=production"],
  ]
}

struct ChannelPatch: RequestBody {
  let name: String?
  let target: ChannelTarget?
  let secret: FieldChange<String>
  let template: FieldChange<String>
  let severities: [String]?
  let checks: [String]?
  let labels: [LabelTerm]?
  let isOn: Bool?
  let messagesPerMinute: Int?

  init(from object: inout ObjectReader) {
    name = object.optional("name", ChannelRule.name)
    target = object.optional("target", .object(), "Replaces the whole target.")
    secret = object.change("secret", ChannelRule.secret, ChannelRule.secretProse)
    template = object.change("template", ChannelRule.template, ChannelRule.templateProse)
    severities = object.optional("severities", ChannelRule.severities, ChannelRule.severitiesProse)
    checks = object.optional("checks", ChannelRule.checks, ChannelRule.checksProse)
    labels = object.optional("labels", ChannelRule.labels, ChannelRule.labelsProse)
    isOn = object.optional(
      "is_on", .flag, "`false`: nothing is delivered, and what no message reports yet is dropped.")
    messagesPerMinute = object.optional("messages_per_minute", ChannelRule.messagesPerMinute, ChannelRule.rateProse)
  }

  static let example: JSONValue = ["is_on": false, "secret": nil]

  /// The names of the fields that the request sets or clears.
  var names: [String] {
    [
      name.map { _ in "name" }, target.map { _ in "target" }, secret == .keep ? nil : "secret",
      template == .keep ? nil : "template", severities.map { _ in "severities" }, checks.map { _ in "checks" },
      labels.map { _ in "labels" }, isOn.map { _ in "is_on" }, messagesPerMinute.map { _ in "messages_per_minute" },
    ].compactMap { $0 }
  }
}

struct ChannelAnswer: ResponseBody {
  static let schemaName = "Channel"
  let shown: ShownChannel

  static let example = ChannelAnswer(
    shown: ShownChannel(
      channel: Channel(
        id: UUID(high: 0x3c1e_77a0_52d4_4b6e, low: 0x8f10_22b4_91ac_6d05), name: "on-call", kind: .webhook,
        target: ChannelTargetAnswer.example.target.document, secret: [1], template: nil, severities: ["critical"],
        checks: [], labels: ["env=production"], isOn: true, messagesPerMinute: 3),
      createdAt: Timestamp(unixSeconds: 1_790_000_000), createdBy: "admin",
      updatedAt: Timestamp(unixSeconds: 1_790_000_000), updatedBy: "admin", waiting: 0,
      lastDeliveredAt: Timestamp(unixSeconds: 1_790_003_600), lastError: nil))

  func write(to object: inout ObjectWriter) {
    let channel = shown.channel
    object.member("id", channel.id)
    object.member("name", channel.name)
    object.member("kind", channel.kind)
    object.member("target", ChannelTargetAnswer(target: ChannelTarget(stored: channel.target) ?? ChannelTarget()))
    object.member("has_secret", channel.secret != nil, "Whether a secret is stored. It is never shown.")
    object.nullable("template", channel.template)
    object.member("severities", channel.severities)
    object.member("checks", channel.checks)
    object.member("labels", channel.labels)
    object.member("is_on", channel.isOn)
    object.member("messages_per_minute", channel.messagesPerMinute)
    object.member("created_at", shown.createdAt)
    object.nullable("created_by", shown.createdBy, "Null if the user was deleted.")
    object.member("updated_at", shown.updatedAt)
    object.nullable("updated_by", shown.updatedBy, "Null if the user was deleted.")
    object.member("waiting", shown.waiting, "Messages that wait for their delivery.")
    object.nullable("last_delivered_at", shown.lastDeliveredAt)
    object.nullable("last_error", shown.lastError, "Why the message that waits longest was not delivered yet.")
  }
}

struct DeliveryAnswer: ResponseBody {
  static let schemaName = "Delivery"
  let delivery: Delivery

  static let example = DeliveryAnswer(
    delivery: Delivery(
      id: UUID(high: 0x0b5e_1f3c_6a51_4c0d, low: 0x9d2e_60a1_7f2b_33c4), group: "disk_full opened",
      payload: JSONText(#"{"title":"Critical: disk full on db1","count":1}"#), state: .delivered, attempts: 1,
      nextTry: Timestamp(unixSeconds: 1_790_000_060), lastError: nil, createdAt: Timestamp(unixSeconds: 1_790_000_000),
      finishedAt: Timestamp(unixSeconds: 1_790_000_001)))

  func write(to object: inout ObjectWriter) {
    object.member("id", delivery.id, "The idempotency id, which every try has.")
    object.member("group", delivery.group)
    object.member("state", delivery.state)
    object.member("attempts", delivery.attempts)
    object.nullable("next_try", delivery.state == .waiting ? delivery.nextTry : nil)
    object.nullable("last_error", delivery.lastError)
    object.member("created_at", delivery.createdAt)
    object.nullable("finished_at", delivery.finishedAt, "When it was delivered, or given up.")
    object.member("message", delivery.payload.value ?? .null, "What it reports.")
  }
}

/// The outcome of a test delivery.
struct TestDeliveryAnswer: ResponseBody {
  static let schemaName = "TestDelivery"
  let id: UUID
  let isDelivered: Bool
  let code: Int?
  let answer: String
  let error: String?

  static let example = TestDeliveryAnswer(
    id: UUID(high: 0x0b5e_1f3c_6a51_4c0d, low: 0x9d2e_60a1_7f2b_33c4), isDelivered: true, code: 200, answer: "ok",
    error: nil)

  func write(to object: inout ObjectWriter) {
    object.member("id", id, "The idempotency id of the message.")
    object.member("delivered", isDelivered)
    object.nullable("code", code, "The status or the reply code of the target; null if it gave none.")
    object.member("answer", answer, "The beginning of what the target answered.")
    object.nullable("error", error, "Why it was not delivered.")
  }
}

extension ChannelKind: ResponseValue {}
extension Delivery.State: ResponseValue {}
