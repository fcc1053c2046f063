// The endpoints that list the monitored servers.

import Protocol

struct ServerAnswer: ResponseBody {
  static let schemaName = "Server"
  let server: MonitoredServer

  static let example = ServerAnswer(
    server: MonitoredServer(
      id: 1, name: "db1", hostname: "db1.example.com", collectorID: UUID(high: 1, low: 2),
      createdAt: Timestamp(unixSeconds: 1_790_000_000), lastSeenAt: nil))

  func write(to object: inout ObjectWriter) {
    object.member("id", server.id)
    object.member("name", server.name)
    object.member("hostname", server.hostname)
    object.nullable("collector_id", server.collectorID)
    object.member("created_at", server.createdAt)
    object.nullable("last_seen_at", server.lastSeenAt)
  }
}

/// What a list of servers is sorted by; `-` before a name: the other way round.
enum ServerOrder: String, CaseIterable, Sendable {
  case id
  case idDescending = "-id"
  case name
  case nameDescending = "-name"
  case hostname
  case hostnameDescending = "-hostname"
  case createdAt = "created_at"
  case createdAtDescending = "-created_at"
  case lastSeenAt = "last_seen_at"
  case lastSeenAtDescending = "-last_seen_at"
}

struct ServersQuery: QueryParameters {
  let page: PageSelection
  let q: String?
  let order: ServerOrder

  init(from query: inout QueryReader) {
    page = PageSelection(from: &query)
    q = query.optional("q", .string(1...255), "A part of the name or of the host name.")
    order = query.optional(
      "sort", .choice(), default: .id, "id", "`-` before a name turns the order round; without a value is last.")
  }
}

enum ServerEndpoints {
  static func all(_ services: Services) -> [Endpoint] { [list(services), one(services)] }

  private static func list(_ services: Services) -> Endpoint {
    Endpoint(
      .get, "/api/v1/servers", id: "listServers", tag: .servers, access: .user(.viewer),
      summary: "The monitored servers.", query: ServersQuery.self, returns: Page<ServerAnswer>.self
    ) { request, _ async throws(Problem) -> Page<ServerAnswer> in
      let (query, selection) = (request.query, request.query.page)
      let (servers, total) = try await services.query { database throws(DatabaseError) in
        let servers = try await database.rows(
          ServerStatements.page, query.q, query.order.rawValue, Int64(selection.size), Int64(selection.offset))
        return (servers, try await database.one(ServerStatements.count, query.q)?.value ?? 0)
      }
      return Page(servers.map(ServerAnswer.init), of: Int(total), selection)
    }
  }

  private static func one(_ services: Services) -> Endpoint {
    Endpoint(
      .get, "/api/v1/servers/{id:int}", id: "getServer", tag: .servers, access: .user(.viewer),
      summary: "One monitored server.", returns: ServerAnswer.self, problems: [.notFound]
    ) { request, _ async throws(Problem) -> ServerAnswer in
      ServerAnswer(server: try await server(request.path.integer("id"), services))
    }
  }

  /// The server with this id. - Throws: `.notFound`
  static func server(_ id: Int64, _ services: Services) async throws(Problem) -> MonitoredServer {
    guard let id = Int32(exactly: id) else { throw Problem(.notFound, "there is no such server") }
    let server = try await services.query { database throws(DatabaseError) in
      try await database.one(ServerStatements.byID, id)
    }
    guard let server else { throw Problem(.notFound, "there is no such server") }
    return server
  }
}
