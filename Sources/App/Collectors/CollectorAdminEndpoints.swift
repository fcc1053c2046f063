// The fleet, for people: who is enrolled and how they are, and an end to it.

import Ground
import Protocol

/// What a list of collectors is sorted by; `-` before a name: the other way round.
enum CollectorOrder: String, CaseIterable, Sendable {
  case name
  case nameDescending = "-name"
  case hostname
  case hostnameDescending = "-hostname"
  case registeredAt = "registered_at"
  case registeredAtDescending = "-registered_at"
  case lastSeenAt = "last_seen_at"
  case lastSeenAtDescending = "-last_seen_at"
}

struct CollectorsQuery: QueryParameters {
  let page: PageSelection
  let status: CollectorRow.Status?
  let q: String?
  let order: CollectorOrder

  init(from query: inout QueryReader) {
    page = PageSelection(from: &query)
    status = query.optional("status", .choice(), "Only those that are this now.")
    q = query.optional("q", .string(1...255), "A part of the name or of the host name.")
    order = query.optional(
      "sort", .choice(), default: .name, "name", "`-` before a name turns the order round; without a value is last.")
  }
}

enum CollectorAdminEndpoints {
  static func all(_ services: Services) -> [Endpoint] {
    [list(services), one(services), revoke(services), revokeCertificate(services), permitEnrolment(services)]
  }

  private static let path: PathPattern = "/api/v1/collectors/{id:uuid}"
  private static let missing = Problem(.notFound, "there is no such collector")
  private static let missingCertificate = Problem(.notFound, "the collector has no such certificate")

  private static func list(_ services: Services) -> Endpoint {
    Endpoint(
      .get, "/api/v1/collectors", id: "listCollectors", tag: .collectors, access: .user(.viewer),
      summary: "The collectors.", query: CollectorsQuery.self, returns: Page<CollectorAnswer>.self
    ) { request, context async throws(Problem) -> Page<CollectorAnswer> in
      let silence = Double(context.settings.offlineAfter.wholeSeconds)
      let (query, selection) = (request.query, request.query.page)
      let (rows, total) = try await services.query { database throws(DatabaseError) in
        let status = query.status?.rawValue
        let rows = try await database.rows(
          CollectorAdminStatements.page, silence, status, query.q, query.order.rawValue, Int64(selection.size),
          Int64(selection.offset))
        return (rows, try await database.one(CollectorAdminStatements.count, silence, status, query.q)?.value ?? 0)
      }
      return Page(rows.map(CollectorAnswer.init), of: Int(total), selection)
    }
  }

  private static func one(_ services: Services) -> Endpoint {
    Endpoint(
      .get, path, id: "getCollector", tag: .collectors, access: .user(.viewer),
      summary: "One collector with its certificates, and what was rejected of its pushes.",
      description: """
        The `ETag` changes with every part of the answer. For `If-Match` counts its part before the dot: what is decided \
        about the collector (name, revocation, certificates, configuration, permit), not `status`, `last_seen_at` and \
        `effective_config_version`, which change by themselves.
        """,
      fields: [.ifNoneMatch], returns: HTTPResponse.self,
      answers: [
        .json(
          CollectorDetails.self,
          fields: [.init(name: "ETag", schema: .string, prose: "For If-None-Match and If-Match.")]),
        .empty(.notModified, prose: "The client's copy is the same (If-None-Match)."),
      ]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let id = request.path.uuid("id")
      let details = try await services.query { database throws(DatabaseError) -> CollectorDetails? in
        try await find(id, CollectorAdminStatements.one, context, in: database)
      }
      guard let details else { throw missing }
      let tag = details.tag
      if tag.isKnown(to: request.head) { return HTTPResponse(status: .notModified, fields: [tag.field]) }
      return .json(details, fields: [tag.field])
    }
  }

  private static func find(
    _ id: UUID, _ statement: Statement<Double, UUID, CollectorRow>, _ context: RequestContext,
    in client: some DatabaseClient
  ) async throws(DatabaseError) -> CollectorDetails? {
    let silence = Double(context.settings.offlineAfter.wholeSeconds)
    guard let collector = try await client.one(statement, silence, id) else { return nil }
    return CollectorDetails(
      collector: collector, certificates: try await client.rows(CertificateStatements.of, id),
      rejects: try await client.rows(RejectStatements.of, id))
  }

