// The endpoints for health, version and the API's document.

import Ground
import Protocol

struct HealthAnswer: ResponseBody {
  let reasons: [Unreadiness]
  let now: Timestamp
  let uptime: Int64

  /// - Parameter startedAt: unix seconds.
  init(reasons: [Unreadiness], now: Timestamp, startedAt: Int64) {
    self.reasons = reasons
    self.now = now
    uptime = now.unixMicroseconds / 1_000_000 - startedAt
  }

  static let example = HealthAnswer(
    reasons: [], now: Timestamp(unixSeconds: 1_790_000_000), startedAt: 1_789_996_400)
  static let schemaName = "Health"

  private var isDatabaseReachable: Bool { !reasons.contains(.databaseUnreachable) }

  func write(to object: inout ObjectWriter) {
    object.member("status", reasons.isEmpty ? "ok" : "degraded")
    object.member("version", Version.text)
    object.member("timestamp", now)
    object.member("uptime", uptime, "Seconds.")
    object.member("database_ok", isDatabaseReachable)
    object.member("timescale_ok", isDatabaseReachable, "The same database; kept for older clients.")
    object.member(
      "reasons", reasons.map(UnreadinessAnswer.init),
      "Reasons not to send requests here. `storage_jobs_failing` alone does not prevent requests.")
  }
}

struct UnreadinessAnswer: ResponseBody {
  let reason: Unreadiness

  static let schemaName = "Unreadiness"
  static let example = UnreadinessAnswer(.databaseUnreachable)

  init(_ reason: Unreadiness) { self.reason = reason }

  func write(to object: inout ObjectWriter) {
    object.member("reason", reason.rawValue, Unreadiness.allCases.map(\.rawValue).joined(separator: ", ") + ".")
    object.member("message", reason.sentence)
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
  /// - Parameter startedAt: unix seconds.
  static func all(_ readiness: ReadinessProbe, startedAt: Int64) -> [Endpoint] {
    [
      health(readiness, startedAt), live, ready(readiness, startedAt),
      version("/api/v1/version", id: "getVersion", command: "health version"),
      version("/version", id: "getVersionAtRoot"),
    ]
  }

  private static func health(_ readiness: ReadinessProbe, _ startedAt: Int64) -> Endpoint {
    Endpoint(
      .get, "/api/v1/health", id: "getHealth", tag: .system, access: .anyone,
      summary: "Whether the server and its database work: 200, else 503.", returns: HTTPResponse.self,
      answers: [
        .json(HealthAnswer.self), .json(HealthAnswer.self, status: .serviceUnavailable, prose: "Database unreachable."),
      ], isProbe: true
    ) { _, context async throws(Problem) -> HTTPResponse in
      let answer = HealthAnswer(
        reasons: await readiness.reasons(), now: context.now, startedAt: startedAt)
      return answer.response(answer.reasons.contains(.databaseUnreachable) ? .serviceUnavailable : .ok)
    }
  }

  private static func ready(_ readiness: ReadinessProbe, _ startedAt: Int64) -> Endpoint {
    Endpoint(
      .get, "/api/v1/health/ready", id: "getReadiness", tag: .system, access: .anyone,
      summary: "Whether to send requests here: 200, else 503 with the reasons.", returns: HTTPResponse.self,
      answers: [
        .json(HealthAnswer.self),
        .json(HealthAnswer.self, status: .serviceUnavailable, prose: "Not ready: see `reasons`."),
      ], isProbe: true
    ) { _, context async throws(Problem) -> HTTPResponse in
      let answer = HealthAnswer(
        reasons: await readiness.reasons(), now: context.now, startedAt: startedAt)
      return answer.response(answer.reasons.contains(where: \.isBlocking) ? .serviceUnavailable : .ok)
    }
  }

  private static let live = Endpoint(
    .get, "/api/v1/health/live", id: "getLiveness", tag: .system, access: .anyone,
    summary: "Whether the process answers.", returns: LivenessAnswer.self, isProbe: true
  ) { _, _ async throws(Problem) -> LivenessAnswer in LivenessAnswer() }

  private static func version(_ path: PathPattern, id: String, command: CommandRule = .derived) -> Endpoint {
    Endpoint(
      .get, path, id: id, tag: .system, access: .anyone, command: command,
      summary: "The versions of program and API.",
      returns: VersionAnswer.self
    ) { _, _ async throws(Problem) -> VersionAnswer in VersionAnswer() }
  }
}
