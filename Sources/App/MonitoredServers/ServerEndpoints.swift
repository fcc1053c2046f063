// The endpoints that list the monitored servers.

import Protocol

struct ServerAnswer: ResponseBody {
  static let schemaName = "Server"
  let server: MonitoredServer

  static let example = ServerAnswer(
    server: MonitoredServer(
      id: 1, name: "db1", labels: LabelSet(["env": "production"]), hostname: "db1.example.com",
      collectorID: UUID(high: 1, low: 2),
      createdAt: Timestamp(unixSeconds: 1_790_000_000), lastSeenAt: nil))

  func write(to object: inout ObjectWriter) {
    object.member("id", server.id)
    object.member("name", server.name)
    object.member("labels", server.labels)
    object.member("hostname", server.hostname)
    object.nullable("collector_id", server.collectorID)
    object.member("created_at", server.createdAt)
    object.nullable("last_seen_at", server.lastSeenAt)
  }
}

enum ServerList: List {
  static let listing = Listing<MonitoredServer>(
    "servers", columns: ServerStatements.columns, from: "pganalytics.servers s",
    filters: [
      ListFilter("q", .string(1...255), "A part of the name or of the host name.") {
        "strpos(lower(s.name), lower(\($0))) > 0 OR strpos(lower(s.hostname), lower(\($0))) > 0"
      },
      ServerFilter.list(server: "s.id"), LabelFilter.list(server: "s.id"),
    ],
    sorts: [
      ListSort("id", by: "s.id", Int32.self), ListSort("name", by: "s.name", String.self),
      ListSort("hostname", by: "s.hostname", String.self),
      ListSort("created_at", by: "s.created_at", Timestamp.self),
      ListSort("last_seen_at", by: "s.last_seen_at", Timestamp.self),
    ], last: "s.id")
}

enum ServerEndpoints {
  static func all(_ database: Database) -> [Endpoint] { [list(database), one(database)] }

  private static func list(_ database: Database) -> Endpoint {
    Endpoint(
      list: ServerList.self, "/api/v1/servers", id: "listServers", tag: .servers, access: .user(.viewer),
      reach: .selection,
      summary: "The monitored servers.", from: database
    ) { ServerAnswer(server: $0) }
  }

  private static func one(_ database: Database) -> Endpoint {
    Endpoint(
      .get, "/api/v1/servers/{id:int}", id: "getServer", tag: .servers, access: .user(.viewer),
      reach: .server,
      summary: "One monitored server.", returns: ServerAnswer.self, problems: [.notFound]
    ) { request, _ async throws(Problem) -> ServerAnswer in
      ServerAnswer(server: try await server(request.path.integer("id"), database))
    }
  }

  /// The server with this id. - Throws: `.notFound`
  static func server(_ id: Int64, _ database: Database) async throws(Problem) -> MonitoredServer {
    guard let id = Int32(exactly: id) else { throw Problem(.notFound, "there is no such server") }
    let server = try await database.query { database throws(DatabaseError) in
      try await database.one(ServerStatements.byID, id)
    }
    guard let server else { throw Problem(.notFound, "there is no such server") }
    return server
  }
}
