// The statements that turn events of findings into messages. One server at a time runs them, see `lock`.

import Protocol

enum OutboxStatements {
  static let all = [
    lock.description, hasWork.description, now.description, consume.description, channels.description, drop.description,
    groups.description,
    recent.description, assign.description, findings.description, add.description,
  ]

  /// Whether this server may compose messages: the lock holds until the end of the transaction.
  static let lock = Statement<SingleValue<Bool>>(
    "outbox_lock", "SELECT pg_try_advisory_xact_lock(7346001117::bigint)")

  /// Whether there are events to take or notifications to compose. A server asks this first, because most of the time
  /// there are none.
  static let hasWork = Statement<SingleValue<Bool>>(
    "outbox_has_work",
    """
    SELECT EXISTS (SELECT FROM pganalytics.finding_events WHERE dispatched_at IS NULL)
      OR EXISTS (SELECT FROM pganalytics.notifications WHERE state = 'pending') AS has_work
    """)

  static let now = Statement<SingleValue<Timestamp>>("outbox_now", "SELECT now()")

  /// Makes notifications of events, for each channel whose filters the finding fulfils. An ending becomes a notification
  /// only where its opening is one. Parameters: the largest number of events. Returns the number of events.
  static let consume = Statement<Int64, SingleValue<Int64>>(
    "outbox_consume",
    """
    WITH taken AS (
      UPDATE pganalytics.finding_events SET dispatched_at = now()
      WHERE id = ANY (ARRAY(
        SELECT id FROM pganalytics.finding_events WHERE dispatched_at IS NULL ORDER BY id LIMIT $1))
      RETURNING finding_id, kind, at
    ), opened AS (
      SELECT t.finding_id, c.id AS channel_id, f.check_name, t.at
      FROM taken t
      JOIN pganalytics.findings f ON f.id = t.finding_id
      JOIN pganalytics.channels c ON c.is_on
        AND (c.severities = '{}' OR f.severity = ANY (c.severities))
        AND (c.checks = '{}' OR f.check_name = ANY (c.checks))
        AND (c.labels = '{}' OR \(LabelFilter.condition(server: "f.server_id", terms: "c.labels")))
      WHERE t.kind = 'opened'
    ), ended AS (
      SELECT t.finding_id, o.channel_id, o.check_name, t.at
      FROM taken t JOIN pganalytics.notifications o ON o.finding_id = t.finding_id
      WHERE t.kind = 'ended' AND o.kind = 'opened' AND o.state <> 'dropped'
      UNION ALL
      SELECT t.finding_id, o.channel_id, o.check_name, t.at
      FROM taken t JOIN opened o ON o.finding_id = t.finding_id
      WHERE t.kind = 'ended'
    ), added AS (
      INSERT INTO pganalytics.notifications (finding_id, channel_id, kind, check_name, at)
      SELECT finding_id, channel_id, 'opened', check_name, at FROM opened
      UNION ALL
      SELECT finding_id, channel_id, 'ended', check_name, at FROM ended
      ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM taken
    """)

  /// The channels for which something waits.
  static let channels = Statement<Channel>(
    "outbox_channels",
    """
    SELECT \(Channel.list(of: "c")) FROM pganalytics.channels c
    WHERE c.is_on AND EXISTS (
      SELECT FROM pganalytics.notifications n WHERE n.channel_id = c.id AND n.state = 'pending')
    ORDER BY c.id
    """)

  /// Drops notifications that no message reports: of findings that are acknowledged or silenced, and endings whose opening
  /// is dropped. Only groups that are due are looked at. Parameters: channel, the latest time of a due group's first event.
  static let drop = Statement<UUID, Timestamp, NoRow>(
    "outbox_drop",
    """
    WITH due AS (
      SELECT check_name, kind FROM pganalytics.notifications
      WHERE channel_id = $1 AND state = 'pending' GROUP BY check_name, kind HAVING min(at) <= $2
    )
    UPDATE pganalytics.notifications n SET state = 'dropped'
    FROM pganalytics.findings f, due d
    WHERE n.channel_id = $1 AND n.state = 'pending' AND f.id = n.finding_id
      AND d.check_name = n.check_name AND d.kind = n.kind
      AND (f.acknowledged_at IS NOT NULL
        OR \(SilenceStatements.matching("f"))
        OR n.kind = 'ended' AND NOT EXISTS (
          SELECT FROM pganalytics.notifications o WHERE o.finding_id = n.finding_id AND o.channel_id = n.channel_id
            AND o.kind = 'opened' AND o.state <> 'dropped'))
    """)

