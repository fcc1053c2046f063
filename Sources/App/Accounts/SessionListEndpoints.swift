// The endpoints with which people see where they are logged in, and end a session.

import Protocol

/// A session that has not ended.
struct ListedSession: SQLRow, ResponseBody {
  static let schemaName = "Session"
  let id: UUID
  let userID: Int64
  let username: String
  let createdAt: Timestamp
  let refreshedAt: Timestamp?
  let expiresAt: Timestamp
  let address: String?
  let userAgent: String?
  let isBrowser: Bool

  static let example = ListedSession(
    id: UUID(high: 0x8b0c_1f6e_2f2f_4a8e, low: 0x9a53_0b6a_4c0d_1e2f), userID: 1, username: "admin",
    createdAt: Timestamp(unixSeconds: 1_790_000_000), refreshedAt: Timestamp(unixSeconds: 1_790_000_900),
    expiresAt: Timestamp(unixSeconds: 1_790_087_300), address: "192.0.2.7", userAgent: "Mozilla/5.0", isBrowser: true)

  func write(to object: inout ObjectWriter) {
    object.member("id", id, "The claim `session` of the session's access tokens.")
    object.member("user_id", userID)
    object.member("username", username)
    object.member("created_at", createdAt, "The login.")
    object.nullable("refreshed_at", refreshedAt, "The last refresh.")
    object.member("expires_at", expiresAt, "The end, unless the session is refreshed before.")
    object.nullable("address", address, "Of the login or the last refresh.")
    object.nullable("user_agent", userAgent, "What the program called itself at that time.")
    object.member("is_browser", isBrowser, "Whether the refresh token is a cookie.")
  }
}

extension ListedSession {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    userID = try row.read("user_id")
    username = try row.read("username")
    createdAt = try row.read("created_at")
    refreshedAt = try row.read("refreshed_at")
    expiresAt = try row.read("expires_at")
    address = try row.read("address")
    userAgent = try row.read("user_agent")
    isBrowser = try row.read("is_browser")
  }
}

enum SessionList: List {
  static let listing = Listing<ListedSession>(
    "sessions",
    from: """
      (SELECT s.id, s.user_id, u.username, s.created_at, s.refreshed_at, s.expires_at, s.address, s.user_agent, s.is_browser
      FROM pganalytics.sessions s JOIN pganalytics.users u ON u.id = s.user_id
      WHERE s.revoked_at IS NULL AND s.expires_at > now() AND u.is_active) s
      """,
    filters: [
      .ownerOnly,
      .user,
    ],
    sorts: [
      ListSort("created_at", by: "created_at", Timestamp.self),
      ListSort("refreshed_at", by: "refreshed_at", Timestamp.self),
      ListSort("username", by: "lower(username)", String.self),
    ], default: "-created_at", last: "id")

  /// Parameters: session; the user whose session it has to be, or NULL. - Returns: the user's id.
  static let end = Statement<UUID, Int64?, SingleValue<Int64>>(
    "session_end_listed",
    """
    UPDATE pganalytics.sessions SET revoked_at = now()
    WHERE id = $1 AND ($2::int8 IS NULL OR user_id = $2) AND revoked_at IS NULL AND expires_at > now() RETURNING user_id
    """)
}

enum SessionListEndpoints {
  private static let reach = TokenReach.person("see or end sessions")

  static func all(_ database: Database) -> [Endpoint] { [list(database), end(database)] }

  private static func list(_ database: Database) -> Endpoint {
    Endpoint(
      list: SessionList.self, "/api/v1/sessions", id: "listSessions", tag: .authentication, access: .user(.viewer),
      reach: reach, summary: "The caller's sessions that have not ended; for administrators, those of all users.",
      from: database
    ) { $0 }
  }

  private static func end(_ database: Database) -> Endpoint {
    Endpoint(
      .delete, "/api/v1/sessions/{id:uuid}", id: "endSession", tag: .authentication, access: .user(.viewer),
      reach: reach, command: "sessions end",
      summary: "End a session of the caller, or of anybody for administrators, at once on every server.",
      returns: NoContent.self
    ) { request, context async throws(Problem) -> NoContent in
      let id = request.path.uuid("id")
      try await database.transaction { session throws(Problem) in
        let user = try await session.query { session throws(DatabaseError) in
          try await session.one(SessionList.end, id, context.restrictedOwner)?.value
        }
        guard let user else { throw Problem(.notFound, "there is no such session") }
        var event = AuditEvent(.endSession, context, on: AuditEvent.user(user))
        event.details["session"] = .string(id.description)
        let line = event
        try await session.query { session throws(DatabaseError) in try await session.audit(line) }
      }
      return NoContent()
    }
  }
}
