import Ground
import Protocol
import Reactor

/// The parts of a server that its endpoints use. Each group of endpoints receives only the parts that it needs. The
/// settings of a request are in its `RequestContext`.
struct ServerParts: Sendable {
  /// The settings, for objects that outlive a request.
  let settings: LiveSettings
  let reload: SettingsReload
  let database: Database
  /// The database connections for metrics queries only.
  let queries: Database
  let pacing: QueryPacing
  let storage: StorageKind
  let storageWatch: StorageWatch
  let identity: ServerIdentity
  let signingKeys: SigningKeys
  let directory: CollectorDirectory
  let removals: ServerRemovals
  let refusals: IdentityRefusals
  let channelSecrets: ChannelSecrets
  let channelDelivery: ChannelDelivery
  let notifications: NotificationWatch
  let lanes: LaneRoster
  let log: ServerLog
  let findingWatch: FindingWatch
  let readiness: ReadinessProbe
  /// The threads for long computations, which are password hashes.
  let workers: WorkerPool
  /// The libraries that the pages for browsers use, as far as they are installed.
  let pageLibraries: PageLibraries
  /// The start of the server, in unix seconds.
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
      notifications: notifications, findings: findingWatch, directory: directory, reload: reload, log: log,
      readiness: readiness,
      pools: [.init(name: "endpoints", database: database), .init(name: "metrics_queries", database: queries)],
      startedAt: startedAt)
    var all = SessionEndpoints.all(sessions) + SessionListEndpoints.all(database)
    all += APITokenEndpoints.all(database) + UserEndpoints.all(database, passwords)
    all += AuditEndpoints.all(database) + RegistrationSecretEndpoints.all(database)
    all += CollectorEndpoints.all(office) + CollectorAdminEndpoints.all(database, directory)
    all += CollectorLabelEndpoints.all(database)
    all += ConfigEndpoints.all(database) + [PushEndpoint.declaration]
    all += ServerEndpoints.all(database) + ServerRemovalEndpoints.all(database, removals)
    all += MetricEndpoints.all(database, queries: queries, storage)
    all += ReadEndpoints.all(database, queries: queries, storage)
    all += FindingEndpoints.all(database) + SilenceEndpoints.all(database)
    all += CheckEndpoints.all(database, queries: queries)
    all += ChannelEndpoints.all(database, channelSecrets, channelDelivery)
    all += [RevocationListEndpoint.declaration(database, identity), AuthorityEndpoint.declaration(identity)]
    all += KeyEndpoints.all(database, identity)
    all += SystemEndpoints.all(readiness, startedAt: startedAt)
    all += [StatusEndpoint.declaration(watched)]
    all += PageEndpoints.all(pageLibraries) { [readiness] in await readiness.databaseAccess() != .none }
    all += [MetricsEndpoint.declaration(watched)]
    return Endpoint.documented(
      all, title: "pgAnalytics", version: Version.api,
      description: "Collectors push metrics of PostgreSQL servers; people read them.")
  }
}
