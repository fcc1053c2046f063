import Ground
import Protocol
import Reactor

/// The parts of a server that its endpoints work with. Each group of endpoints gets those that it needs, and knows no others.
/// No settings are in it: `RequestContext` has those of the request.
struct ServerParts: Sendable {
  /// For what lives longer than a request.
  let settings: LiveSettings
  let reload: SettingsReload
  let database: Database
  /// The connections for metrics queries, and for nothing else.
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
  /// For what takes a processor for long: password hashes.
  let workers: WorkerPool
  /// Nil if it is not installed.
  let swaggerUI: SwaggerUI?
  /// Unix seconds.
  let startedAt: Int64

  /// All endpoints, in the order of the documentation.
  func endpoints() -> [Endpoint] {
    let passwords = Passwords(workers: workers)
    let sessions = Sessions(
      database: database, signingKeys: signingKeys, passwords: passwords,
      gate: LoginGate(database, passwords, settings))
    let office = EnrolmentOffice(
      database: database, identity: identity, signingKeys: signingKeys, directory: directory, refusals: refusals)
    let watched = WatchedServer(
      lanes: lanes, pacing: pacing, identity: identity, signingKeys: signingKeys, storage: storageWatch,
      directory: directory, reload: reload, log: log, startedAt: startedAt)
    var all = SessionEndpoints.all(sessions) + UserEndpoints.all(database, passwords)
    all += AuditEndpoints.all(database) + RegistrationSecretEndpoints.all(database)
    all += CollectorEndpoints.all(office) + CollectorAdminEndpoints.all(database, directory)
    all += ConfigEndpoints.all(database) + [PushEndpoint.declaration]
    all += ServerEndpoints.all(database) + ServerRemovalEndpoints.all(database, removals)
    all += MetricEndpoints.all(database, queries: queries, storage)
    all += [RevocationListEndpoint.declaration(database, identity)]
    all += SystemEndpoints.all(readiness, startedAt: startedAt)
    all += PageEndpoints.all(swaggerUI) { [readiness] in await readiness.databaseAccess() != .none }
    all += [MetricsEndpoint.declaration(watched)]
    return Endpoint.documented(
      all, title: "pgAnalytics", version: Version.api,
      description: "Collectors push metrics of PostgreSQL servers; people read them.")
  }
}
