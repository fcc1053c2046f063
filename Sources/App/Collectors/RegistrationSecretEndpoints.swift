// The endpoints for the secrets with which collectors enrol. A secret's value is shown once, when it is made. Nobody
// can read it later.

import Ground
import Protocol

struct CreateSecretRequest: RequestBody {
  private static let lives = Duration.seconds(1)...Duration.seconds(10 * 365 * 86_400)

  let name: String
  /// No end unless one is chosen.
  let end: ChosenEnd
  let maxUses: Int?
  let reenrolment: Reenrolment?
  let labels: LabelSet

  init(from object: inout ObjectReader) {
    end = ChosenEnd(from: &object, lives: Self.lives, usual: "no end")
    name = object.required("name", .string(1...100), "What it is for; unique.")
    maxUses = object.optional("max_uses", .integer(1...Int(Int32.max)), "How many collectors may enrol with it.")
    reenrolment = object.optional(
      "reenrolment", .choice(),
      """
      What happens if an enrolled host registers with it. `permit`: 409 until a person permits it. `replace`: the host gets \
      a new identity for its server, and the old one ends when the new one pushes. `new`: the host becomes another \
      collector. Default: the setting `reenrolment`.
      """)
    labels = object.optional(
      "labels", .labels, default: LabelSet(), .object(JSONObject()),
      """
      Labels that an enrolment gives to the server; a label that the server has already stays. At most `labels_per_server`.
      """)
  }

  static let example: JSONValue = [
    "name": "fleet-1", "expires_in": "24h", "max_uses": 100, "labels": ["env": "production"],
  ]
}

struct RegistrationSecretAnswer: ResponseBody {
  static let schemaName = "RegistrationSecret"
  let secret: RegistrationSecret

  static let example = RegistrationSecretAnswer(
    secret: RegistrationSecret(
      id: UUID(high: 0x3c1e_77a0_52d4_4b6e, low: 0x8f10_22b4_91ac_6d05), name: "fleet-1",
      createdAt: Timestamp(unixSeconds: 1_790_000_000), expiresAt: Timestamp(unixSeconds: 1_790_086_400), maxUses: 100,
      uses: 12, lastUsedAt: Timestamp(unixSeconds: 1_790_003_600), revokedAt: nil, reenrolment: .replace,
      labels: LabelSet(["env": "production"]), status: .active))

  func write(to object: inout ObjectWriter) {
    object.member("id", secret.id)
    object.member("name", secret.name)
    object.member("status", secret.status)
    object.member("created_at", secret.createdAt)
    object.nullable("expires_at", secret.expiresAt)
    object.nullable("max_uses", secret.maxUses)
    object.member("uses", secret.uses, "Enrolments with it so far.")
    object.nullable("last_used_at", secret.lastUsedAt)
    object.nullable("revoked_at", secret.revokedAt)
    object.nullable("reenrolment", secret.reenrolment, "Null: as the setting `reenrolment` says.")
    object.member("labels", secret.labels, "What an enrolment gives to the server.")
  }
}

struct CreatedSecretAnswer: ResponseBody {
  static let schemaName = "CreatedRegistrationSecret"
  let value: String
  let about: RegistrationSecretAnswer

  static let example = CreatedSecretAnswer(value: "pJ0m2QdE4n1v0rVb6mX5c2Jh8tYw3kLs", about: .example)

  func write(to object: inout ObjectWriter) {
    object.member("secret", value, "For `X-Registration-Secret`. It is not shown again.")
    about.write(to: &object)
  }
}

extension RegistrationSecret.Status: ResponseValue {}
extension Reenrolment: ResponseValue {}

enum RegistrationSecretList: List {
  static let listing = Listing<RegistrationSecret>(
    "secrets", from: "(\(RegistrationSecretStatements.secrets)) s",
    filters: [
      ListFilter("status", RegistrationSecret.Status.self, "Only entries with this status.") { "status = \($0)" },
      ListFilter("q", .string(1...100), "A part of the name.") { "strpos(lower(name), lower(\($0))) > 0" },
    ],
    sorts: [
      ListSort("created_at", by: "created_at", Timestamp.self), ListSort("name", by: "name", String.self),
      ListSort("expires_at", by: "expires_at", Timestamp.self),
      ListSort("last_used_at", by: "last_used_at", Timestamp.self),
    ], default: "-created_at", last: "id")
}

enum RegistrationSecretEndpoints {
  static func all(_ database: Database) -> [Endpoint] {
    [list(database), create(database), one(database), revoke(database)]
  }

  private static let path: PathPattern = "/api/v1/registration-secrets/{id:uuid}"

