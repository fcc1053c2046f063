import Protocol

extension AuditAction: ResponseValue {}
extension AuditOutcome: ResponseValue {}

/// A line of the trail as it is stored.
struct AuditEntry: SQLRow, ResponseBody {
  let id: Int64
  let at: Timestamp
  let actor: String
  let action: String
  let subject: String?
  let outcome: String
  let address: String?
  let requestID: String?
  let details: JSONText?

  static let example = AuditEntry(
    id: 41, at: Timestamp(unixSeconds: 1_790_000_000), actor: "user:1", action: AuditAction.updateUser.rawValue,
    subject: "user:7", outcome: AuditOutcome.success.rawValue, address: "192.0.2.7", requestID: "5f0c2b9a7e3d4c11",
    details: JSONText(#"{"changed":["role"],"role":"operator"}"#))

  func write(to object: inout ObjectWriter) {
    object.member("id", id)
    object.member("at", at)
    object.member(
      "actor", actor, "`user:<id>`, `token:<name>`, `collector:<uuid>`, `anonymous`, or `system` for the command line.")
    object.member("action", action)
    object.nullable("subject", subject, "The object of the action, in the same form; null if it is the actor itself.")
    object.member("outcome", outcome, "success or refused.")
    object.nullable("address", address)
    object.nullable("request_id", requestID)
    object.member(
      "details", details?.value ?? .object(JSONObject()),
      "The slug of a refusal as `error`, a claimed name, the names of changed fields, and the like. Never a secret.")
  }
}

extension AuditEntry {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    at = try row.read("at")
    actor = try row.read("actor")
    action = try row.read("action")
    subject = try row.read("subject")
    outcome = try row.read("outcome")
    address = try row.read("address")
    requestID = try row.read("request_id")
    details = try row.read("details")
  }
}

enum AuditList: List {
  static let listing = Listing<AuditEntry>(
    "audit", from: "pganalytics.audit",
    filters: [
      ListFilter("action", AuditAction.self) { "action = \($0)" },
      ListFilter("actor", .string(1...64), "Such as `user:7`.") { "actor = \($0)" },
      ListFilter("subject", .string(1...64), "Such as `user:7`.") { "subject = \($0)" },
      ListFilter("outcome", AuditOutcome.self) { "outcome = \($0)" },
      ListFilter(time: "since", "The first time, or how long ago: 24h, 7d.") { "at >= \($0)" },
      ListFilter(time: "until", "The time before which to stop, or how long ago.") { "at < \($0)" },
    ], last: "at DESC, id DESC")
}

enum AuditEndpoints {
  static func all(_ database: Database) -> [Endpoint] { [list(database)] }

  private static func list(_ database: Database) -> Endpoint {
    Endpoint(
      list: AuditList.self, "/api/v1/audit", id: "listAudit", tag: .system, access: .user(.admin),
      summary: "What was done, by whom, from where and with which outcome: the newest first.",
      description: """
        The number of refused logins and refreshes per minute in the trail is limited (`audit_refusals_per_minute`); \
        `details.unwritten_before` of the next line counts the others. If one collector, or enrolments from one address, \
        are refused repeatedly, the trail has the first refusal and then one an hour; `details.repeated` counts the others.
        """,
      from: database
    ) { $0 }
  }
}
