// Health, version and the document of the API.

import Protocol

struct HealthAnswer: ResponseBody {
  let isHealthy: Bool
  let now: Timestamp
  let uptime: Int64

  static let example = HealthAnswer(isHealthy: true, now: Timestamp(unixSeconds: 1_790_000_000), uptime: 3600)
  static let schemaName = "Health"

  func write(to object: inout ObjectWriter) {
    object.member("status", isHealthy ? "ok" : "degraded")
    object.member("version", Version.text)
    object.member("timestamp", now)
    object.member("uptime", uptime, "Seconds.")
    object.member("database_ok", isHealthy)
    object.member("timescale_ok", isHealthy, "The same database; kept for older clients.")
  }
}

struct LivenessAnswer: ResponseBody {
  static let schemaName = "Liveness"
  static let example = LivenessAnswer()
  func write(to object: inout ObjectWriter) { object.member("status", "ok") }
}

struct VersionAnswer: ResponseBody {
  static let schemaName = "Version"
  static let example = VersionAnswer()

  func write(to object: inout ObjectWriter) {
    object.member("version", Version.text)
    object.member("api", Version.api)
  }
}

enum SystemEndpoints {
  static func all(_ services: Services) -> [Endpoint] {
    [
      health(services), live, ready(services), version("/api/v1/version", id: "getVersion"),
      version("/version", id: "getVersionAtRoot"),
    ]
  }

  private static func health(_ services: Services) -> Endpoint {
    Endpoint(
      .get, "/api/v1/health", id: "getHealth", tag: .system, access: .anyone,
      summary: "Whether the server and its database work: 200, else 503.", returns: HTTPResponse.self,
      answers: [
        .json(HealthAnswer.self), .json(HealthAnswer.self, status: .serviceUnavailable, prose: "The database is away."),
      ]
    ) { _, context async throws(Problem) -> HTTPResponse in await healthAnswer(services, context) }
  }

  private static func ready(_ services: Services) -> Endpoint {
    Endpoint(
      .get, "/api/v1/health/ready", id: "getReadiness", tag: .system, access: .anyone,
      summary: "Whether to send requests here: 200, else 503.", returns: HTTPResponse.self,
      answers: [
        .json(HealthAnswer.self), .json(HealthAnswer.self, status: .serviceUnavailable, prose: "The database is away."),
      ]
    ) { _, context async throws(Problem) -> HTTPResponse in await healthAnswer(services, context) }
  }

  private static let live = Endpoint(
    .get, "/api/v1/health/live", id: "getLiveness", tag: .system, access: .anyone,
    summary: "Whether the process answers.", returns: LivenessAnswer.self
  ) { _, _ async throws(Problem) -> LivenessAnswer in LivenessAnswer() }

  private static func healthAnswer(_ services: Services, _ context: RequestContext) async -> HTTPResponse {
    let isHealthy = await services.isDatabaseReachable()
    let answer = HealthAnswer(
      isHealthy: isHealthy, now: context.now, uptime: context.now.unixMicroseconds / 1_000_000 - services.startedAt)
    return answer.response(isHealthy ? .ok : .serviceUnavailable)
  }

  private static func version(_ path: PathPattern, id: String) -> Endpoint {
    Endpoint(
      .get, path, id: id, tag: .system, access: .anyone, summary: "The versions of program and API.",
      returns: VersionAnswer.self
    ) { _, _ async throws(Problem) -> VersionAnswer in VersionAnswer() }
  }
}

extension Services {
  func isDatabaseReachable() async -> Bool {
    do throws(DatabaseError) { return try await database.one(SystemStatements.ping) != nil } catch { return false }
  }
}

enum SystemStatements {
  static let all = [ping.description]
  static let ping = Statement<SingleValue<Int32>>("ping", "SELECT 1 AS one")
}
