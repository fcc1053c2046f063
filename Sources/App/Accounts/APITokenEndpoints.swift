// The endpoints for API tokens. The value of a token is shown once, when it is made.

import Ground
import Protocol

struct NewAPIToken: RequestBody {
  private static let lives = Duration.seconds(60)...Duration.seconds(10 * 366 * 86_400)
  private static let usualLife = Duration.seconds(90 * 86_400)

  let name: String
  let role: Role
  private let end: ChosenEnd
  let labels: [LabelTerm]

  init(from object: inout ObjectReader) {
    end = ChosenEnd(
      from: &object, lives: Self.lives, usual: "90 days, or `api_token_life_maximum` if it is shorter")
    name = object.required("name", .string(1...50), "The audit trail names the token `token:NAME`. Unique.")
    role = object.required(
      "role", .choice(), "At most the caller's role. If the owner's role becomes lower, it counts.")
    labels = object.optional(
      "labels", .list(.labelTerm, count: 0...LabelFilter.most), default: [], .array([]),
      """
      Restricts the token to monitored servers that have all these labels: `key=value`, or `key=` for any value. Such a \
      token may call only what concerns single servers.
      """)
  }

  static let example: JSONValue = [
    "name": "grafana", "role": "viewer", "expires_in": "90d", "labels": ["env=production"],
  ]

  /// The end of the token. - Throws: `.validationFailed`
  func end(_ context: RequestContext) throws(Problem) -> Timestamp {
    let maximum = context.settings.apiTokenLifeMaximum
    let latest = context.now.advanced(by: maximum)
    let end = try end.time(now: context.now, usual: min(Self.usualLife, maximum)) ?? latest
    if end > latest {
      throw Problem(
        .validationFailed, "a token may live \(maximum.shortText) at most (api_token_life_maximum)")
    }
    return end
  }
}

extension StoredAPIToken.Status: ResponseValue {}

struct APITokenAnswer: ResponseBody {
  static let schemaName = "APIToken"
  let token: StoredAPIToken

  static let example = APITokenAnswer(
    token: StoredAPIToken(
      id: UUID(high: 0x3c1e_77a0_52d4_4b6e, low: 0x8f10_22b4_91ac_6d05), name: "grafana", userID: 1, owner: "admin",
      role: "viewer", labels: ["env=production"], createdAt: Timestamp(unixSeconds: 1_790_000_000),
      expiresAt: Timestamp(unixSeconds: 1_797_776_000), lastUsedAt: nil, revokedAt: nil, status: "active"))

  func write(to object: inout ObjectWriter) {
    object.member("id", token.id)
    object.member("name", token.name)
    object.member("user_id", token.userID)
    object.member("owner", token.owner, "The user whose token it is.")
    object.member("role", token.role, "admin, operator or viewer. The owner's present role counts if it is lower.")
    object.member("labels", token.labels, "The labels of the servers that it may concern; empty: every server.")
    object.member("status", StoredAPIToken.Status(rawValue: token.status) ?? .revoked)
    object.member("created_at", token.createdAt)
    object.member("expires_at", token.expiresAt)
    object.nullable("last_used_at", token.lastUsedAt, "Up to a minute old.")
    object.nullable("revoked_at", token.revokedAt)
  }
}

struct CreatedAPITokenAnswer: ResponseBody {
  static let schemaName = "CreatedAPIToken"
  let value: String
  let about: APITokenAnswer

  static let example = CreatedAPITokenAnswer(value: "pgat_pJ0m2QdE4n1v0rVb6mX5c2Jh8tYw3kLsAbCd", about: .example)

  func write(to object: inout ObjectWriter) {
    object.member("token", value, "Send it as `Authorization: Bearer …`. It is not shown again.")
    about.write(to: &object)
  }
}

enum APITokenList: List {
  static let listing = Listing<StoredAPIToken>(
    "api_tokens", from: "(\(APITokenStatements.tokens)) t",
    filters: [
      .ownerOnly,
      ListFilter("status", StoredAPIToken.Status.self, "Only entries with this status.") { "status = \($0)" },
      .user,
      ListFilter("q", .string(1...64), "A part of the name.") { "strpos(lower(name), lower(\($0))) > 0" },
    ],
    sorts: [
      ListSort("created_at", by: "created_at", Timestamp.self), ListSort("name", by: "name", String.self),
      ListSort("expires_at", by: "expires_at", Timestamp.self),
      ListSort("last_used_at", by: "last_used_at", Timestamp.self),
    ], default: "-created_at", last: "id")
}

extension ListFilter {
  /// Entries of one user. The column is `user_id`.
  static let user = ListFilter(
    "user", .integer(1...Int(Int32.max)), "Only those of the user with this id.", as: { id, _ in Int64(id) },
    where: { "user_id = \($0)" })

