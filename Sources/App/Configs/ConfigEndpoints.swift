// The endpoints for a collector's configuration: a TOML text in versions.

import Protocol

enum ConfigEndpoints {
  static func all(_ database: Database) -> [Endpoint] {
    [read(database), write(database), versions(database), version(database), diff(database)]
  }

  private static let versionField = "X-Config-Version"
  private static let tomlAnswer = AnswerDeclaration.text(
    example: ConfigBody.example,
    fields: [
      .init(name: versionField, schema: .integer, prose: "The version, from 1."),
      .init(name: "ETag", schema: .string, prose: "Identifies the version, for If-None-Match and If-Match."),
    ])
  private static let unchanged = AnswerDeclaration.empty(
    .notModified, prose: "The client's copy is the same (If-None-Match).")

  private static func read(_ database: Database) -> Endpoint {
    Endpoint(
      .get, "/api/v1/config/{collector_id}", id: "getCollectorConfig", tag: .configuration,
      access: .collectorOrUser(.viewer),
      reach: .collector("collector_id"), command: "collectors config get",
      summary: "The latest configuration, as TOML.",
      description: """
        A collector gets its own configuration. The stock collector uses the name in its file (`collector-001`) instead of \
        its id: a name that is not a UUID stands for the token's collector. The server records the version that a \
        collector got as its effective version.
        """,
      fields: [.ifNoneMatch], returns: HTTPResponse.self, answers: [tomlAnswer, unchanged]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let id = try collector(request.path.text("collector_id"), for: context.principal)
      let config = try await database.query { database throws(DatabaseError) in
        try await database.one(ConfigStatements.latest, id)
      }
      guard let config else { throw Problem(.notFound, "the collector has no configuration") }
      if case .collector = context.principal {
        try await database.query { database throws(DatabaseError) in
          try await database.execute(ConfigStatements.pulled, id, config.version)
        }
      }
      return answer(config, of: id, to: request.head)
    }
  }

  private static func write(_ database: Database) -> Endpoint {
    Endpoint(
      .put, "/api/v1/config/{collector_id}", id: "putCollectorConfig", tag: .configuration,
      access: .user(.operator), command: "collectors config put",
      summary: "Store the next version of a collector's configuration.",
      description: """
        The text, `text/plain` or `application/toml`, must be TOML 1.0 and not empty; the answer names a fault with line \
        and column. A text that equals the latest version stores nothing, so a PUT may be repeated. With `If-Match` the \
        text is stored only if the latest version has that ETag.
        """,
      fields: [.ifMatch], body: ConfigBody.self, returns: HTTPResponse.self,
      answers: [
        .json(
          ConfigAnswer.self,
          fields: [.init(name: "ETag", schema: .string, prose: "The ETag of the version that is now the latest.")])
      ], problems: [.preconditionFailed]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let id = try collector(request.path.text("collector_id"), for: context.principal)
      let user = try context.user()
      let answer = try await database.transaction { session throws(Problem) -> ConfigAnswer in
        let latest = try await session.query { client throws(DatabaseError) in
          try await client.one(ConfigStatements.lockVersion, id)?.value
        }
        guard let latest else { throw Problem(.notFound, "there is no such collector") }
        try request.body.validate()
        guard (latest == 0 ? nil : tag(id, latest)).isMatched(by: request.head) else {
          throw Problem(.preconditionFailed, "the latest version is \(latest)")
        }
        return try await session.query { client throws(DatabaseError) in
          if latest > 0, try await client.one(ConfigStatements.one, id, latest)?.toml == request.body.toml {
            return ConfigAnswer(collector: id, version: latest, isNew: false)
          }
          try await client.execute(ConfigStatements.add, id, request.body.toml, user.id)
          var event = AuditEvent(.writeConfig, context, on: AuditEvent.collector(id))
          event.details["version"] = .integer(Int64(latest) + 1)
          try await client.audit(event)
          return ConfigAnswer(collector: id, version: latest + 1, isNew: true)
        }
      }
      return .json(answer, fields: [tag(id, answer.version).field])
    }
  }

