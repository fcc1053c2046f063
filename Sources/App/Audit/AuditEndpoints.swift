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

  static let columns = [
    SQLColumn("id", Int64.self), SQLColumn("at", Timestamp.self), SQLColumn("actor", String.self),
    SQLColumn("action", String.self), SQLColumn("subject", String?.self), SQLColumn("outcome", String.self),
    SQLColumn("address", String?.self), SQLColumn("request_id", String?.self), SQLColumn("details", JSONText?.self),
  ]

  init(
    id: Int64, at: Timestamp, actor: String, action: String, subject: String?, outcome: String, address: String?,
    requestID: String?, details: JSONText?
  ) {
    self.id = id
    self.at = at
    self.actor = actor
    self.action = action
    self.subject = subject
    self.outcome = outcome
    self.address = address
    self.requestID = requestID
    self.details = details
  }

  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.next()
    at = try row.next()
    actor = try row.next()
    action = try row.next()
    subject = try row.next()
    outcome = try row.next()
    address = try row.next()
    requestID = try row.next()
    details = try row.next()
  }

  static let example = AuditEntry(
    id: 41, at: Timestamp(unixSeconds: 1_790_000_000), actor: "user:1", action: AuditAction.updateUser.rawValue,
    subject: "user:7", outcome: AuditOutcome.success.rawValue, address: "192.0.2.7", requestID: "5f0c2b9a7e3d4c11",
    details: JSONText(#"{"changed":["role"],"role":"operator"}"#))

  func write(to object: inout ObjectWriter) {
    object.member("id", id)
    object.member("at", at)
    object.member("actor", actor, "`user:<id>`, `collector:<uuid>`, `anonymous`, or `system` for the command line.")
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

struct AuditQuery: QueryParameters {
  let page: PageSelection
  let action: AuditAction?
  let actor: String?
  let subject: String?
  let outcome: AuditOutcome?
  let since: TimeParameter?
  let until: TimeParameter?

  init(from query: inout QueryReader) {
    page = PageSelection(from: &query)
    action = query.optional("action", .choice())
    actor = query.optional("actor", .string(1...64), "Such as `user:7`.")
    subject = query.optional("subject", .string(1...64), "Such as `user:7`.")
    outcome = query.optional("outcome", .choice())
    since = query.optional("since", .time, "The first time, or how long ago: 24h, 7d.")
    until = query.optional("until", .time, "The time before which to stop, or how long ago.")
  }
}

enum AuditEndpoints {
  static func all(_ services: Services) -> [Endpoint] { [list(services)] }

  private static func list(_ services: Services) -> Endpoint {
    Endpoint(
      .get, "/api/v1/audit", id: "listAudit", tag: .system, access: .user(.admin),
      summary: "What was done, by whom, from where and with which outcome: the newest first.",
      description: """
        The number of refused logins and refreshes per minute in the trail is limited (`audit_refusals_per_minute`); \
        `details.unwritten_before` of the next line counts the others. If one collector, or enrolments from one address, \
        are refused repeatedly, the trail has the first refusal and then one an hour; `details.repeated` counts the others.
        """,
      query: AuditQuery.self, returns: Page<AuditEntry>.self
    ) { request, context async throws(Problem) -> Page<AuditEntry> in
      let query = request.query
      let (since, until) = (query.since?.resolved(before: context.now), query.until?.resolved(before: context.now))
      let (entries, total) = try await services.query { database throws(DatabaseError) in
        let entries = try await database.rows(
          AuditStatements.page, query.action?.rawValue, query.actor, query.subject, query.outcome?.rawValue,
          since, until, Int64(query.page.size), Int64(query.page.offset))
        let total = try await database.one(
          AuditStatements.count, query.action?.rawValue, query.actor, query.subject, query.outcome?.rawValue,
          since, until)
        return (entries, total?.value ?? 0)
      }
      return Page(entries, of: Int(total), query.page)
    }
  }
}