  private static func revoke(_ services: Services) -> Endpoint {
    Endpoint(
      .delete, path, id: "revokeCollector", tag: .collectors, access: .user(.admin),
      summary: "Revoke a collector and all its certificates, at once and on every server.",
      description: """
        Its live connections are closed within a second, and every later request is refused with `collector_revoked`. \
        A push that waits for its commit at that moment gets no answer and may be stored. The collector stays in the \
        list, as `revoked`, and its metrics stay, too. To revoke it again changes nothing. Only `permit-enrolment` and \
        a new enrolment undo it.
        """,
      fields: [.ifMatch], returns: NoContent.self, problems: [.preconditionFailed]
    ) { request, context async throws(Problem) -> NoContent in
      let id = request.path.uuid("id")
      try await services.change(AuditEvent(.revokeCollector, context, on: AuditEvent.collector(id))) {
        session throws(Problem) in
        let details = try await session.query { client throws(DatabaseError) -> CollectorDetails? in
          try await find(id, CollectorAdminStatements.lock, context, in: client)
        }
        guard let details else { throw missing }
        guard details.tag.isMatched(by: request.head) else { throw Problem(.preconditionFailed) }
        try await session.query { client throws(DatabaseError) in
          try await client.execute(CollectorAdminStatements.revoke, id)
          try await client.execute(CertificateStatements.revokeAll, id)
        }
      }
      await services.directory.changed(id)
      return NoContent()
    }
  }

  private static func revokeCertificate(_ services: Services) -> Endpoint {
    Endpoint(
      .delete, "/api/v1/collectors/{id:uuid}/certificates/{serial}", id: "revokeCertificate", tag: .collectors,
      access: .user(.admin), summary: "Revoke one certificate of a collector, at once and on every server.",
      description: """
        Connections that were opened with it are closed within a second; the collector's other certificates stay good. \
        To revoke it again changes nothing.
        """,
      returns: NoContent.self
    ) { request, context async throws(Problem) -> NoContent in
      let id = request.path.uuid("id")
      guard let serial = CertificateSerial(request.path.text("serial"))?.description else { throw missingCertificate }
      var event = AuditEvent(.revokeCertificate, context, on: AuditEvent.collector(id))
      event.details["serial"] = .string(serial)
      try await services.change(event) { session throws(Problem) in
        let revoked = try await session.query { client throws(DatabaseError) in
          try await client.one(CertificateStatements.revoke, id, serial)
        }
        if revoked == nil { throw missingCertificate }
      }
      await services.directory.changed(id)
      return NoContent()
    }
  }

  private static func permitEnrolment(_ services: Services) -> Endpoint {
    Endpoint(
      .post, "/api/v1/collectors/{id:uuid}/permit-enrolment", id: "permitEnrolment", tag: .collectors,
      access: .user(.operator), summary: "Let the next registration from this collector's host be this collector.",
      description: """
        For a host that lost its identity: until `enrolment_permit_life` has passed, the next registration with the \
        same `hostname` and a valid registration secret gets the same collector id, server and history, once. Its \
        earlier certificates are revoked by that, and the collector is revoked no more if it was. `pganalytics collector \
        permit` does the same. 409 if the collector's server is being removed.
        """,
      returns: EnrolmentPermit.self, problems: [.conflict]
    ) { request, context async throws(Problem) -> EnrolmentPermit in
      let id = request.path.uuid("id")
      let life = Double(context.settings.enrolmentPermitLife.wholeSeconds)
      let event = AuditEvent(.permitEnrolment, context, on: AuditEvent.collector(id))
      return try await services.change(event) { session throws(Problem) in
        let (permit, isThere) = try await session.query { client throws(DatabaseError) in
          (
            try await client.one(CollectorAdminStatements.permit, id, life)?.value,
            try await client.one(CollectorAdminStatements.exists, id)?.value == true
          )
        }
        guard let permit else {
          throw isThere ? Problem(.conflict, "the collector's server is being removed") : missing
        }
        return EnrolmentPermit(collector: id, end: permit)
      }
    }
  }
}
