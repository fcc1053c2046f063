// The endpoints with which administrators see and change users.

import Protocol

/// A user in the form of the API.
struct UserAnswer: ResponseBody {
  static let schemaName = "User"
  let account: Account

  static let example = UserAnswer(
    account: Account(
      id: 1, username: "admin", email: "admin@example.com", fullName: "Ada Min", passwordHash: "", role: "admin",
      isActive: true, version: 1, createdAt: Timestamp(unixSeconds: 1_790_000_000),
      updatedAt: Timestamp(unixSeconds: 1_790_000_000), lastLoginAt: nil))

  func write(to object: inout ObjectWriter) {
    object.member("id", account.id)
    object.member("username", account.username)
    object.nullable("email", account.email)
    object.nullable("full_name", account.fullName)
    object.member("role", account.role, "admin, operator or viewer.")
    object.member("is_active", account.isActive)
    object.nullable("last_login", account.lastLoginAt)
    object.member("created_at", account.createdAt)
    object.member("updated_at", account.updatedAt)
  }
}

enum UserList: List {
  static let listing = Listing<Account>(
    "users", from: "pganalytics.users",
    filters: [
      ListFilter("q", .string(1...64), "A part of name, e-mail or full name; case does not matter.") {
        "position(lower(\($0)) IN lower(concat_ws(' ', username, email, full_name))) > 0"
      },
      ListFilter("role", Role.self, "Users of this role only.") { "role = \($0)" },
      ListFilter("is_active", .flag, "Active, or inactive, users only.") { "is_active = \($0)" },
    ],
    sorts: [
      ListSort("username", by: "lower(username)", String.self),
      ListSort("created_at", by: "created_at", Timestamp.self),
      ListSort("last_login", by: "last_login_at", Timestamp.self),
    ], last: "id")
}

struct NewUser: RequestBody {
  let username: String
  let password: String
  let role: Role
  let email: String?
  let fullName: String?
  let isActive: Bool

  init(from object: inout ObjectReader) {
    username = object.required("username", Accounts.username, "Unique; upper and lower case are the same.")
    password = object.required("password", Accounts.newPassword, "Must not be the user name.")
    role = object.required("role", .choice())
    email = object.optional("email", .email)
    fullName = object.optional("full_name", .string(1...255))
    isActive = object.optional("is_active", .flag, default: true, true)
  }

  static let example: JSONValue = [
    "username": "grace", "password": "correct horse battery staple", "role": "operator", "full_name": "Grace Hopper",
  ]
}

struct UserPatch: RequestBody {
  let email: FieldChange<String>
  let fullName: FieldChange<String>
  let role: Role?
  let isActive: Bool?
  let password: String?

  init(from object: inout ObjectReader) {
    email = object.change("email", .email)
    fullName = object.change("full_name", .string(1...255))
    role = object.optional("role", .choice(), "Counts from the user's next request on.")
    isActive = object.optional("is_active", .flag, "`false` ends all sessions of the user.")
    password = object.optional("password", Accounts.newPassword, "Ends all sessions of the user and any lock-out.")
  }

  static let example: JSONValue = ["role": "admin", "email": nil]

  /// The names of the fields that the request sets or clears.
  var names: [String] {
    [
      email == .keep ? nil : "email", fullName == .keep ? nil : "full_name", role.map { _ in "role" },
      isActive.map { _ in "is_active" }, password.map { _ in "password" },
    ].compactMap { $0 }
  }
}

enum UserEndpoints {
  static func all(_ database: Database, _ passwords: Passwords) -> [Endpoint] {
    [list(database), add(database, passwords), one(database), change(database, passwords), delete(database)]
  }

  /// A token that could make users or passwords would outlive its own end.
  private static let reach = TokenReach.person("add, change or delete users")

  private static let tagged = AnswerDeclaration.json(
    UserAnswer.self,
    fields: [
      .init(name: "ETag", schema: .string, prose: "For If-Match. It differs after each change, but not after a login.")
    ])

  private static func list(_ database: Database) -> Endpoint {
    Endpoint(
      list: UserList.self, "/api/v1/users", id: "listUsers", tag: .users, access: .user(.admin), summary: "The users.",
      from: database
    ) { UserAnswer(account: $0) }
  }

  private static func add(_ database: Database, _ passwords: Passwords) -> Endpoint {
    Endpoint(
      .post, "/api/v1/users", id: "addUser", tag: .users, access: .user(.admin), reach: reach,
      summary: "Add a user.",
      body: NewUser.self, returns: HTTPResponse.self,
      answers: [.json(UserAnswer.self, status: .created, fields: tagged.fields + [.location])], problems: [.conflict]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let new = request.body
      if let fault = Accounts.fault(inPassword: new.password, of: new.username) {
        throw Problem(.validationFailed, "password \(fault)")
      }
      let hash = try await passwords.hash(new.password)
      let account = try await database.transaction { session throws(Problem) -> Account in
        let account = try await session.query { session throws(DatabaseError) in
          try await session.one(
            AccountStatements.add, new.username, new.email, new.fullName, hash, new.role.rawValue, new.isActive)
        }
        guard let account else { throw Problem(.conflict, "there is a user of that name") }
        var event = AuditEvent(.createUser, context, on: account.actor)
        event.describe(account)
        let line = event
        try await session.query { session throws(DatabaseError) in try await session.audit(line) }
        return account
      }
      return answer(account, .created)
    }
  }

