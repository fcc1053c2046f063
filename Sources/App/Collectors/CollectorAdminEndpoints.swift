// The endpoints with which people see the fleet, revoke collectors and certificates, and permit enrolments.

import Ground
import Protocol

enum CollectorList: List {
  static let listing = Listing<CollectorRow>(
    "collectors", from: "(\(CollectorAdminStatements.collectors)) c",
    settings: [ListSetting { Double($0.offlineAfter.wholeSeconds) }],
    filters: [
      ListFilter("status", CollectorRow.Status.self, "Only entries with this status.") { "status = \($0)" },
      ListFilter("q", .string(1...255), "A part of the name or of the host name.") {
        "strpos(lower(name), lower(\($0))) > 0 OR strpos(lower(hostname), lower(\($0))) > 0"
      },
      ServerFilter.list(server: "server_id"), LabelFilter.list(server: "server_id"),
    ],
    sorts: [
      ListSort("name", by: "name", String.self), ListSort("hostname", by: "hostname", String.self),
      ListSort("registered_at", by: "registered_at", Timestamp.self),
      ListSort("last_seen_at", by: "last_seen_at", Timestamp.self),
    ], last: "id")
}

enum CollectorAdminEndpoints {
  static func all(_ database: Database, _ directory: CollectorDirectory) -> [Endpoint] {
    [
      list(database), one(database), revoke(database, directory), revokeCertificate(database, directory),
      permitEnrolment(database),
    ]
  }

  static let path: PathPattern = "/api/v1/collectors/{id:uuid}"
  /// The answer with one collector.
  static let tagged = AnswerDeclaration.json(
    CollectorDetails.self, fields: [.init(name: "ETag", schema: .string, prose: "For If-None-Match and If-Match.")])
  private static let missing = Problem(.notFound, "there is no such collector")
  private static let missingCertificate = Problem(.notFound, "the collector has no such certificate")

  private static func list(_ database: Database) -> Endpoint {
    Endpoint(
      list: CollectorList.self, "/api/v1/collectors", id: "listCollectors", tag: .collectors, access: .user(.viewer),
      reach: .selection,
      summary: "The collectors.", from: database
    ) { CollectorAnswer(collector: $0) }
  }

  private static func one(_ database: Database) -> Endpoint {
    Endpoint(
      .get, path, id: "getCollector", tag: .collectors, access: .user(.viewer),
      reach: .collector("id"),
      summary: "One collector with its certificates, what was rejected of its pushes, and why it was refused.",
      description: """
        The `ETag` changes with every part of the answer. `If-Match` compares only its part before the dot, which covers \
        what people decide about the collector (name, labels, revocation, certificates, configuration, permit). `status`, \
        `last_seen_at` and `effective_config_version` change by themselves and do not count.
        """,
      fields: [.ifNoneMatch], returns: HTTPResponse.self,
      answers: [
        tagged,
        .empty(.notModified, prose: "The client's copy is the same (If-None-Match)."),
      ]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let id = request.path.uuid("id")
      let details = try await database.query { database throws(DatabaseError) -> CollectorDetails? in
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
      rejects: try await client.rows(RejectStatements.of, id),
      refusals: try await client.rows(RefusalStatements.of, AuditEvent.collector(id)))
  }

  /// The collector, with its row locked until the end of the transaction. - Throws: `.notFound`
  static func locked(
    _ id: UUID, _ context: RequestContext, in session: DatabaseLease
  ) async throws(Problem) -> CollectorDetails {
    let details = try await session.query { client throws(DatabaseError) -> CollectorDetails? in
      try await find(id, CollectorAdminStatements.lock, context, in: client)
    }
    guard let details else { throw missing }
    return details
  }

  private static func revoke(_ database: Database, _ directory: CollectorDirectory) -> Endpoint {
    Endpoint(
      .delete, path, id: "revokeCollector", tag: .collectors, access: .user(.admin), command: "collectors revoke",
      summary: "Revoke a collector and all its certificates, at once and on every server.",
      description: """
        The server closes the collector's connections within a second and refuses every later request with \
        `collector_revoked`. A push that waits for its commit at that moment gets no answer and may be stored. The \
        collector stays in the list as `revoked`, and its metrics stay, too. Revoking it again changes nothing. Only \
        `permit-enrolment` and a new enrolment undo it.
        """,
      fields: [.ifMatch], returns: NoContent.self, problems: [.preconditionFailed]
    ) { request, context async throws(Problem) -> NoContent in
      let id = request.path.uuid("id")
      try await database.change(AuditEvent(.revokeCollector, context, on: AuditEvent.collector(id))) {
        session throws(Problem) in
        let details = try await locked(id, context, in: session)
        guard details.tag.isMatched(by: request.head) else { throw Problem(.preconditionFailed) }
        try await session.query { client throws(DatabaseError) in
          try await client.execute(CollectorAdminStatements.revoke, id)
          try await client.execute(CertificateStatements.revokeAll, id)
        }
      }
      await directory.changed(id)
      return NoContent()
    }
  }

  private static func revokeCertificate(_ database: Database, _ directory: CollectorDirectory) -> Endpoint {
    Endpoint(
      .delete, "/api/v1/collectors/{id:uuid}/certificates/{serial}", id: "revokeCertificate", tag: .collectors,
      access: .user(.admin), command: "collectors revoke-certificate",
      summary: "Revoke one certificate of a collector, at once and on every server.",
      description: """
        The server closes connections that use it within a second. The collector's other certificates stay valid. \
        Revoking it again changes nothing.
        """,
      returns: NoContent.self
    ) { request, context async throws(Problem) -> NoContent in
      let id = request.path.uuid("id")
      guard let serial = CertificateSerial(request.path.text("serial"))?.description else { throw missingCertificate }
      var event = AuditEvent(.revokeCertificate, context, on: AuditEvent.collector(id))
      event.details["serial"] = .string(serial)
      try await database.change(event) { session throws(Problem) in
        let revoked = try await session.query { client throws(DatabaseError) in
          try await client.one(CertificateStatements.revoke, id, serial)
        }
        if revoked == nil { throw missingCertificate }
      }
      await directory.changed(id)
      return NoContent()
    }
  }

  private static func permitEnrolment(_ database: Database) -> Endpoint {
    Endpoint(
      .post, "/api/v1/collectors/{id:uuid}/permit-enrolment", id: "permitEnrolment", tag: .collectors,
      access: .user(.operator), command: "collectors permit",
      summary: "Let the next registration from this collector's host be this collector.",
      description: """
        For a host that lost its identity: within `enrolment_permit_life` one registration with the same `hostname` and \
        a valid registration secret gets the same collector id, server and history. It revokes the collector's earlier \
        certificates, and ends a revocation of the collector. `pganalytics collector permit` does the same. 409 if the \
        collector's server is being removed.
        """,
      returns: EnrolmentPermit.self, problems: [.conflict]
    ) { request, context async throws(Problem) -> EnrolmentPermit in
      let id = request.path.uuid("id")
      let life = Double(context.settings.enrolmentPermitLife.wholeSeconds)
      let event = AuditEvent(.permitEnrolment, context, on: AuditEvent.collector(id))
      return try await database.change(event) { session throws(Problem) in
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
