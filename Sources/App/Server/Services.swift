import Ground
import Protocol
import Reactor

/// Everything that the handlers of endpoints need, except settings: `RequestContext` has the settings of the request.
struct Services: Sendable {
  /// The settings for anything that lives longer than a request.
  let live: FollowedSettings
  let reload: SettingsReload
  let database: Database
  /// The connections for metrics queries only.
  let queries: Database
  let pacing: QueryPacing
  let storage: StorageKind
  let storageWatch: StorageWatch
  let identity: ServerIdentity
  let signingKeys: SigningKeys
  let directory: CollectorDirectory
  let removals: ServerRemovals
  let refusals: IdentityRefusals
  let lanes: LaneRoster
  let log: ServerLog
  let readiness: ReadinessProbe
  /// For work that occupies a processor for long: password hashes.
  let workers: WorkerPool
  /// Nil if Swagger UI is not installed.
  let swaggerUI: SwaggerUI?
  /// The start of the server in unix seconds.
  let startedAt: Int64

  /// Issues and reads tokens with the current keys.
  var tokens: Tokens { signingKeys.tokens }
}

/// All endpoints, in the order of the documentation.
enum Endpoints {
  static func all(_ services: Services) -> [Endpoint] {
    let declared =
      SessionEndpoints.all(services) + UserEndpoints.all(services) + AuditEndpoints.all(services)
      + RegistrationSecretEndpoints.all(services) + CollectorEndpoints.all(services)
      + CollectorAdminEndpoints.all(services) + ConfigEndpoints.all(services)
      + [PushEndpoint.declaration] + ServerEndpoints.all(services) + ServerRemovalEndpoints.all(services)
      + MetricEndpoints.all(services) + [RevocationListEndpoint.declaration(services)] + SystemEndpoints.all(services)
      + PageEndpoints.all(services) + [MetricsEndpoint.declaration(services)]
    return Endpoint.documented(
      declared, title: "pgAnalytics", version: Version.api,
      description: "Collectors push metrics of PostgreSQL servers; people read them.")
  }
}

extension Services {
  /// Runs database work for an endpoint. A failure becomes a problem.
  @discardableResult
  func query<Value>(_ work: (Database) async throws(DatabaseError) -> Value) async throws(Problem) -> Value {
    try await database.query(work)
  }
}

extension DatabaseClient {
  /// The same on this client, such as the session of a transaction.
  @discardableResult
  func query<Value>(_ work: (Self) async throws(DatabaseError) -> Value) async throws(Problem) -> Value {
    do throws(DatabaseError) { return try await work(self) } catch { throw Problem(error) }
  }
}
