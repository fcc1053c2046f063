// The statements that deliver the messages of the outbox. Every server runs them. A server that takes a message has it
// until the end of its lease; after a crash another server takes it then.

import Protocol

/// A message that this server has taken, and its channel.
struct ClaimedMessage: SQLRow {
  let id: UUID
  let payload: JSONText
  /// The recipients of a mail that have not taken it yet, if others have.
  let recipients: [String]?
  /// The number of tries, this one included.
  let attempts: Int32
  let channel: Channel
}

extension ClaimedMessage {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("message_id")
    payload = try row.read("payload")
    recipients = try row.read("recipients")
    attempts = try row.read("attempts")
    channel = try Channel(from: &row)
  }
}

/// The state of the outbox, for /metrics.
struct OutboxState: SQLRow, Hashable {
  /// The messages that wait for their delivery.
  let waiting: Int64
  /// How long the oldest of them has waited, in seconds; 0 if none waits.
  let oldestSeconds: Double

  init(waiting: Int64 = 0, oldestSeconds: Double = 0) {
    self.waiting = waiting
    self.oldestSeconds = oldestSeconds
  }

  init(from row: inout RowReader) throws(DatabaseError) {
    waiting = try row.read("waiting")
    oldestSeconds = try row.read("oldest_seconds")
  }
}

enum DeliveryStatements {
  static let all = [
    claim.description, delivered.description, retry.description, narrow.description, fail.description,
    expire.description,
    refresh.description, firing.description, state.description, pruneMessages.description,
    pruneNotifications.description, pruneEvents.description,
  ]

  /// Takes the oldest due message of each channel. Parameters: channels to leave out, the largest number of messages,
  /// the lease in seconds.
  static let claim = Statement<[UUID], Int64, Double, ClaimedMessage>(
    "outbox_claim",
    """
    WITH first AS (
      SELECT DISTINCT ON (o.channel_id) o.id, o.created_at
      FROM pganalytics.outbox o JOIN pganalytics.channels c ON c.id = o.channel_id
      WHERE o.state = 'waiting' AND o.next_try <= now() AND c.is_on AND o.channel_id <> ALL ($1)
      ORDER BY o.channel_id, o.created_at, o.id
    ), taken AS (
      SELECT o.id FROM pganalytics.outbox o
      WHERE o.id = ANY (ARRAY(SELECT id FROM first ORDER BY created_at LIMIT $2))
        AND o.state = 'waiting' AND o.next_try <= now()
      FOR UPDATE SKIP LOCKED
    )
    UPDATE pganalytics.outbox o SET attempts = o.attempts + 1, next_try = now() + make_interval(secs => $3)
    FROM taken t, pganalytics.channels c
    WHERE o.id = t.id AND c.id = o.channel_id
    RETURNING o.id AS message_id, o.payload, o.recipients, o.attempts, \(Channel.list(of: "c"))
    """)

  static let delivered = Statement<UUID, NoRow>(
    "outbox_delivered",
    """
    UPDATE pganalytics.outbox SET state = 'delivered', finished_at = now(), last_error = NULL
    WHERE id = $1 AND state = 'waiting'
    """)

  /// Notes a failed try. Parameters: message, pause until the next try in seconds, the failure.
  static let retry = Statement<UUID, Double, String, NoRow>(
    "outbox_retry",
    """
    UPDATE pganalytics.outbox SET next_try = now() + make_interval(secs => $2), last_error = $3
    WHERE id = $1 AND state = 'waiting'
    """)

  /// Notes the recipients of a mail that the server has deferred. Parameters: message, recipients, pause until the next
  /// try in seconds.
  static let narrow = Statement<UUID, [String], Double, NoRow>(
    "outbox_narrow",
    """
    UPDATE pganalytics.outbox SET recipients = $2, next_try = now() + make_interval(secs => $3),
      last_error = 'the mail server has deferred some recipients'
    WHERE id = $1 AND state = 'waiting'
    """)

  /// Gives up messages that are older than the retention, also those of channels that are off. Their openings count as
  /// not reported, so their endings are not reported either. Parameters: retention in seconds. Returns their number.
  static let expire = Statement<Double, SingleValue<Int64>>(
    "outbox_expire",
    giveUp(
      """
      state = 'waiting' AND next_try <= now() AND created_at < now() - make_interval(secs => $1)
      """))

  /// Gives up one message whose payload cannot be read. Parameters: message, the failure.
  static let fail = Statement<UUID, String, SingleValue<Int64>>(
    "outbox_fail", giveUp("state = 'waiting' AND id = $1", error: "$2"))

  private static func giveUp(_ condition: String, error: String = "coalesce(last_error, 'never tried')") -> String {
    """
    WITH failed AS (
      UPDATE pganalytics.outbox SET state = 'failed', finished_at = now(), last_error = \(error)
      WHERE \(condition) RETURNING id
    ), dropped AS (
      UPDATE pganalytics.notifications SET state = 'dropped'
      WHERE message_id IN (SELECT id FROM failed) AND kind = 'opened'
    )
    SELECT count(*) FROM failed
    """
  }

  /// Takes the channels whose firing alerts are to be sent again. Parameters: the interval in seconds.
  static let refresh = Statement<Double, Channel>(
    "outbox_refresh",
    """
    UPDATE pganalytics.channels SET refreshed_at = now()
    WHERE id = ANY (ARRAY(
      SELECT id FROM pganalytics.channels
      WHERE kind = 'alertmanager' AND is_on
        AND (refreshed_at IS NULL OR refreshed_at <= now() - make_interval(secs => $1))
      FOR UPDATE SKIP LOCKED))
    RETURNING \(Channel.list())
    """)

  /// The open findings that were reported to a channel and are neither silenced nor acknowledged. Parameters: channel,
  /// the id after which to begin, the largest number.
  static let firing = Statement<UUID, Int64, Int64, NotifiedFinding>(
    "outbox_firing",
    """
    SELECT \(OutboxStatements.findingColumns)
    FROM pganalytics.findings f
    JOIN pganalytics.notifications n ON n.finding_id = f.id AND n.channel_id = $1 AND n.kind = 'opened'
      AND n.state = 'composed'
    LEFT JOIN pganalytics.servers s ON s.id = f.server_id
    WHERE f.ended_at IS NULL AND f.id > $2 AND f.acknowledged_at IS NULL
      AND NOT \(SilenceStatements.matching("f"))
    ORDER BY f.id LIMIT $3
    """)

  static let state = Statement<OutboxState>(
    "outbox_state",
    """
    SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS oldest_seconds
    FROM pganalytics.outbox WHERE state = 'waiting'
    """)

  /// Parameters: seconds.
  static let pruneMessages = Statement<Double, NoRow>(
    "outbox_prune", "DELETE FROM pganalytics.outbox WHERE finished_at < now() - make_interval(secs => $1)")

  /// Deletes the notifications of findings that ended so long ago. Parameters: seconds.
  static let pruneNotifications = Statement<Double, NoRow>(
    "notifications_prune",
    """
    DELETE FROM pganalytics.notifications n USING pganalytics.findings f
    WHERE f.id = n.finding_id AND f.ended_at < now() - make_interval(secs => $1) AND n.state <> 'pending'
    """)

  /// Deletes events that were dispatched so long ago. Parameters: seconds.
  static let pruneEvents = Statement<Double, NoRow>(
    "finding_events_prune",
    "DELETE FROM pganalytics.finding_events WHERE dispatched_at < now() - make_interval(secs => $1)")
}