  /// The groups that wait, without endings whose opening is not delivered yet. Parameters: channel.
  static let groups = Statement<UUID, WaitingGroup>(
    "outbox_groups",
    """
    SELECT n.check_name, n.kind, count(*) AS count, count(*) FILTER (WHERE f.severity = 'critical') AS criticals,
      min(n.at) AS first_at
    FROM pganalytics.notifications n JOIN pganalytics.findings f ON f.id = n.finding_id
    WHERE n.channel_id = $1 AND \(isReady)
    GROUP BY n.check_name, n.kind
    """)

  /// The number of messages that were composed for a channel within the last minute.
  static let recent = Statement<UUID, SingleValue<Int64>>(
    "outbox_recent",
    """
    SELECT count(*) FROM pganalytics.outbox WHERE channel_id = $1 AND created_at > now() - interval '1 minute'
    """)

  /// Gives the notifications of a group to a message. Parameters: channel, check, kind, message. The number of rows is
  /// that of the findings.
  static let assign = Statement<UUID, String, String, UUID, NoRow>(
    "outbox_assign",
    """
    UPDATE pganalytics.notifications n SET state = 'composed', message_id = $4
    WHERE n.channel_id = $1 AND n.check_name = $2 AND n.kind = $3 AND \(isReady)
    """)

  /// The findings of a message, the critical ones first. Parameters: message, the largest number.
  static let findings = Statement<UUID, Int64, NotifiedFinding>(
    "outbox_findings",
    """
    SELECT \(findingColumns)
    FROM pganalytics.notifications n JOIN pganalytics.findings f ON f.id = n.finding_id
    LEFT JOIN pganalytics.servers s ON s.id = f.server_id
    WHERE n.message_id = $1 ORDER BY f.severity = 'critical' DESC, f.id, n.kind DESC LIMIT $2
    """)

  /// Parameters: id, channel, group, payload.
  static let add = Statement<UUID, UUID, String, JSONText, NoRow>(
    "outbox_add",
    "INSERT INTO pganalytics.outbox (id, channel_id, group_key, payload) VALUES ($1, $2, $3, $4)")

  // MARK: Parts of statements

  /// The condition that a notification `n` can be given to a message. An ending waits until the message of its opening is
  /// delivered, so a target never learns of an ending first.
  private static let isReady = """
    n.state = 'pending' AND (n.kind = 'opened' OR EXISTS (
      SELECT FROM pganalytics.notifications o LEFT JOIN pganalytics.outbox m ON m.id = o.message_id
      WHERE o.finding_id = n.finding_id AND o.channel_id = n.channel_id AND o.kind = 'opened' AND o.state = 'composed'
        AND (m.id IS NULL OR m.state = 'delivered')))
    """

  /// The columns of a `NotifiedFinding`, of a notification `n`, its finding `f` and its server `s`. Long texts are cut, so
  /// that a message stays small.
  static let findingColumns = """
    f.id, n.kind, f.check_name, f.severity, f.server_id, s.name AS server_name, left(f.subject, 500) AS subject,
      left(f.message, 2000) AS message, f.value, f.threshold, f.opened_at, f.ended_at, f.end_reason,
      (SELECT jsonb_object_agg(l.name, l.value) FROM pganalytics.labels l WHERE l.server_id = f.server_id) AS labels
    """
}

/// A row of `OutboxStatements.groups`.
struct WaitingGroup: SQLRow {
  let group: MessageComposer.Group

  init(from row: inout RowReader) throws(DatabaseError) {
    let check: String = try row.read("check_name")
    let event: MessageComposer.Event = try row.word("kind")
    let count: Int64 = try row.read("count")
    let criticals: Int64 = try row.read("criticals")
    group = MessageComposer.Group(
      check: check, event: event, count: Int(count), criticals: Int(criticals), firstAt: try row.read("first_at"))
  }
}

extension NotifiedFinding: SQLRow {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    event = try row.word("kind")
    check = try row.read("check_name")
    severity = try row.read("severity")
    serverID = try row.read("server_id")
    serverName = try row.read("server_name", String?.self) ?? ""
    subject = try row.read("subject")
    message = try row.read("message")
    value = try row.read("value")
    threshold = try row.read("threshold")
    openedAt = try row.read("opened_at")
    endedAt = try row.read("ended_at")
    endReason = try row.read("end_reason")
    let labels = try row.read("labels", JSONText?.self)
    if case .object(let object)? = labels?.value { self.labels = object } else { self.labels = JSONObject() }
  }
}
