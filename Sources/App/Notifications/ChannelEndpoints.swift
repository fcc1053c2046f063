// The endpoints for channels. Operators see channels and test them; administrators change them, because a target and its
// secret decide where the names of servers, tables and queries go.

import HTTPClient
import Protocol

enum ChannelEndpoints {
  /// The most channels of a database. Each new finding is compared with each channel.
  static let mostChannels: Int64 = 100

  static func all(_ database: Database, _ secrets: ChannelSecrets, _ delivery: ChannelDelivery) -> [Endpoint] {
    [
      list(database), create(database, secrets), one(database), change(database, secrets), remove(database),
      test(database, delivery), deliveries(database),
    ]
  }

  private static let path: PathPattern = "/api/v1/channels/{id:uuid}"

  private static func list(_ database: Database) -> Endpoint {
    Endpoint(
      list: ChannelList.self, "/api/v1/channels", id: "listChannels", tag: .notifications, access: .user(.operator),
      summary: "The channels, without their secrets.", from: database
    ) { ChannelAnswer(shown: $0) }
  }

  private static func create(_ database: Database, _ secrets: ChannelSecrets) -> Endpoint {
    Endpoint(
      .post, "/api/v1/channels", id: "createChannel", tag: .notifications, access: .user(.admin),
      summary: "Make a channel: findings that open or end from now on are reported to it.",
      description: "There may be at most \(mostChannels) channels; one more gets 409.",
      body: CreateChannelRequest.self, returns: HTTPResponse.self,
      answers: [.json(ChannelAnswer.self, status: .created, fields: [.location])], problems: [.conflict]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let (id, user) = (UUID.random(), try context.user().id)
      let draft = try ChannelDraft(request.body, id: id, secrets)
      let event = AuditEvent(.createChannel, context, on: AuditEvent.channel(id)).naming(draft.name)
      let made = try await database.change(event) { session throws(Problem) in
        try await draft.add(by: user, to: session)
        return try await shown(id, session)
      }
      return .json(
        ChannelAnswer(shown: made), status: .created, fields: [.location("/api/v1/channels/\(id)")])
    }
  }

  private static func one(_ database: Database) -> Endpoint {
    Endpoint(
      .get, path, id: "getChannel", tag: .notifications, access: .user(.operator),
      summary: "One channel, without its secret.", returns: ChannelAnswer.self
    ) { request, _ async throws(Problem) -> ChannelAnswer in
      ChannelAnswer(shown: try await shown(request.path.uuid("id"), database))
    }
  }

  private static func change(_ database: Database, _ secrets: ChannelSecrets) -> Endpoint {
    Endpoint(
      .patch, path, id: "changeChannel", tag: .notifications, access: .user(.admin), summary: "Change a channel.",
      description: """
        Fields that are missing keep their values; `null` removes a secret or a template. Messages that wait go to the new \
        target. The kind of a channel does not change.
        """,
      body: ChannelPatch.self, returns: ChannelAnswer.self, problems: [.conflict]
    ) { request, context async throws(Problem) -> ChannelAnswer in
      let (id, user) = (request.path.uuid("id"), try context.user().id)
      var event = AuditEvent(.changeChannel, context, on: AuditEvent.channel(id))
      event.details["fields"] = .array(request.body.names.map { .string($0) })
      let changed = try await database.change(event) { session throws(Problem) in
        let draft = try ChannelDraft(try await stored(id, session, locked: true), request.body, secrets)
        try await draft.change(by: user, in: session)
        return try await shown(id, session)
      }
      return ChannelAnswer(shown: changed)
    }
  }

