import Protocol

/// A channel as the database has it.
struct Channel: SQLRow {
  let id: UUID
  let name: String
  let kind: ChannelKind
  /// The document of a `ChannelTarget`.
  let target: JSONText
  /// Sealed with the channel key; nil if the channel has no secret, or a file with it.
  let secret: [UInt8]?
  let template: String?
  /// Empty: all.
  let severities: [String]
  let checks: [String]
  /// Texts of label terms, which hold all together.
  let labels: [String]
  let isOn: Bool
  let messagesPerMinute: Int32
}

extension Channel {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    name = try row.read("name")
    kind = try row.word("kind")
    target = try row.read("target")
    secret = try row.read("secret")
    template = try row.read("template")
    severities = try row.read("severities")
    checks = try row.read("checks")
    labels = try row.read("labels")
    isOn = try row.read("is_on")
    messagesPerMinute = try row.read("messages_per_minute")
  }
}

/// A channel with what people see of it.
struct ShownChannel: SQLRow {
  let channel: Channel
  let createdAt: Timestamp
  /// Nil if the user was deleted.
  let createdBy: String?
  let updatedAt: Timestamp
  let updatedBy: String?
  /// The number of messages that wait for their delivery.
  let waiting: Int64
  let lastDeliveredAt: Timestamp?
  /// The failure of the last try of the message that has waited longest; nil if no message has failed.
  let lastError: String?
}

extension ShownChannel {
  init(from row: inout RowReader) throws(DatabaseError) {
    channel = try Channel(from: &row)
    createdAt = try row.read("created_at")
    createdBy = try row.read("created_by")
    updatedAt = try row.read("updated_at")
    updatedBy = try row.read("updated_by")
    waiting = try row.read("waiting")
    lastDeliveredAt = try row.read("last_delivered_at")
    lastError = try row.read("last_error")
  }
}
