// The endpoints with which people keep findings from being notified for a while.

import Ground
import Protocol

struct SilenceAnswer: ResponseBody {
  static let schemaName = "Silence"
  let silence: SilenceRow

  static let example = SilenceAnswer(
    silence: SilenceRow(
      id: 1, check: "replication_lag", server: nil, subject: nil, labels: LabelSet(["env": "test"]),
      until: Timestamp(unixSeconds: 1_790_003_600), reason: "the standbys are being rebuilt",
      createdAt: Timestamp(unixSeconds: 1_790_000_000), by: "grace"))

  func write(to object: inout ObjectWriter) {
    object.member("id", silence.id)
    object.nullable("check", silence.checkName, "Null: every check.")
    object.nullable("server_id", silence.serverID, "Null: every server.")
    object.nullable("subject", silence.subject, "Null: every subject.")
    object.member("labels", silence.labels, "Only servers with all of them.")
    object.member("until", silence.until)
    object.member("reason", silence.reason)
    object.member("created_at", silence.createdAt)
    object.nullable("created_by", silence.createdName)
    object.nullable("ended_at", silence.endedAt, "When a person ended it early.")
    object.member("is_active", silence.isActive)
  }
}

enum SilenceList: List {
  static let listing = Listing<SilenceRow>(
    "silences", from: "(\(SilenceStatements.silences)) z",
    filters: [
      ListFilter("state", SilenceRow.State.self, default: .active, "Active, or ended, silences only, or all.") {
        "(\($0) = 'all' OR is_active = (\($0) = 'active'))"
      },
      ListFilter("check", .string(1...63), "Silences of this check only.") { "check_name = \($0)" },
    ],
    sorts: [
      ListSort("until", by: "until", Timestamp.self), ListSort("created_at", by: "created_at", Timestamp.self),
    ], last: "id")
}

/// How long a silence lasts.
struct SilenceEnd {
  /// The longest silence.
  static let longest = Duration.seconds(366 * 86_400)

  private let until: Timestamp?
  private let duration: Duration?

  init(from object: inout ObjectReader) {
    until = object.optional("until", .instant, "The end. Instead of it `duration` may be given.")
    duration = object.optional("duration", .duration(.seconds(60)...Self.longest), "How long, from now on.")
    let (until, duration) = (until, duration)
    object.require((until == nil) != (duration == nil), "until", "or duration must be given, and not both")
  }

  /// The end of a silence that begins now. - Throws: `.validationFailed`
  func time(_ now: Timestamp) throws(Problem) -> Timestamp {
    func after(_ duration: Duration) -> Timestamp {
      Timestamp(unixMicroseconds: now.unixMicroseconds + duration.wholeNanoseconds / 1000)
    }
    let end = until ?? after(duration ?? .zero)
    if end > now, end <= after(Self.longest) { return end }
    throw Problem(.validationFailed, "until must be in the future, and within 366 days")
  }
}

struct NewSilence: RequestBody {
  static let checkRule = FieldRule<String>.choice(of: Checks.all.map(\.name))
  static let serverRule = FieldRule<Int>.integer(1...Int(Int32.max))
  static let reasonRule = FieldRule<String>.string(1...1000)

  let check: String?
  let serverID: Int?
  let subject: String?
  let labels: LabelSet
  let end: SilenceEnd
  let reason: String

  init(from object: inout ObjectReader) {
    check = object.optional("check", Self.checkRule, "Only findings of this check.")
    serverID = object.optional("server_id", Self.serverRule, "Only findings of this server.")
    subject = object.optional("subject", .string(0...1000), "Only findings with this subject.")
    labels = object.optional(
      "labels", .labels, default: LabelSet(), .object(JSONObject()), "Only findings of servers with all these labels.")
    end = SilenceEnd(from: &object)
    reason = object.required("reason", Self.reasonRule)
  }

  static let example: JSONValue = [
    "check": "replication_lag", "labels": ["env": "test"], "duration": "2h", "reason": "the standbys are being rebuilt",
  ]
}

struct NewSilences: RequestBody {
  /// The most servers of a request.
  static let most = 10_000

  let servers: [Int]
  let check: String?
  let end: SilenceEnd
  let reason: String

  init(from object: inout ObjectReader) {
    servers = object.required(
      "server_ids", .list(NewSilence.serverRule, count: 1...Self.most), "Ids that no server has are passed over.")
    check = object.optional("check", NewSilence.checkRule, "Only findings of this check.")
    end = SilenceEnd(from: &object)
    reason = object.required("reason", NewSilence.reasonRule)
  }

