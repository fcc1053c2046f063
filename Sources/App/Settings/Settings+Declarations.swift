// One row a setting: name, unit, help, and when a change of it counts. The environment variable, `--set`, the file's key,
// `pganalytics config`, docs/SETTINGS.md and what SIGHUP changes derive from the rows; the default is the stored
// value in `Settings`.

import Logging
import Protocol
import Reactor

/// What a setting is called and how its text is read.
struct SettingDeclaration: Sendable {
  enum Field: Sendable {
    case text(any WritableKeyPath<Settings, String> & Sendable)
    /// One of the words.
    case word(any WritableKeyPath<Settings, String> & Sendable, [String])
    case count(any WritableKeyPath<Settings, Int> & Sendable, ClosedRange<Int>)
    case bytes(any WritableKeyPath<Settings, Int> & Sendable, ClosedRange<Int>)
    case time(any WritableKeyPath<Settings, Duration> & Sendable, ClosedRange<Duration>)
    /// Networks, `10.0.0.0/8,2001:db8::/32`; an address without a length is one.
    case networks(any WritableKeyPath<Settings, [IPNetwork]> & Sendable)
    /// A time for each of some names, of these: `pg_log=7d,pg_locks=3d`.
    case times(any WritableKeyPath<Settings, [String: Duration]> & Sendable, of: [String], ClosedRange<Duration>)
  }

  /// When a changed value counts.
  enum Effect: String, Sendable {
    /// At SIGHUP, in the running server.
    case live
    /// At the next start: it says where things are, or how large something is made at the start.
    case restart
  }

  let name: String
  let field: Field
  let help: String
  /// Not to be shown.
  let isSecret: Bool
  let effect: Effect

  var environmentVariable: String { "PGANALYTICS_" + name.uppercased() }

  fileprivate init(
    _ name: String, _ field: Field, _ help: String, isSecret: Bool = false, effect: Effect = .live
  ) {
    self.name = name
    self.field = field
    self.help = help
    self.isSecret = isSecret
    self.effect = effect
  }
}

extension Settings {
  private static let kib = 1024
  private static let mib = 1024 * 1024
  private static let hour = Duration.seconds(3600)
  private static let day = Duration.seconds(86_400)
  private static let year = Duration.seconds(366 * 86_400)

  /// Settings of earlier versions, and what is to be said to who still has them.
  static let gone = [
    "query_rest": queryRestSuccessor, "query_rest_owed": queryRestSuccessor, "query_rest_maximum": queryRestSuccessor,
  ]
  private static let queryRestSuccessor =
    "queries wait only while they make pushes slower: see query_push_slowdown, query_push_delay, query_put_off_maximum"

