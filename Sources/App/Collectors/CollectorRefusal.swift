// Why the server refused requests of a collector. The lines are those of the audit trail, which administrators read as a
// whole; whoever may see the collector sees its own.

import Protocol

/// A refused request of a collector.
struct CollectorRefusal: SQLRow, ResponseBody {
  let at: Timestamp
  let action: String
  let error: String?
  let repeated: Int64
  let address: String?
  let requestID: String?

  static let example = CollectorRefusal(
    at: Timestamp(unixSeconds: 1_790_003_600), action: AuditAction.refuseCollector.rawValue,
    error: Problem.Kind.certificateExpired.slug, repeated: 59, address: "192.0.2.7", requestID: "5f0c2b9a7e3d4c11")

  func write(to object: inout ObjectWriter) {
    object.member("at", at)
    object.member("action", action, "As in the audit trail.")
    object.nullable("error", error, "The slug of the answer.")
    object.nullable("message", error.map { Problem.Kind(rawValue: $0)?.message ?? $0 }, "The same in words.")
    object.member(
      "repeated", repeated, "Refusals for the same reason since the line before, which have no line of their own.")
    object.nullable("address", address)
    object.nullable("request_id", requestID)
  }
}

extension CollectorRefusal {
  init(from row: inout RowReader) throws(DatabaseError) {
    at = try row.read("at")
    action = try row.read("action")
    error = try row.read("error")
    repeated = try row.read("repeated")
    address = try row.read("address")
    requestID = try row.read("request_id")
  }
}

enum RefusalStatements {
  static let all = [of.description]

  /// The most refusals of an answer.
  static let most = 20

  /// The last refusals of a collector. Parameters: its name as an actor of the audit trail.
  static let of = Statement<String, CollectorRefusal>(
    "refusals_of",
    """
    SELECT a.at, a.action, a.details ->> 'error' AS error, coalesce((a.details ->> 'repeated')::int8, 0) AS repeated,
      a.address, a.request_id
    FROM pganalytics.audit a WHERE a.actor = $1 AND a.outcome = 'refused' ORDER BY a.at DESC, a.id DESC LIMIT \(most)
    """)
}
