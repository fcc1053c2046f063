// The endpoints that remove a monitored server with all its stored data.

import Ground
import Protocol

struct ServerRemovalAnswer: ResponseBody {
  enum Status: String, CaseIterable, ResponseValue { case running, finished }

  static let schemaName = "ServerRemoval"
  let removal: ServerRemoval

  static let example = ServerRemovalAnswer(
    removal: ServerRemoval(
      serverID: 1, name: "db1", hostname: "db1.example.com", requestedAt: Timestamp(unixSeconds: 1_790_000_000),
      table: "metrics.pg_stat_user_tables_p20261130", rowsRemoved: 120_000, failure: nil, finishedAt: nil))

  func write(to object: inout ObjectWriter) {
    object.member("server_id", removal.serverID)
    object.member("name", removal.name)
    object.member("hostname", removal.hostname)
    object.member("status", removal.finishedAt == nil ? Status.running : .finished)
    object.member("requested_at", removal.requestedAt)
    object.nullable("table", removal.table, "The table or partition whose rows are being removed.")
    object.member("rows_removed", removal.rowsRemoved, "So far.")
    object.nullable("failure", removal.failure, "Why the last step failed; the server tries it again.")
    object.nullable("finished_at", removal.finishedAt)
  }
}

enum ServerRemovalEndpoints {
  /// How much longer than `commit_deadline` a push may be in flight after its collector was revoked.
  private static let margin = Duration.seconds(5)

  static func all(_ database: Database, _ removals: ServerRemovals) -> [Endpoint] {
    [remove(database, removals), progress(database)]
  }

  private static func remove(_ database: Database, _ removals: ServerRemovals) -> Endpoint {
    Endpoint(
      .delete, "/api/v1/servers/{id:int}", id: "removeServer", tag: .servers, access: .user(.admin),
      summary: "Remove a server and all its stored data.",
      description: """
        409 while one of its collectors is not revoked. The server removes the rows in small steps (`removal_rows`, \
        `removal_pause`) and continues after a crash. The removal cannot be undone: the collectors can no longer be \
        permitted to enrol again. `Location` is the URL of the progress. The last step waits until no push can be in \
        flight any more (`commit_deadline` after the revocation).
        """,
      returns: HTTPResponse.self,
      answers: [.json(ServerRemovalAnswer.self, status: .accepted, fields: [.location])], problems: [.conflict]
    ) { request, context async throws(Problem) -> HTTPResponse in
      guard let id = Int32(exactly: request.path.integer("id")) else {
        throw Problem(.notFound, "there is no such server")
      }
      let wait = context.settings.commitDeadline + margin
      let removal = try await database.change(AuditEvent(.removeServer, context, on: AuditEvent.server(id))) {
        session throws(Problem) -> ServerRemoval in
        let collectors = try await session.query { client throws(DatabaseError) in
          try await client.rows(ServerRemovalStatements.collectors, id)
        }
        if let live = collectors.first(where: { !$0.isRevoked }) {
          throw Problem(.conflict, "collector \(live.id) of the server is not revoked")
        }
        let removal = try await session.query { client throws(DatabaseError) -> ServerRemoval? in
          let seconds = Double(wait.wholeMilliseconds) / 1000
          guard try await client.one(ServerRemovalStatements.request, id, seconds) != nil else { return nil }
          try await client.execute(ServerRemovalStatements.endPermits, id)
          return try await client.one(ServerRemovalStatements.one, id)
        }
        guard let removal else { throw Problem(.notFound, "there is no such server") }
        return removal
      }
      removals.ask()
      return .json(
        ServerRemovalAnswer(removal: removal), status: .accepted, fields: [.location("/api/v1/servers/\(id)/removal")])
    }
  }

  private static func progress(_ database: Database) -> Endpoint {
    Endpoint(
      .get, "/api/v1/servers/{id:int}/removal", id: "getServerRemoval", tag: .servers, access: .user(.viewer),
      reach: .server, command: "servers removal",
      summary: "The progress of a server's removal.",
      description: "Available for `audit_retention` after the server is gone.", returns: ServerRemovalAnswer.self
    ) { request, _ async throws(Problem) -> ServerRemovalAnswer in
      let id = Int32(exactly: request.path.integer("id"))
      let removal = try await database.query { database throws(DatabaseError) -> ServerRemoval? in
        guard let id else { return nil }
        return try await database.one(ServerRemovalStatements.one, id)
      }
      guard let removal else { throw Problem(.notFound, "the server is not being removed") }
      return ServerRemovalAnswer(removal: removal)
    }
  }
}