  static let declarations: [SettingDeclaration] = [
    .init(
      "listen", .text(\.listen), "Address of the HTTPS listener, HOST:PORT; a name has all its addresses.",
      effect: .restart),
    .init(
      "proxy_protocol_from", .networks(\.proxyProtocolFrom),
      "Balancers, as networks: a connection from them begins with a PROXY protocol header or is closed."),
    .init(
      "data_dir", .text(\.dataDirectory), "Directory of certificates, credentials and the private PostgreSQL.",
      effect: .restart),
    .init(
      "database_url", .text(\.databaseURL), "libpq connection URL of the database (serve, migrate, user, secret).",
      isSecret: true, effect: .restart),
    .init("loops", .count(\.loops, 0...256), "Event loops; 0 is one a core.", effect: .restart),
    .init("metrics_token", .text(\.metricsToken), "Bearer token that /metrics asks for; empty: none.", isSecret: true),
    .init(
      "swagger_ui_dir", .text(\.swaggerUIDirectory),
      "Directory with swagger-ui-bundle.js and swagger-ui.css of Swagger UI 5, for /docs; read at start.",
      effect: .restart),
    .init(
      "log_level", .word(\.logLevel, Logger.Level.allCases.map(\.rawValue)),
      "The least severe lines that are logged."),
    .init(
      "push_log_sample", .count(\.pushLogSample, 0...1_000_000_000), "One log line in so many stored pushes; 0: none."),
    .init(
      "push_log_refusals_per_second", .count(\.pushLogRefusalsPerSecond, 0...100_000),
      "Log lines a second of refused and partial pushes; more are counted, and the count is logged."),
    .init(
      "log_buffer_bytes", .bytes(\.logBufferBytes, 64 * kib...1 << 30),
      "Log lines that wait for whoever reads standard error; more are dropped and counted.", effect: .restart),
    .init(
      "log_buffer_urgent_bytes", .bytes(\.logBufferUrgentBytes, 64 * kib...1 << 30),
      "The same beyond those, for warnings and errors alone.", effect: .restart),

    .init("head_bytes", .bytes(\.headBytes, 1024...kib * 1024), "Request head; more is 431."),
    .init("head_fields", .count(\.headFields, 8...1000), "Header fields of a request; more is 431."),
    .init("body_bytes", .bytes(\.bodyBytes, 1024...1 << 40), "Body of a push on the wire; more is 413."),
    .init("admin_body_bytes", .bytes(\.adminBodyBytes, 1024...64 * mib), "Body of any other request; more is 413."),
    .init(
      "admin_bytes_in_flight", .bytes(\.adminBytesInFlight, mib...1 << 40),
      "Such bodies held by the process; more is 503."),
    .init(
      "answer_bytes_in_flight", .bytes(\.answerBytesInFlight, mib...1 << 40),
      "Answers held by the process for clients that don't take them; with more, those that wait longest are cut off."),
    .init("handshake_deadline", .time(\.handshakeDeadline, .zero...hour), "From accept to the end of the handshake."),
    .init("head_deadline", .time(\.headDeadline, .zero...hour), "From a head's first byte to its last."),
    .init("body_deadline", .time(\.bodyDeadline, .zero...hour), "Least time for a body; a longer one has size / rate."),
    .init(
      "body_bytes_per_second", .bytes(\.bodyBytesPerSecond, 1...1 << 30),
      "Slowest body, or client taking an answer, that is waited for, a second."),
    .init("idle_deadline", .time(\.idleDeadline, .zero...hour), "Keep-alive connection without a request."),
    .init("write_deadline", .time(\.writeDeadline, .zero...hour), "Client that takes nothing of its answer."),
    .init(
      "linger_deadline", .time(\.lingerDeadline, .zero...hour),
      "Pause of a client that still sends a refused body; body_deadline is for all of it."),
    .init("linger_bytes", .bytes(\.lingerBytes, 0...1 << 40), "Refused body that is read past before the close."),
    .init("drain_deadline", .time(\.drainDeadline, .zero...hour), "From SIGTERM to the end of the process."),
    .init(
      "drain_spread", .time(\.drainSpread, .zero...hour),
      "Idle connections are closed little by little within this time after SIGTERM; a push meanwhile is answered."),
    .init(
      "connections", .count(\.connections, 0...10_000_000), "Open connections; 0 is the descriptor limit less 64."),
    .init("accepts_per_turn", .count(\.acceptsPerTurn, 1...1024), "New connections a turn of a loop."),
    .init(
      "handshake_budget", .time(\.handshakeBudget, .zero...hour), "Time a turn of a loop gives to handshakes."),
    .init(
      "unfinished_handshakes", .count(\.unfinishedHandshakes, 1...1_000_000),
      "Handshakes under way in a loop; other connections wait for theirs to begin."),
    .init(
      "handshakes_per_address", .count(\.handshakesPerAddress, 1...1_000_000),
      "Of those, an address's share: what it has beyond makes room when another address waits and there is none."),
    .init(
      "anonymous_per_address", .count(\.anonymousPerAddress, 1...10_000_000),
      "Connections of an address in a loop without a client certificate, likewise; an IPv6 /64 is one address."),
    .init(
      "known_certificates", .count(\.knownCertificates, 0...1 << 28),
      "Client certificates remembered as genuine, so that they are not verified again before they end.",
      effect: .restart),

    .init("inflated_bytes", .bytes(\.inflatedBytes, 1024...4 << 30 - 2), "Inflated body of a push; more is 413."),
    .init("inflate_ratio", .count(\.inflateRatio, 2...100_000), "Inflated bytes a wire byte; more is 413."),
    .init(
      "inflate_ratio_grace_bytes", .bytes(\.inflateRatioGraceBytes, 0...1 << 30), "Inflated bytes free of the ratio."),
    .init("json_depth", .count(\.jsonDepth, 8...512), "Nesting of a push's JSON; more is 400."),
    .init(
      "json_string_bytes", .bytes(\.jsonStringBytes, 1024...64 * mib),
      "One text of a push; the rest of a longer one is cut off."),
    .init(
      "json_window_bytes", .bytes(\.jsonWindowBytes, 64 * kib...64 * mib),
      "JSON held at once a push; a metric that does not fit is read row by row."),
    .init("push_metrics", .count(\.pushMetrics, 1...1 << 24), "Elements of `metrics` in a push; more is 413."),
    .init(
      "log_list_lines", .count(\.logListLines, 1...100_000),
      "Lines at the end of a list of log lines that are remembered: what the next list begins with of them is not stored again."
    ),
    .init(
      "rejects_reported", .count(\.rejectsReported, 1...10_000),
      "Rejected metrics and rows, and altered values, listed in an answer; all are counted."),
    .init(
      "bytes_in_flight", .bytes(\.bytesInFlight, mib...1 << 42), "Rows and bodies held by the process; more is 503."),
    .init(
      "pause_bytes", .bytes(\.pauseBytes, mib...1 << 42),
      "Rows and bodies held by the process above which pushes are left in the sockets until some are stored."),
    .init(
      "collector_bytes_in_flight", .bytes(\.collectorBytesInFlight, kib...1 << 40),
      "Rows and bodies that a loop holds of one collector, with which a further push beside them is 429."),
    .init("pushes_per_minute", .count(\.pushesPerMinute, 1...1_000_000), "Pushes of one collector; more is 429."),
    .init(
      "push_bytes_per_second", .bytes(\.pushBytesPerSecond, kib...1 << 40), "Wire bytes of one collector; more is 429."),
    .init("check_in_interval", .time(\.checkInInterval, .seconds(1)...year), "What a push answer asks for, jittered."),
    .init("known_ids", .count(\.knownIDs, 1024...1 << 28), "Names a loop remembers as stored.", effect: .restart),

    .init("writer_connections", .count(\.writerConnections, 1...16), "COPY connections a loop.", effect: .restart),
    .init("batch_rows", .count(\.batchRows, 1...10_000_000), "Rows of a transaction, unless one push has more."),
    .init("batch_bytes", .bytes(\.batchBytes, kib...1 << 34), "Rows of a transaction in bytes, likewise."),
    .init("batch_pushes", .count(\.batchPushes, 1...10_000), "Pushes of a transaction."),
    .init("batch_linger", .time(\.batchLinger, .zero...hour), "How long an idle writer waits for more pushes."),
    .init(
      "commit_deadline", .time(\.commitDeadline, .seconds(1)...hour), "From a push's last byte to its commit; then 503."
    ),
    .init(
      "commits_stalled_after", .time(\.commitsStalledAfter, .seconds(1)...hour),
      "Silence of the database for which two writers wait, with no commit meanwhile, and the server is not ready."),
    .init("lock_timeout", .time(\.lockTimeout, .zero...hour), "PostgreSQL lock_timeout of writers."),
    .init("copy_timeout", .time(\.copyTimeout, .zero...hour), "PostgreSQL statement_timeout of writers."),
    .init(
      "witness_wait", .time(\.witnessWait, .zero...hour),
      "How long a push that PostgreSQL refuses waits for another's rows in the same table, which show whose fault it is."
    ),
    .init(
      "division_rest", .time(\.divisionRest, .seconds(1)...hour),
      "How long pushes for a table that refuses everybody's rows get 503 at once, before a batch is divided again."),
    .init(
      "refusal_probe", .time(\.refusalProbe, .milliseconds(10)...hour),
      "Between two pushes that try such a table meanwhile."),

    .init(
      "retention", .time(\.retention, .seconds(86_400)...year), "Age at which metric rows are dropped, and refused."),
    .init(
      "type_retention", .times(\.typeRetention, of: MetricCatalog.types.map(\.name), .seconds(86_400)...year * 10),
      "Other ages at which rows of some metric types are dropped: `pg_log=7d,pg_locks=3d`."),
    .init(
      "maintenance_interval", .time(\.maintenanceInterval, .seconds(1)...day), "Between two rounds of maintenance."),
    .init(
      "rollup_retention", .time(\.rollupRetention, .seconds(86_400)...year * 10),
      "Age at which hourly roll-ups are dropped."),
    .init(
      "fine_rollup_retention", .time(\.fineRollupRetention, .seconds(86_400)...year * 10),
      "Age at which roll-ups of 5 minutes are dropped; they stay as long as rows in any case."),
    .init("rollup_interval", .time(\.rollupInterval, .seconds(1)...day), "Between two rounds of rolling up."),
    .init("rollup_delay", .time(\.rollupDelay, .zero...day), "From a bucket's end until it is rolled up."),
    .init("rollup_timeout", .time(\.rollupTimeout, .seconds(1)...day), "PostgreSQL statement_timeout of rolling up."),
    .init("rollup_servers", .count(\.rollupServers, 1...100_000), "Servers rolled up in one transaction."),
    .init(
      "rollup_span", .time(\.rollupSpan, .seconds(300)...day), "Longest stretch of time rolled up in one transaction."),
    .init(
      "rollup_decompressed_rows", .count(\.rollupDecompressedRows, 0...1 << 30),
      "Compressed rows that rolling up several servers at once may unpack (TimescaleDB); beyond, each goes by itself."),
    .init(
      "rollup_failures", .count(\.rollupFailures, 1...10_000),
      "Failures of a server's table in a round of rolling up after which the rest of it waits."),
    .init(
      "rollup_retry", .time(\.rollupRetry, .seconds(1)...day),
      "Pause before a step of rolling up that failed is tried again; each further failure doubles it."),
    .init("rollup_retry_maximum", .time(\.rollupRetryMaximum, .seconds(1)...year), "The longest such pause."),
    .init("partitions_ahead", .count(\.partitionsAhead, 1...60), "Days whose partitions exist before they begin."),
    .init("clock_skew", .time(\.clockSkew, .zero...year), "How far in the future a metric's time may lie."),
    .init(
      "compress_after", .time(\.compressAfter, .seconds(86_400)...year), "Age of compressed chunks (TimescaleDB)."),
    .init(
      "removal_rows", .count(\.removalRows, 100...10_000_000),
      "Rows in one transaction of removing a server."),
    .init("removal_pause", .time(\.removalPause, .zero...hour), "Between two transactions of removing a server."),

    .init(
      "admin_connections", .count(\.adminConnections, 1...64), "Database connections of the REST API.", effect: .restart
    ),
    .init("admin_queue", .count(\.adminQueue, 1...100_000), "REST statements waiting for a connection; more is 503."),
    .init(
      "admin_queue_deadline", .time(\.adminQueueDeadline, .milliseconds(10)...hour),
      "How long a REST statement waits for a connection; then 503."),
    .init(
      "query_timeout", .time(\.queryTimeout, .milliseconds(10)...hour), "PostgreSQL statement_timeout of the REST API."),
    .init(
      "query_connections", .count(\.queryConnections, 1...64),
      "Database connections of metrics queries; they are no others', so that long ones keep nobody from logging in.",
      effect: .restart),
    .init(
      "query_queue_deadline", .time(\.queryQueueDeadline, .milliseconds(10)...hour),
      "How long a metrics query waits for a connection; then 503."),
    .init(
      "query_workers", .count(\.queryWorkers, 0...64),
      "Parallel workers of a metrics query (PostgreSQL max_parallel_workers_per_gather); they have no low priority."),
    .init(
      "query_nice", .count(\.queryNice, 0...19),
      "nice(2) of PostgreSQL's processes for metrics queries, from their next connection on, if it runs here; 0: as it is."
    ),
    .init(
      "query_push_slowdown", .count(\.queryPushSlowdown, 0...10_000),
      "How many percent slower pushes may be on average because of metrics queries; beyond that, queries wait."),
    .init(
      "query_push_delay", .time(\.queryPushDelay, .zero...hour),
      "What queries may delay all pushes of a second by, together, beside that: few pushes put no query off."),
    .init(
      "query_put_off_maximum", .time(\.queryPutOffMaximum, .zero...hour),
      "How long a metrics query waits for the sake of pushes, and half of query_queue_deadline at most; 0s: not at all."
    ),
    .init("query_rows", .count(\.queryRows, 1...1_000_000), "Rows of one metrics query in JSON; more is 400."),
    .init("stream_rows", .count(\.streamRows, 1...1_000_000_000), "Rows of one metrics query in CSV or NDJSON."),
    .init(
      "stream_timeout", .time(\.streamTimeout, .milliseconds(10)...day),
      "PostgreSQL statement_timeout of metrics queries in CSV or NDJSON; the client's own slowness counts."),
    .init(
      "stream_unsent_bytes", .bytes(\.streamUnsentBytes, 64 * kib...64 * mib),
      "Rows of one answer waiting for its client, twice: made and unsent; beyond, the database has to wait."),

    .init("access_token_life", .time(\.accessTokenLife, .seconds(1)...year), "Life of a user's access token."),
    .init(
      "refresh_token_life", .time(\.refreshTokenLife, .seconds(1)...year),
      "Life of a user's session after its login or last refresh."),
    .init("collector_token_life", .time(\.collectorTokenLife, .seconds(1)...year), "Life of a collector's token."),
    .init("certificate_life", .time(\.certificateLife, .seconds(60)...year), "Life of a collector's certificate."),
    .init(
      "certificate_grace", .time(\.certificateGrace, .zero...year),
      "How long after its end a certificate can still be renewed."),
    .init(
      "enrolment_permit_life", .time(\.enrolmentPermitLife, .seconds(1)...year),
      "How long a collector may enrol again as itself once it is permitted, or if it was never used."),
    .init(
      "reenrolment", .word(\.reenrolment, Reenrolment.allCases.map(\.rawValue)),
      "What an enrolled host gets that registers: a 409 until it is permitted, its server anew, or another collector."),
    .init("offline_after", .time(\.offlineAfter, .seconds(1)...year), "Silence after which a collector is offline."),
    .init(
      "server_certificate_life", .time(\.serverCertificateLife, hour...year),
      "Life of a server certificate that we make; it is renewed in its last third."),
    .init(
      "authority_life", .time(\.authorityLife, hour...year * 30), "Life of the certificate authority.", effect: .restart
    ),
    .init(
      "reload_interval", .time(\.reloadInterval, .milliseconds(100)...hour),
      "How often certificates and keys are looked at for changes; SIGHUP looks at once."),
    .init(
      "signing_key_life", .time(\.signingKeyLife, .seconds(60)...year),
      "Age at which the key that signs tokens is replaced; it verifies until its last token is of no use."),
    .init(
      "signing_key_lead", .time(\.signingKeyLead, .zero...hour),
      "How long a new signing key only verifies, until every server has read it."),
    .init("crl_life", .time(\.crlLife, .seconds(60)...year), "How long a list of revoked certificates is good."),
    .init(
      "logins_per_account_minute", .count(\.loginsPerAccountMinute, 1...100_000), "Logins of one account; more is 429."),
    .init(
      "logins_per_address_minute", .count(\.loginsPerAddressMinute, 1...100_000),
      "Logins from one address; more is 429."),
    .init(
      "login_lockout_failures", .count(\.loginLockoutFailures, 1...1000),
      "Failed logins in a row by which a name is locked for their address; then 429."),
    .init(
      "login_lockout_addresses", .count(\.loginLockoutAddresses, 1...1000),
      "Addresses from which a name's logins must have failed for it to be locked for all addresses."),
    .init(
      "login_lockout", .time(\.loginLockout, .seconds(1)...year),
      "First lock-out of a name; each further failure doubles it."),
    .init(
      "login_lockout_maximum", .time(\.loginLockoutMaximum, .seconds(1)...year),
      "Longest lock-out, and how long after the last one failures are remembered."),
    .init("audit_retention", .time(\.auditRetention, .seconds(86_400)...year * 10), "Age of the audit trail's end."),
    .init(
      "audit_refusals_per_minute", .count(\.auditRefusalsPerMinute, 1...1_000_000),
      "Refused logins and refreshes a server writes to the audit trail; more are counted."),
  ]
}