  private static func one(_ database: Database) -> Endpoint {
    Endpoint(
      .get, "/api/v1/users/{id:int}", id: "getUser", tag: .users, access: .user(.admin), summary: "One user.",
      returns: HTTPResponse.self, answers: [tagged]
    ) { request, _ async throws(Problem) -> HTTPResponse in
      let id = request.path.integer("id")
      let account = try await database.query { database throws(DatabaseError) in
        try await database.one(AccountStatements.byID, id)
      }
      guard let account else { throw Problem(.notFound, "there is no such user") }
      return answer(account, .ok)
    }
  }

  private static func change(_ database: Database, _ passwords: Passwords) -> Endpoint {
    Endpoint(
      .patch, "/api/v1/users/{id:int}", id: "changeUser", tag: .users, access: .user(.admin), reach: reach,
      summary: "Change a user: a field that is left out stays, and null clears a field.",
      description: "The last active administrator can be neither demoted nor deactivated.", fields: [.ifMatch],
      body: UserPatch.self, returns: HTTPResponse.self, answers: [tagged],
      problems: [.lastAdmin, .preconditionFailed]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let patch = request.body
      var event = AuditEvent(.updateUser, context, on: "user:\(request.path.integer("id"))")
      event.details["changed"] = .array(patch.names.map { .string($0) })
      if let role = patch.role { event.details["role"] = .string(role.rawValue) }
      if let isActive = patch.isActive { event.details["is_active"] = .bool(isActive) }
      let hash = try await hash(patch.password, passwords)
      let account = try await locked(database, request.path.integer("id"), request.head, event) {
        account, admins, session throws(Problem) -> Account in
        if let password = patch.password, let fault = Accounts.fault(inPassword: password, of: account.username) {
          throw Problem(.validationFailed, "password \(fault)")
        }
        let staysAdmin = (patch.role ?? .admin) == .admin && (patch.isActive ?? true)
        if !staysAdmin, admins == [account.id] { throw Problem(.lastAdmin) }
        if patch.names.isEmpty { return account }
        let change = UserChange(
          email: patch.email, fullName: patch.fullName, role: patch.role, isActive: patch.isActive, passwordHash: hash)
        return try await session.query { session throws(DatabaseError) in
          try await session.change(account, change) ?? account
        }
      }
      return answer(account, .ok)
    }
  }

  private static func delete(_ database: Database) -> Endpoint {
    Endpoint(
      .delete, "/api/v1/users/{id:int}", id: "deleteUser", tag: .users, access: .user(.admin), reach: reach,
      summary: "Delete a user, and with it all sessions.",
      description: "The last active administrator stays. What the user did stays in the audit trail.",
      fields: [.ifMatch], returns: NoContent.self, problems: [.lastAdmin, .preconditionFailed]
    ) { request, context async throws(Problem) -> NoContent in
      let event = AuditEvent(.deleteUser, context, on: "user:\(request.path.integer("id"))")
      return try await locked(database, request.path.integer("id"), request.head, event) {
        account, admins, session throws(Problem) -> NoContent in
        if admins == [account.id] { throw Problem(.lastAdmin) }
        try await session.query { session throws(DatabaseError) in
          try await session.execute(AccountStatements.delete, account.id)
        }
        return NoContent()
      }
    }
  }

  /// Runs a change of user `id` in a transaction that holds locks on the user's row and on the rows of all active
  /// administrators.
  /// - Parameter work: gets the user, the ids of the active administrators, and the session.
  /// - Throws: `.notFound`, `.preconditionFailed` by If-Match. A `.lastAdmin` of `work` is audited.
  private static func locked<Value: Sendable>(
    _ database: Database, _ id: Int64, _ head: HTTPRequestHead, _ event: AuditEvent,
    _ work: (Account, [Int64], DatabaseLease) async throws(Problem) -> Value
  ) async throws(Problem) -> Value {
    do throws(Problem) {
      return try await database.change(event) { session throws(Problem) -> Value in
        let (admins, account) = try await session.query { session throws(DatabaseError) in
          let admins = try await session.rows(AccountStatements.lockAdmins).map(\.value)
          return (admins, try await session.one(AccountStatements.lock, id))
        }
        guard let account else { throw Problem(.notFound, "there is no such user") }
        if !tag(account).isMatched(by: head) { throw Problem(.preconditionFailed, "the user changed meanwhile") }
        return try await work(account, admins, session)
      }
    } catch {
      if error.kind == .lastAdmin {
        let refusal = event.refused(error)
        try await database.query { database throws(DatabaseError) in try await database.audit(refusal) }
      }
      throw error
    }
  }

  private static func hash(_ password: String?, _ passwords: Passwords) async throws(Problem) -> String? {
    guard let password else { return nil }
    if password.utf8.count > PasswordHash.maximumPasswordBytes {
      throw Problem(.validationFailed, "password has more than \(PasswordHash.maximumPasswordBytes) bytes")
    }
    return try await passwords.hash(password)
  }

  private static func tag(_ account: Account) -> EntityTag { EntityTag("\(account.id)-\(account.version)") }

  private static func answer(_ account: Account, _ status: HTTPStatus) -> HTTPResponse {
    var fields = [tag(account).field]
    if status == .created { fields.append(.location("/api/v1/users/\(account.id)")) }
    return .json(UserAnswer(account: account), status: status, fields: fields)
  }
}
