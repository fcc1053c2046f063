// A collector's configuration: TOML, in versions.

import Protocol

struct ConfigBody: TextBody {
  static let types: [MediaType] = [.toml, .plainText]
  static let maximumBytes = TOMLLimits().documentBytes
  static let example = "[collector]\ninterval = 60\n"

  let toml: String

  init(text: String) throws(Problem) {
    do throws(TOMLError) { _ = try TOMLDocument.parse(Array(text.utf8).span) } catch {
      throw Problem(.validationFailed, error.description)
    }
    toml = text
  }
}

struct ConfigAnswer: ResponseBody {
  let collector: UUID
  let version: Int32

  static let example = ConfigAnswer(collector: UUID(high: 1, low: 2), version: 3)

  func write(to object: inout ObjectWriter) {
    object.member("status", "success")
    object.member("collector_id", collector)
    object.member("version", version)
    object.member("message", "Configuration stored; collectors take it with their next pull.")
  }
}

enum ConfigEndpoints {
  static func all(_ services: Services) -> [Endpoint] { [read(services), write(services)] }

  private static let versionField = "X-Config-Version"

  private static func read(_ services: Services) -> Endpoint {
    Endpoint(
      .get, "/api/v1/config/{collector_id}", id: "getCollectorConfig", tag: .configuration,
      access: .collectorOrUser(.viewer), summary: "The latest configuration, as TOML.",
      description: """
        A collector gets its own. The stock collector asks by the name in its file (`collector-001`) instead of by its \
        id: a name that is no UUID stands for the collector of the token.
        """,
      returns: HTTPResponse.self,
      answers: [
        .text(
          example: ConfigBody.example,
          fields: [.init(name: versionField, schema: .integer, prose: "The version, from 1.")]),
        .empty(.notModified, prose: "The client's copy is the latest (If-None-Match)."),
      ],
      problems: [.notFound]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let id = try collector(request.path.text("collector_id"), for: context.principal)
      let config = try await services.query { database throws(DatabaseError) in
        try await database.one(ConfigStatements.latest, id)
      }
      guard let config else { throw Problem(.notFound, "the collector has no configuration") }
      let tag = EntityTag("\(id)-\(config.version)")
      let fields = [tag.field, HTTPField(versionField, String(config.version))]
      if tag.isKnown(to: request.head) { return HTTPResponse(status: .notModified, fields: fields) }
      return HTTPResponse(
        status: .ok, fields: fields + [HTTPField("Content-Type", MediaType.plainText.description)],
        body: Array(config.toml.utf8))
    }
  }

  private static func write(_ services: Services) -> Endpoint {
    Endpoint(
      .put, "/api/v1/config/{collector_id:uuid}", id: "putCollectorConfig", tag: .configuration,
      access: .user(.operator), summary: "Store the next version of a collector's configuration.",
      body: ConfigBody.self, returns: ConfigAnswer.self, problems: [.notFound]
    ) { request, context async throws(Problem) -> ConfigAnswer in
      let id = request.path.uuid("collector_id")
      guard case .user(let user) = context.principal else { throw Problem(.unauthenticated) }
      let config = try await services.query { database throws(DatabaseError) in
        try await database.one(ConfigStatements.add, id, request.body.toml, user.id)
      }
      guard let config else { throw Problem(.notFound, "there is no such collector") }
      return ConfigAnswer(collector: id, version: config.version)
    }
  }

  private static func collector(_ text: String, for principal: Principal) throws(Problem) -> UUID {
    switch principal {
    // Had the path named another, the request would not have been admitted.
    case .collector(let collector): return collector.id
    case .user:
      guard let id = UUID(text) else { throw Problem(.notFound, "\"\(text)\" is not a UUID") }
      return id
    case .anonymous: throw Problem(.unauthenticated)
    }
  }
}