  private static func versions(_ database: Database) -> Endpoint {
    Endpoint(
      .get, "/api/v1/config/{collector_id:uuid}/versions", id: "listConfigVersions", tag: .configuration,
      access: .user(.viewer), reach: .collector("collector_id"), command: "collectors config versions",
      summary: "All versions of a collector's configuration, the newest first.",
      query: ConfigVersionsQuery.self, returns: Page<ConfigVersionAnswer>.self, problems: [.notFound]
    ) { request, _ async throws(Problem) -> Page<ConfigVersionAnswer> in
      let id = request.path.uuid("collector_id")
      let selection = request.query.page
      let (latest, rows) = try await database.query { database throws(DatabaseError) in
        let latest = try await database.one(ConfigStatements.latestVersion, id)
        return (
          latest, try await database.rows(ConfigStatements.page, id, Int64(selection.size), Int64(selection.offset))
        )
      }
      // Versions have no gaps, so the number of the latest is their count.
      guard let total = latest?.value else { throw Problem(.notFound, "there is no such collector") }
      return Page(rows.map(ConfigVersionAnswer.init), of: Int(total), selection)
    }
  }

  private static func version(_ database: Database) -> Endpoint {
    Endpoint(
      .get, "/api/v1/config/{collector_id:uuid}/versions/{version:int}", id: "getConfigVersion", tag: .configuration,
      access: .user(.viewer), reach: .collector("collector_id"), command: "collectors config show",
      summary: "One version of a collector's configuration, as TOML.", fields: [.ifNoneMatch],
      returns: HTTPResponse.self, answers: [tomlAnswer, unchanged]
    ) { request, _ async throws(Problem) -> HTTPResponse in
      let id = request.path.uuid("collector_id")
      return answer(try await config(id, request.path.integer("version"), database), of: id, to: request.head)
    }
  }

  private static func diff(_ database: Database) -> Endpoint {
    Endpoint(
      .get, "/api/v1/config/{collector_id:uuid}/diff", id: "diffConfigVersions", tag: .configuration,
      access: .user(.viewer), reach: .collector("collector_id"), command: "collectors config diff",
      summary: "What changed between two versions, as a unified diff.",
      description: "Empty if the versions are equal. Version 0, the one before the first, is empty.",
      query: ConfigDiffQuery.self, returns: HTTPResponse.self,
      answers: [.text(example: "--- version 1\n+++ version 2\n@@ -1,1 +1,1 @@\n-interval = 60\n+interval = 30\n")]
    ) { request, _ async throws(Problem) -> HTTPResponse in
      let id = request.path.uuid("collector_id")
      let new: CollectorConfig
      if let to = request.query.to {
        new = try await config(id, Int64(to), database)
      } else {
        let latest = try await database.query { database throws(DatabaseError) in
          try await database.one(ConfigStatements.latest, id)
        }
        guard let latest else { throw Problem(.notFound, "the collector has no configuration") }
        new = latest
      }
      let from = request.query.from.map(Int64.init) ?? Int64(new.version) - 1
      let old = from == 0 ? "" : try await config(id, from, database).toml
      let text = UnifiedDiff.render(old, new.toml, oldName: "version \(from)", newName: "version \(new.version)")
      return HTTPResponse(
        status: .ok, fields: [HTTPField("Content-Type", MediaType.plainText.description)], body: Array(text.utf8))
    }
  }

  private static func config(
    _ id: UUID, _ version: Int64, _ database: Database
  ) async throws(Problem) -> CollectorConfig {
    guard let number = Int32(exactly: version) else { throw Problem(.notFound, "there is no version \(version)") }
    let config = try await database.query { database throws(DatabaseError) in
      try await database.one(ConfigStatements.one, id, number)
    }
    guard let config else { throw Problem(.notFound, "there is no version \(version)") }
    return config
  }

  private static func answer(_ config: CollectorConfig, of id: UUID, to head: HTTPRequestHead) -> HTTPResponse {
    let tag = tag(id, config.version)
    let fields = [tag.field, HTTPField(versionField, String(config.version))]
    if tag.isKnown(to: head) { return HTTPResponse(status: .notModified, fields: fields) }
    return HTTPResponse(
      status: .ok, fields: fields + [HTTPField("Content-Type", MediaType.plainText.description)],
      body: Array(config.toml.utf8))
  }

  private static func tag(_ id: UUID, _ version: Int32) -> EntityTag { EntityTag("\(id)-\(version)") }

  private static func collector(_ text: String, for principal: Principal) throws(Problem) -> UUID {
    switch principal {
    // A request whose path names another collector is not admitted.
    case .collector(let collector): return collector.id
    case .user:
      guard let id = UUID(text) else { throw Problem(.notFound, "\"\(text)\" is not a UUID") }
      return id
    case .anonymous: throw Problem(.unauthenticated)
    }
  }
}