  static let example: JSONValue = ["server_ids": [3, 7], "duration": "2h", "reason": "the rack gets another switch"]
}

struct SilencesAdded: ResponseBody {
  let changed: Int

  static let example = SilencesAdded(changed: 2)

  func write(to object: inout ObjectWriter) { object.member("changed", changed, "Servers that are silenced now.") }
}

enum SilenceEndpoints {
  static func all(_ database: Database) -> [Endpoint] {
    [list(database), add(database), addMany(database), end(database)]
  }

  private static func list(_ database: Database) -> Endpoint {
    Endpoint(
      list: SilenceList.self, "/api/v1/silences", id: "listSilences", tag: .findings, access: .user(.viewer),
      summary: "The silences.", description: "Without `state` the list has the active silences.", from: database
    ) { SilenceAnswer(silence: $0) }
  }

  private static func add(_ database: Database) -> Endpoint {
    Endpoint(
      .post, "/api/v1/silences", id: "addSilence", tag: .findings, access: .user(.operator),
      command: "findings silence",
      summary: "Send no notifications of some findings until a time.",
      description: """
        A finding is silenced while it fulfils all conditions that are given: `check`, `server_id`, `subject`, `labels`. \
        Without any of them every finding is silenced. Findings open and end all the same.
        """,
      body: NewSilence.self, returns: HTTPResponse.self,
      answers: [.json(SilenceAnswer.self, status: .created)]
    ) { request, context async throws(Problem) -> HTTPResponse in
      guard case .user(let user) = context.principal else { throw Problem(.insufficientRole) }
      let new = request.body
      let end = try new.end.time(context.now)
      var event = AuditEvent(.addSilence, context)
      event.details["check"] = new.check.map { .string($0) }
      event.details["server_id"] = new.serverID.map { .integer(Int64($0)) }
      event.details["labels"] = .object(new.labels.object)
      event.details["until"] = .string(end.rfc3339)
      event.details["reason"] = .string(new.reason)
      let row = try await database.change(event) { session throws(Problem) -> SilenceRow? in
        try await session.query { session throws(DatabaseError) -> SilenceRow? in
          let id = try await session.one(
            SilenceStatements.add, new.check, new.serverID.map { Int32($0) }, new.subject, new.labels, end, new.reason,
            user.id, user.name)
          guard let id else { return nil }
          return try await session.one(SilenceStatements.one, id.value)
        }
      }
      guard let row else { throw Problem(.internalError, cause: "the new silence is not there") }
      return .json(SilenceAnswer(silence: row), status: .created)
    }
  }

  private static func addMany(_ database: Database) -> Endpoint {
    Endpoint(
      .post, "/api/v1/silences/servers", id: "silenceServers", tag: .findings, access: .user(.operator),
      command: "findings silence-servers",
      summary: "Send no notifications of findings of several servers until a time.",
      description: "Each server gets a silence of its own, which can be ended alone.",
      body: NewSilences.self, returns: SilencesAdded.self
    ) { request, context async throws(Problem) -> SilencesAdded in
      let user = try context.user()
      let new = request.body
      let end = try new.end.time(context.now)
      return try await database.transaction { session throws(Problem) -> SilencesAdded in
        try await session.query { session throws(DatabaseError) in
          let changed = try await session.execute(
            SilenceStatements.addMany, new.check, new.servers.map { Int32($0) }, end, new.reason, user.id, user.name)
          var event = AuditEvent(.addSilences, context)
          event.details["check"] = new.check.map { .string($0) }
          event.details["changed"] = .integer(Int64(changed))
          event.details["until"] = .string(end.rfc3339)
          event.details["reason"] = .string(new.reason)
          try await session.audit(event)
          return SilencesAdded(changed: changed)
        }
      }
    }
  }

  private static func end(_ database: Database) -> Endpoint {
    Endpoint(
      .delete, "/api/v1/silences/{id:int}", id: "endSilence", tag: .findings, access: .user(.operator),
      command: "silences end",
      summary: "End a silence now.", description: "Ending it again changes nothing.", returns: NoContent.self
    ) { request, context async throws(Problem) -> NoContent in
      let id = request.path.integer("id")
      try await database.change(AuditEvent(.endSilence, context, on: "silence:\(id)")) { session throws(Problem) in
        let ended = try await session.query { session throws(DatabaseError) in
          try await session.one(SilenceStatements.end, id)
        }
        if ended == nil { throw Problem(.notFound, "there is no such silence") }
      }
      return NoContent()
    }
  }
}
