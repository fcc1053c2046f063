// The rejects in collectors' pushes, stored so that an operator can trace them later. A lane gathers them in memory and
// writes all of them to the database every few seconds, apart from the pushes. The last seconds before a crash are
// lost.

import Protocol

/// The rejects that a lane has gathered since it last wrote them.
struct RejectNotes: Sendable {
  struct Key: Hashable, Sendable {
    let collector: UUID
    let code: String
    /// A type of the catalog; "" for any other type.
    let metricType: String
  }

  /// The count of one kind of reject, with the details of the latest.
  struct Note: Sendable {
    var total: Int64 = 0
    /// The last push with such a reject, and the message with its place in the metric.
    var push: UUID
    var message: String
    /// When that push was stored.
    var at: Timestamp
  }

  /// How many kinds of rejects a lane gathers before it writes them. Further kinds are only counted in /metrics.
  static let remembered = 4096

  private static let types = Set(MetricCatalog.types.map(\.name))

  private(set) var notes: [Key: Note] = [:]

  var isEmpty: Bool { notes.isEmpty }

  mutating func add(_ summary: PushSummary, of collector: UUID, push: UUID, at time: Timestamp) {
    if summary.rejectedTotal == 0 { return }
    var unlisted = summary.rejectedByCode
    for reject in summary.rejected {
      let type = Self.types.contains(reject.type) ? reject.type : ""
      note(Key(collector: collector, code: reject.code.rawValue, metricType: type), 1, push, reject.message, time)
      unlisted[reject.code, default: 0] -= 1
    }
    // Of the rejects that the answer does not list only the code is known.
    for (code, count) in unlisted where count > 0 {
      note(Key(collector: collector, code: code.rawValue, metricType: ""), Int64(count), push, "", time)
    }
  }

  private mutating func note(_ key: Key, _ count: Int64, _ push: UUID, _ message: String, _ time: Timestamp) {
    if notes[key] == nil, notes.count >= Self.remembered { return }
    notes[key, default: Note(push: push, message: message, at: time)].total += count
    notes[key]?.push = push
    notes[key]?.at = time
    if !message.isEmpty { notes[key]?.message = message }
  }

  /// Returns all notes and removes them.
  mutating func take() -> RejectNotes {
    let taken = self
    notes.removeAll(keepingCapacity: true)
    return taken
  }
}

/// The rejects of one collector, for one reason in one type of metric.
struct CollectorReject: SQLRow, ResponseBody {
  let code: String
  let metricType: String
  let total: Int64
  let lastAt: Timestamp
  let lastPush: UUID
  let lastMessage: String

  static let example = CollectorReject(
    code: RejectCode.outOfRange.rawValue, metricType: "pg_stats", total: 12,
    lastAt: Timestamp(unixSeconds: 1_790_003_600), lastPush: UUID(high: 3, low: 4),
    lastMessage: "tables[3].live_tuples: out of range")

  func write(to object: inout ObjectWriter) {
    object.member("code", code, "As in the answer to a push.")
    object.member("reason", RejectCode(rawValue: code)?.fact ?? code, "The same in words.")
    object.member("metric_type", metricType, "Empty for one that is not in the catalog.")
    object.member("total", total, "Since the collector enrolled, some seconds late.")
    object.member("last_at", lastAt)
    object.member("last_push_id", lastPush)
    object.member("last_message", lastMessage, "Where in the metric, and what was wrong there.")
  }
}

extension CollectorReject {
  init(from row: inout RowReader) throws(DatabaseError) {
    code = try row.read("code")
    metricType = try row.read("metric_type")
    total = try row.read("total")
    lastAt = try row.read("last_at")
    lastPush = try row.read("last_push")
    lastMessage = try row.read("last_message")
  }
}

enum RejectStatements {
  static let all = [add.description, of.description]

  /// Adds counts. Parameters, with one element per note: collectors, codes, metric types, counts, push ids, messages,
  /// times. The rows are ordered, so that two lanes do not wait for each other in a circle. Lanes may write in any
  /// order: the push with the latest time is the last one. If a stored time is in the future, the clock was set back,
  /// and any push counts as later.
  static let add = Statement<[UUID], [String], [String], [Int64], [UUID], [String], [Timestamp], NoRow>(
    "rejects_add",
    """
    INSERT INTO pganalytics.collector_rejects AS r
      (collector_id, code, metric_type, total, last_at, last_push, last_message)
    SELECT n.collector_id, n.code, n.metric_type, n.total, least(n.at, clock_timestamp()), n.push, n.message
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int8[], $5::uuid[], $6::text[], $7::timestamptz[])
      AS n (collector_id, code, metric_type, total, push, message, at)
    WHERE EXISTS (SELECT 1 FROM pganalytics.collectors c WHERE c.id = n.collector_id)
    ORDER BY 1, 2, 3
    ON CONFLICT (collector_id, code, metric_type) DO UPDATE SET total = r.total + excluded.total,
      last_at = CASE WHEN \(isOlder) THEN r.last_at ELSE excluded.last_at END,
      last_push = CASE WHEN \(isOlder) THEN r.last_push ELSE excluded.last_push END,
      last_message = CASE WHEN \(isOlder) OR excluded.last_message = '' THEN r.last_message ELSE excluded.last_message END
    """)

  private static let isOlder = "excluded.last_at < r.last_at AND r.last_at <= clock_timestamp()"

  /// The rejects of one collector, the latest first.
  static let of = Statement<UUID, CollectorReject>(
    "rejects_of",
    """
    SELECT \(CollectorReject.list()) FROM pganalytics.collector_rejects
    WHERE collector_id = $1 ORDER BY last_at DESC, code, metric_type
    """)
}

extension CollectorDirectory {
  /// Stores the gathered rejects of a lane. If it fails, they are lost: later pushes contain the same rejects, or the
  /// fault is mended.
  func note(_ rejects: RejectNotes) {
    let notes = Array(rejects.notes)
    change("rejects not stored") { database throws(DatabaseError) in
      try await database.execute(
        RejectStatements.add, notes.map(\.key.collector), notes.map(\.key.code), notes.map(\.key.metricType),
        notes.map(\.value.total), notes.map(\.value.push), notes.map(\.value.message), notes.map(\.value.at))
    }
  }
}

/// The number of collectors in each status, for /metrics.
struct FleetStatus: SQLRow {
  var registered: Int64 = 0
  var active: Int64 = 0
  var offline: Int64 = 0
  var revoked: Int64 = 0
  /// The number of collectors with a reject within the last hour.
  var rejecting: Int64 = 0

  /// The numbers, with the status that each one counts.
  var byStatus: [(CollectorRow.Status, Int64)] {
    [(.registered, registered), (.active, active), (.offline, offline), (.revoked, revoked)]
  }
}

extension FleetStatus {
  init(from row: inout RowReader) throws(DatabaseError) {
    registered = try row.read("registered")
    active = try row.read("active")
    offline = try row.read("offline")
    revoked = try row.read("revoked")
    rejecting = try row.read("rejecting")
  }
}