  /// Entries of the caller, except for administrators. The column is `user_id`.
  static let ownerOnly = ListFilter(implied: { $0.restrictedOwner }, where: { "user_id = \($0)" })
}

extension RequestContext {
  /// The user to whose things the caller is restricted; nil for an administrator, who is not restricted.
  var restrictedOwner: Int64? {
    guard case .user(let user) = principal else { return 0 }
    return user.role == .admin ? nil : user.id
  }
}

enum APITokenEndpoints {
  static func all(_ database: Database) -> [Endpoint] {
    [list(database), create(database), one(database), revoke(database)]
  }

  private static let path: PathPattern = "/api/v1/tokens/{id:uuid}"
  private static let reach = TokenReach.person("make or revoke API tokens")
  private static let missing = Problem(.notFound, "there is no such API token")

  private static func list(_ database: Database) -> Endpoint {
    Endpoint(
      list: APITokenList.self, "/api/v1/tokens", id: "listTokens", tag: .authentication, access: .user(.viewer),
      summary: "The caller's API tokens, without their values; for administrators, those of all users.", from: database
    ) { APITokenAnswer(token: $0) }
  }

  private static func one(_ database: Database) -> Endpoint {
    Endpoint(
      .get, path, id: "getToken", tag: .authentication, access: .user(.viewer),
      summary: "One API token, without its value.", returns: APITokenAnswer.self
    ) { request, context async throws(Problem) -> APITokenAnswer in
      APITokenAnswer(token: try await stored(request.path.uuid("id"), context, database))
    }
  }

  private static func create(_ database: Database) -> Endpoint {
    Endpoint(
      .post, "/api/v1/tokens", id: "createToken", tag: .authentication, access: .user(.viewer),
      reach: reach,
      summary: "Make an API token for a program. Its value is in this answer and nowhere else.",
      description: """
        A program sends the token wherever a person sends an access token. The token may do what its role permits, except \
        to change users, passwords, sessions and tokens. It ends when its owner is deactivated or deleted.
        """,
      body: NewAPIToken.self, returns: HTTPResponse.self,
      answers: [.json(CreatedAPITokenAnswer.self, status: .created, fields: [.location])], problems: [.conflict]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let user = try context.user()
      let body = request.body
      if body.role > user.role { throw Problem(.insufficientRole, "the token's role would be above the caller's") }
      let end = try body.end(context)
      let (id, value) = (UUID.random(), APITokenValue.random())
      var event = AuditEvent(.createToken, context, on: AuditEvent.token(body.name))
      event.details["role"] = .string(body.role.rawValue)
      event.details["labels"] = .array(body.labels.map { .string($0.text) })
      event.details["expires_at"] = .string(end.rfc3339)
      let token = try await database.change(event) { session throws(Problem) -> StoredAPIToken in
        do throws(DatabaseError) {
          try await session.execute(
            APITokenStatements.add, id, user.id, body.name, body.role.rawValue, body.labels.map(\.text),
            value.digest.bytes, end)
        } catch {
          if error.sqlstate == SQLState.uniqueViolation {
            throw Problem(.conflict, "there is an API token of that name; revoke it to use the name again")
          }
          throw Problem(error)
        }
        return try await stored(id, context, session)
      }
      return .json(
        CreatedAPITokenAnswer(value: value.text, about: APITokenAnswer(token: token)), status: .created,
        fields: [.location("/api/v1/tokens/\(id)")])
    }
  }

  private static func revoke(_ database: Database) -> Endpoint {
    Endpoint(
      .delete, path, id: "revokeToken", tag: .authentication, access: .user(.viewer), reach: reach,
      command: "tokens revoke",
      summary: "Revoke an API token, at once and on every server.",
      description: "It stays in the list, with its `revoked_at`. To revoke it again changes nothing.",
      returns: NoContent.self
    ) { request, context async throws(Problem) -> NoContent in
      let token = try await stored(request.path.uuid("id"), context, database)
      try await database.change(AuditEvent(.revokeToken, context, on: AuditEvent.token(token.name))) {
        session throws(Problem) in
        try await session.query { session throws(DatabaseError) in
          try await session.execute(APITokenStatements.revoke, token.id)
        }
      }
      return NoContent()
    }
  }

  /// The token with this id, if the caller may see it. - Throws: `.notFound`
  private static func stored(
    _ id: UUID, _ context: RequestContext, _ database: some DatabaseClient
  ) async throws(Problem) -> StoredAPIToken {
    let token = try await database.query { database throws(DatabaseError) in
      try await database.one(APITokenStatements.one, id, context.restrictedOwner)
    }
    guard let token else { throw missing }
    return token
  }
}
