// The endpoints that change collectors: at present their labels, of one collector or of all that a filter selects. Labels
// belong to the collector's server.

import Protocol

/// The change of one collector or of several.
struct CollectorPatch: RequestBody {
  let labels: LabelChange

  init(from object: inout ObjectReader) {
    labels = object.required(
      "labels", .labelChange,
      "The labels to change, by their names: a text sets a label, null removes it. Other labels stay.")
  }

  static let example: JSONValue = ["labels": ["env": "production", "team": nil]]
}

/// How many servers a change concerned.
struct CollectorsChanged: ResponseBody {
  let matched: Int
  let changed: Int

  static let example = CollectorsChanged(matched: 12, changed: 9)

  func write(to object: inout ObjectWriter) {
    object.member("matched", matched, "Servers of the selected collectors.")
    object.member("changed", changed, "Servers whose labels differ now.")
  }
}

enum CollectorLabelEndpoints {
  static func all(_ database: Database) -> [Endpoint] { [one(database), many(database)] }

  private static func one(_ database: Database) -> Endpoint {
    Endpoint(
      .patch, CollectorAdminEndpoints.path, id: "changeCollector", tag: .collectors, access: .user(.operator),
      command: "collectors label",
      summary: "Change the labels of a collector's server: a label that is left out stays, and null removes it.",
      description: """
        The labels stay when a new collector takes the server over. A server has at most `labels_per_server` labels.
        """,
      fields: [.ifMatch], body: CollectorPatch.self, returns: HTTPResponse.self,
      answers: [CollectorAdminEndpoints.tagged], problems: [.preconditionFailed]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let id = request.path.uuid("id")
      let change = request.body.labels
      var event = AuditEvent(.labelCollector, context, on: AuditEvent.collector(id))
      event.details["labels"] = .object(change.object)
      let details = try await database.change(event) { session throws(Problem) -> CollectorDetails in
        let details = try await CollectorAdminEndpoints.locked(id, context, in: session)
        guard details.tag.isMatched(by: request.head) else { throw Problem(.preconditionFailed) }
        _ = try await change.apply(
          to: [details.collector.serverID], most: context.settings.labelsPerServer, in: session)
        return try await CollectorAdminEndpoints.locked(id, context, in: session)
      }
      return .json(details, fields: [details.tag.field])
    }
  }

  private static func many(_ database: Database) -> Endpoint {
    Endpoint(
      .patch, "/api/v1/collectors", id: "changeCollectors", tag: .collectors, access: .user(.operator),
      command: "collectors label-matching",
      summary: "Change the labels of the servers of all collectors that the filters select.",
      description: """
        The filters are those of the list; without a filter every collector is selected. The change is made for all \
        servers or for none: if one of them would have more than `labels_per_server` labels, the answer is 422.
        """,
      query: ListFilters<CollectorList>.self, body: CollectorPatch.self, returns: CollectorsChanged.self
    ) { request, context async throws(Problem) -> CollectorsChanged in
      let change = request.body.labels
      var event = AuditEvent(.labelCollectors, context)
      event.details["labels"] = .object(change.object)
      event.details["filter"] = .string(
        String(decoding: request.head.target.rawQuery?.prefix(1024) ?? [], as: UTF8.self))
      let line = event
      return try await database.transaction { session throws(Problem) -> CollectorsChanged in
        let servers = try await session.query { client throws(DatabaseError) in
          try await client.rows(
            as: SingleValue<Int32>.self, CollectorAdminStatements.servers,
            CollectorList.listing.parameters(request.query.values, context)
          ).map(\.value)
        }
        let changed = try await change.apply(to: servers, most: context.settings.labelsPerServer, in: session)
        var event = line
        event.details["changed"] = .integer(Int64(changed))
        let written = event
        try await session.query { client throws(DatabaseError) in try await client.audit(written) }
        return CollectorsChanged(matched: servers.count, changed: changed)
      }
    }
  }
}
