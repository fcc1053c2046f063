// The endpoints with which people see findings and acknowledge them.

import Protocol

struct Acknowledgement: RequestBody {
  let note: String?

  init(from object: inout ObjectReader) {
    note = object.optional("note", .string(1...1000), "What is being done about it.")
  }

  static let isRequired = false
  static let example: JSONValue = ["note": "the volume is being enlarged"]
}

/// The filters of the list of findings, for a change of all findings that they select.
struct FindingSelection: QueryParameters {
  private static let everything = "all"

  let isAll: Bool
  let filters: [ListFilter.Append]

  init(from query: inout QueryReader) {
    isAll = query.optional(Self.everything, .flag, default: false, false, "Also without any filter.")
    filters = FindingList.listing.filters.map { $0.read(&query) }
  }

  /// Whether the request has a filter, or says that it needs none.
  func isSelective(_ target: RequestTarget) -> Bool {
    let names = (target.rawQuery ?? []).split(separator: UInt8(ascii: "&")).map { part in
      String(decoding: part.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
    }
    return isAll || names.contains { $0 != Self.everything }
  }
}

struct FindingsAcknowledged: ResponseBody {
  let matched: Int
  let changed: Int

  static let example = FindingsAcknowledged(matched: 12, changed: 9)

  func write(to object: inout ObjectWriter) {
    object.member("matched", matched, "Findings that the filters select.")
    object.member("changed", changed, "Open ones among them that were not acknowledged before.")
  }
}

enum FindingEndpoints {
  static func all(_ database: Database) -> [Endpoint] {
    [
      list(database), one(database), acknowledge(database), endAcknowledgement(database), acknowledgeMany(database),
    ]
  }

  private static let path: PathPattern = "/api/v1/findings/{id:int}/acknowledge"
  private static let missing = Problem(.notFound, "there is no such finding")

  private static func list(_ database: Database) -> Endpoint {
    Endpoint(
      list: FindingList.self, "/api/v1/findings", id: "listFindings", tag: .findings, access: .user(.viewer),
      reach: .selection,
      summary: "What the checks found.",
      description: """
        A finding is open until its check no longer finds what it says. Without `state` the list has the open findings.
        """, from: database
    ) { FindingAnswer(finding: $0) }
  }

  private static func one(_ database: Database) -> Endpoint {
    Endpoint(
      .get, "/api/v1/findings/{id:int}", id: "getFinding", tag: .findings, access: .user(.viewer),
      reach: .finding,
      summary: "One finding.", returns: FindingAnswer.self
    ) { request, _ async throws(Problem) -> FindingAnswer in
      let id = request.path.integer("id")
      let row = try await database.query { database throws(DatabaseError) in
        try await database.one(FindingAnswerStatements.one, id)
      }
      guard let row else { throw missing }
      return FindingAnswer(finding: row)
    }
  }

  private static func acknowledge(_ database: Database) -> Endpoint {
    Endpoint(
      .post, path, id: "acknowledgeFinding", tag: .findings, access: .user(.operator),
      reach: .finding, command: "findings ack",
      summary: "Say that a person takes care of an open finding.",
      description: """
        An acknowledged finding sends no further notification, not even of its end. Acknowledging it again replaces person \
        and note. 409 if the finding has ended.
        """,
      body: Acknowledgement.self, returns: FindingAnswer.self, problems: [.conflict]
    ) { request, context async throws(Problem) -> FindingAnswer in
      guard case .user(let user) = context.principal else { throw Problem(.insufficientRole) }
      let note = request.body.note
      return try await change(request.path.integer("id"), .acknowledgeFinding, context, database) {
        id, session throws(DatabaseError) in
        try await session.one(FindingAnswerStatements.acknowledge, id, user.id, user.name, note)?.value
      }
    }
  }

  private static func endAcknowledgement(_ database: Database) -> Endpoint {
    Endpoint(
      .delete, path, id: "endAcknowledgement", tag: .findings, access: .user(.operator),
      reach: .finding, command: "findings unack",
      summary: "Take back an acknowledgement.", description: "409 if the finding has ended.",
      returns: FindingAnswer.self, problems: [.conflict]
    ) { request, context async throws(Problem) -> FindingAnswer in
      try await change(request.path.integer("id"), .endAcknowledgement, context, database) {
        id, session throws(DatabaseError) in
        try await session.one(FindingAnswerStatements.endAcknowledgement, id)?.value
      }
    }
  }

  private static func acknowledgeMany(_ database: Database) -> Endpoint {
    Endpoint(
      .post, "/api/v1/findings/acknowledge", id: "acknowledgeFindings", tag: .findings, access: .user(.operator),
      reach: .selection, command: "findings ack-matching",
      summary: "Acknowledge all open findings that the filters select.",
      description: """
        The filters are those of the list. At least one of them must be there, or `all=true`, which acknowledges every \
        open finding. An acknowledgement that a finding has already stays as it is.
        """,
      query: FindingSelection.self, body: Acknowledgement.self, returns: FindingsAcknowledged.self
    ) { request, context async throws(Problem) -> FindingsAcknowledged in
      let user = try context.user()
      let query = request.query
      if !query.isSelective(request.head.target) {
        throw Problem(.invalidQuery, "at least one filter is needed, or all=true")
      }
      let note = request.body.note
      return try await database.transaction { session throws(Problem) -> FindingsAcknowledged in
        try await session.query { session throws(DatabaseError) in
          let matched = try await session.rows(
            as: SingleValue<Int64>.self, FindingAnswerStatements.selected,
            FindingList.listing.parameters(query.filters, context)
          ).map(\.value)
          let changed = try await session.execute(
            FindingAnswerStatements.acknowledgeMany, matched, user.id, user.name, note)
          var event = AuditEvent(.acknowledgeFindings, context)
          event.details["filter"] = .string(
            String(decoding: request.head.target.rawQuery?.prefix(1024) ?? [], as: UTF8.self))
          event.details["changed"] = .integer(Int64(changed))
          try await session.audit(event)
          return FindingsAcknowledged(matched: matched.count, changed: changed)
        }
      }
    }
  }

  /// Runs and audits a change of an open finding. - Returns: the finding after the change.
  private static func change(
    _ id: Int64, _ action: AuditAction, _ context: RequestContext, _ database: Database,
    _ work: @Sendable (Int64, DatabaseLease) async throws(DatabaseError) -> Int64?
  ) async throws(Problem) -> FindingAnswer {
    try await database.change(AuditEvent(action, context, on: "finding:\(id)")) { session throws(Problem) in
      let (changed, row) = try await session.query { session throws(DatabaseError) in
        (try await work(id, session), try await session.one(FindingAnswerStatements.one, id))
      }
      guard let row else { throw missing }
      if changed == nil { throw Problem(.conflict, "the finding has ended") }
      return FindingAnswer(finding: row)
    }
  }
}