  private static func one(_ database: Database) -> Endpoint {
    Endpoint(
      .get, path, id: "getRegistrationSecret", tag: .registrationSecrets, access: .user(.operator),
      command: "secrets show",
      summary: "One registration secret, without its value.", returns: RegistrationSecretAnswer.self
    ) { request, _ async throws(Problem) -> RegistrationSecretAnswer in
      let id = request.path.uuid("id")
      let secret = try await database.query { database throws(DatabaseError) in
        try await database.one(RegistrationSecretStatements.byID, id)
      }
      guard let secret else { throw Problem(.notFound, "there is no such registration secret") }
      return RegistrationSecretAnswer(secret: secret)
    }
  }

  private static func list(_ database: Database) -> Endpoint {
    Endpoint(
      list: RegistrationSecretList.self, "/api/v1/registration-secrets", id: "listRegistrationSecrets",
      tag: .registrationSecrets, access: .user(.operator), command: "secrets list",
      summary: "The registration secrets, without their values.",
      from: database
    ) { RegistrationSecretAnswer(secret: $0) }
  }

  private static func create(_ database: Database) -> Endpoint {
    Endpoint(
      .post, "/api/v1/registration-secrets", id: "createRegistrationSecret", tag: .registrationSecrets,
      access: .user(.operator), command: "secrets create",
      summary: "Make a registration secret. Its value is in this answer and nowhere else.",
      body: CreateSecretRequest.self, returns: HTTPResponse.self,
      answers: [.json(CreatedSecretAnswer.self, status: .created, fields: [.location])], problems: [.conflict]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let (value, id) = (Secrets.random(), UUID.random())
      let (name, maxUses) = (request.body.name, request.body.maxUses.map { Int32($0) })
      let (end, reenrolment) = (try request.body.end.time(now: context.now), request.body.reenrolment)
      let labels = request.body.labels
      if let fault = labels.fault(most: context.settings.labelsPerServer) {
        throw Problem(.validationFailed, "a server \(fault)")
      }
      let event = AuditEvent(.createSecret, context, on: AuditEvent.secret(id)).naming(name)
      let createdAt = try await database.change(event) { session throws(Problem) in
        try await add(id, name, value, end, maxUses, reenrolment, labels, to: session)
      }
      let secret = RegistrationSecret(
        id: id, name: name, createdAt: createdAt, expiresAt: end, maxUses: maxUses, uses: 0, lastUsedAt: nil,
        revokedAt: nil, reenrolment: reenrolment, labels: labels, status: .active)
      return .json(
        CreatedSecretAnswer(value: value, about: RegistrationSecretAnswer(secret: secret)), status: .created,
        fields: [.location("/api/v1/registration-secrets/\(id)")])
    }
  }

  private static func add(
    _ id: UUID, _ name: String, _ value: String, _ end: Timestamp?, _ maxUses: Int32?, _ reenrolment: Reenrolment?,
    _ labels: LabelSet, to session: DatabaseLease
  ) async throws(Problem) -> Timestamp {
    do throws(DatabaseError) {
      let created = try await session.one(
        RegistrationSecretStatements.add, id, name, Secrets.digest(value.utf8), end, maxUses, reenrolment?.rawValue,
        labels)
      guard let created else { throw DatabaseError(.unexpectedResult, "no row") }
      return created.value
    } catch {
      if error.sqlstate == SQLState.uniqueViolation {
        throw Problem(.conflict, "there is a registration secret of that name")
      }
      throw Problem(error)
    }
  }

  private static func revoke(_ database: Database) -> Endpoint {
    Endpoint(
      .delete, path, id: "revokeRegistrationSecret", tag: .registrationSecrets,
      access: .user(.operator), command: "secrets revoke",
      summary: "Revoke a registration secret: nobody enrols with it any more.",
      description: "It stays in the list, with its `revoked_at`. To revoke it again changes nothing.",
      returns: NoContent.self
    ) { request, context async throws(Problem) -> NoContent in
      let id = request.path.uuid("id")
      try await database.change(AuditEvent(.revokeSecret, context, on: AuditEvent.secret(id))) {
        session throws(Problem) in
        let revoked = try await session.query { client throws(DatabaseError) in
          try await client.one(RegistrationSecretStatements.revoke, id)
        }
        if revoked == nil { throw Problem(.notFound, "there is no such registration secret") }
      }
      return NoContent()
    }
  }
}

extension AuditEvent {
  /// The name of a registration secret in the audit trail.
  static func secret(_ id: UUID) -> String { "registration_secret:\(id)" }

  /// The same event with the name of its subject.
  func naming(_ name: String) -> AuditEvent {
    var event = self
    event.details["name"] = .string(name)
    return event
  }
}
