import Protocol

enum ChannelStatements {
  static let all =
    ChannelList.listing.statements + DeliveryList.listing.statements + [
      byID.description, lock.description, count.description, shown.description, add.description, change.description,
      remove.description,
      dropPending.description,
    ]

  /// Every channel with what people see of it.
  static let channels = """
    SELECT \(Channel.list(of: "c")), c.created_at, cu.username AS created_by, c.updated_at, uu.username AS updated_by,
      (SELECT count(*) FROM pganalytics.outbox o WHERE o.channel_id = c.id AND o.state = 'waiting') AS waiting,
      (SELECT max(o.finished_at) FROM pganalytics.outbox o WHERE o.channel_id = c.id AND o.state = 'delivered')
        AS last_delivered_at,
      (SELECT o.last_error FROM pganalytics.outbox o WHERE o.channel_id = c.id AND o.state = 'waiting'
        ORDER BY o.created_at LIMIT 1) AS last_error
    FROM pganalytics.channels c
    LEFT JOIN pganalytics.users cu ON cu.id = c.created_by
    LEFT JOIN pganalytics.users uu ON uu.id = c.updated_by
    """

  static let byID = Statement<UUID, Channel>(
    "channel_by_id", "SELECT \(Channel.list()) FROM pganalytics.channels WHERE id = $1")

  /// The same, with the row locked until the end of the transaction.
  static let lock = Statement<UUID, Channel>(
    "channel_lock", "SELECT \(Channel.list()) FROM pganalytics.channels WHERE id = $1 FOR UPDATE")

  static let count = Statement<SingleValue<Int64>>("channel_count", "SELECT count(*) FROM pganalytics.channels")

  static let shown = Statement<UUID, ShownChannel>(
    "channel_shown", "SELECT \(ShownChannel.list()) FROM (\(channels)) s WHERE id = $1")

  /// Parameters: id, name, kind, target, sealed secret, template, severities, checks, labels, whether it is on, messages
  /// a minute, user.
  static let add = Statement<
    UUID, String, String, JSONText, [UInt8]?, String?, [String], [String], [String], Bool, Int32, Int64?, NoRow
  >(
    "channel_add",
    """
    INSERT INTO pganalytics.channels (id, name, kind, target, secret, template, severities, checks, labels, is_on,
      messages_per_minute, created_by, updated_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
    """)

  /// Parameters: as for `add`, without the kind.
  static let change = Statement<
    UUID, String, JSONText, [UInt8]?, String?, [String], [String], [String], Bool, Int32, Int64?, NoRow
  >(
    "channel_change",
    """
    UPDATE pganalytics.channels SET name = $2, target = $3, secret = $4, template = $5, severities = $6, checks = $7,
      labels = $8, is_on = $9, messages_per_minute = $10, updated_by = $11, updated_at = now()
    WHERE id = $1
    """)

  static let remove = Statement<UUID, SingleValue<String>>(
    "channel_remove", "DELETE FROM pganalytics.channels WHERE id = $1 RETURNING name")

  /// Drops what no message reports yet.
  static let dropPending = Statement<UUID, NoRow>(
    "channel_drop_pending",
    "UPDATE pganalytics.notifications SET state = 'dropped' WHERE channel_id = $1 AND state = 'pending'")
}

/// A message of the outbox, for the list of a channel's deliveries.
struct Delivery: SQLRow {
  enum State: String, CaseIterable, Sendable { case waiting, delivered, failed }

  let id: UUID
  let group: String
  let payload: JSONText
  let state: State
  let attempts: Int32
  let nextTry: Timestamp
  let lastError: String?
  let createdAt: Timestamp
  let finishedAt: Timestamp?
}

extension Delivery {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    group = try row.read("group_key")
    payload = try row.read("payload")
    state = try row.word("state")
    attempts = try row.read("attempts")
    nextTry = try row.read("next_try")
    lastError = try row.read("last_error")
    createdAt = try row.read("created_at")
    finishedAt = try row.read("finished_at")
  }
}

/// The deliveries of one channel. Its first filter is the channel, which the path of the request names.
enum DeliveryList: List {
  static let listing = Listing<Delivery>(
    "deliveries", from: "pganalytics.outbox",
    filters: [
      ListFilter("channel", .uuid) { "channel_id = \($0)" },
      ListFilter("state", Delivery.State.self, "Only messages in this state.") { "state = \($0)" },
    ], last: "created_at DESC, id")
}

enum ChannelList: List {
  static let listing = Listing<ShownChannel>(
    "channels", from: "(\(ChannelStatements.channels)) s",
    filters: [
      ListFilter("kind", ChannelKind.self, "Only channels of this kind.") { "kind = \($0)" },
      ListFilter("q", .string(1...100), "A part of the name.") { "strpos(lower(name), lower(\($0))) > 0" },
    ],
    sorts: [
      ListSort("name", by: "name", String.self), ListSort("created_at", by: "created_at", Timestamp.self),
      ListSort("updated_at", by: "updated_at", Timestamp.self), ListSort("waiting", by: "waiting", Int64.self),
    ], last: "id")
}