  private static func remove(_ database: Database) -> Endpoint {
    Endpoint(
      .delete, path, id: "deleteChannel", tag: .notifications, access: .user(.admin),
      summary: "Delete a channel, with its waiting messages and its list of deliveries.", returns: NoContent.self
    ) { request, context async throws(Problem) -> NoContent in
      let id = request.path.uuid("id")
      try await database.transaction { session throws(Problem) in
        let name = try await session.query { session throws(DatabaseError) in
          try await session.one(ChannelStatements.remove, id)?.value
        }
        guard let name else { throw Problem(.notFound, "there is no such channel") }
        let event = AuditEvent(.deleteChannel, context, on: AuditEvent.channel(id)).naming(name)
        try await session.query { session throws(DatabaseError) in try await session.audit(event) }
      }
      return NoContent()
    }
  }

  private static func test(_ database: Database, _ delivery: ChannelDelivery) -> Endpoint {
    Endpoint(
      .post, "/api/v1/channels/{id:uuid}/test", id: "testChannel", tag: .notifications, access: .user(.operator),
      summary: "Deliver a test message now, once, and say what the target answers.",
      description: """
        200 says that the try was made; `delivered` says whether the target took the message. It works also for a channel that \
        is off. The answer comes after `notification_deadline` at the latest.
        """, returns: TestDeliveryAnswer.self
    ) { request, context async throws(Problem) -> TestDeliveryAnswer in
      let channel = try await stored(request.path.uuid("id"), database, locked: false)
      let message = NotificationMessage.test(
        id: UUID.random(), at: context.now, url: context.settings.findingsURL(of: []))
      let answer: TestDeliveryAnswer
      do throws(DeliveryFailure) {
        let receipt = try await delivery.deliver(message, to: channel)
        answer = TestDeliveryAnswer(
          id: message.id, isDelivered: true, code: receipt.code, answer: receipt.text, error: nil)
      } catch {
        answer = TestDeliveryAnswer(
          id: message.id, isDelivered: false, code: error.code, answer: error.answer, error: error.sentence)
      }
      var event = AuditEvent(.testChannel, context, on: AuditEvent.channel(channel.id)).naming(channel.name)
      event.details["delivered"] = .bool(answer.isDelivered)
      let line = event
      try await database.query { database throws(DatabaseError) in try await database.audit(line) }
      return answer
    }
  }

  private static func deliveries(_ database: Database) -> Endpoint {
    Endpoint(
      .get, "/api/v1/channels/{id:uuid}/deliveries", id: "listDeliveries", tag: .notifications,
      access: .user(.operator), summary: "The messages of a channel, the newest first.",
      query: DeliveriesQuery.self, returns: Page<DeliveryAnswer>.self
    ) { request, context async throws(Problem) -> Page<DeliveryAnswer> in
      let channel = try await stored(request.path.uuid("id"), database, locked: false)
      let query = request.query
      let filters: [ListFilter.Append] = [{ _, parameters in parameters.append(channel.id) }, query.state]
      let (rows, total) = try await database.query { database throws(DatabaseError) in
        try await DeliveryList.listing.read(query.page, filters, by: nil, context, from: database)
      }
      return Page(rows.map(DeliveryAnswer.init), of: total, query.page)
    }
  }

  private static func shown(_ id: UUID, _ database: some DatabaseClient) async throws(Problem) -> ShownChannel {
    let shown = try await database.query { database throws(DatabaseError) in
      try await database.one(ChannelStatements.shown, id)
    }
    guard let shown else { throw Problem(.notFound, "there is no such channel") }
    return shown
  }

  private static func stored(
    _ id: UUID, _ database: some DatabaseClient, locked: Bool
  ) async throws(Problem) -> Channel {
    let statement = locked ? ChannelStatements.lock : ChannelStatements.byID
    let channel = try await database.query { database throws(DatabaseError) in try await database.one(statement, id) }
    guard let channel else { throw Problem(.notFound, "there is no such channel") }
    return channel
  }
}

struct DeliveriesQuery: QueryParameters {
  let page: PageSelection
  let state: ListFilter.Append

  init(from query: inout QueryReader) {
    page = PageSelection(from: &query)
    state = DeliveryList.listing.filters[1].read(&query)
  }
}

extension AuditEvent {
  /// The name of a channel in the audit trail.
  static func channel(_ id: UUID) -> String { "channel:\(id)" }
}
