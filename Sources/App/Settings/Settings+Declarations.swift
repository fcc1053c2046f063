// One declaration for each setting: name, unit, help, and when a change takes effect. The environment variable,
// `--set`, the file's key, `pganalytics config`, docs/SETTINGS.md and the effect of SIGHUP derive from the
// declarations. The default is the stored value in `Settings`.

import Logging
import Protocol
import Reactor

/// The name of a setting and how its text is read.
struct SettingDeclaration: Sendable {
  enum Field: Sendable {
    case text(any WritableKeyPath<Settings, String> & Sendable)
    /// One of the listed words.
    case word(any WritableKeyPath<Settings, String> & Sendable, [String])
    case count(any WritableKeyPath<Settings, Int> & Sendable, ClosedRange<Int>)
    case bytes(any WritableKeyPath<Settings, Int> & Sendable, ClosedRange<Int>)
    case time(any WritableKeyPath<Settings, Duration> & Sendable, ClosedRange<Duration>)
    /// Networks such as `10.0.0.0/8,2001:db8::/32`. An address without a length is a network of its own.
    case networks(any WritableKeyPath<Settings, [IPNetwork]> & Sendable)
    /// A time for each of some names: `pg_log=7d,pg_locks=3d`. Only the listed names are allowed.
    case times(any WritableKeyPath<Settings, [String: Duration]> & Sendable, of: [String], ClosedRange<Duration>)
  }

  /// When a changed value takes effect.
  enum Effect: String, Sendable {
    /// At SIGHUP, in the running server.
    case live
    /// At the next start, because the setting is a place or the size of something that is made at the start.
    case restart
  }

  let name: String
  let field: Field
  let help: String
  /// Whether the value must not be shown.
  let isSecret: Bool
  let effect: Effect

  var environmentVariable: String { "PGANALYTICS_" + name.uppercased() }

  init(
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

  /// Settings of earlier versions, with a hint for users who still have them.
  static let gone = [
    "query_rest": queryRestSuccessor, "query_rest_owed": queryRestSuccessor, "query_rest_maximum": queryRestSuccessor,
  ]
  private static let queryRestSuccessor =
    "queries wait only while they make pushes slower: see query_push_slowdown, query_push_delay, query_put_off_maximum"

  /// All settings, in the order of the documentation.
  static let declarations = generalDeclarations + notificationDeclarations

  private static let generalDeclarations: [SettingDeclaration] = [
    .init(
      "listen", .text(\.listen), "Address of the HTTPS listener, HOST:PORT; a name stands for all its addresses.",
      effect: .restart),
    .init(
      "proxy_protocol_from", .networks(\.proxyProtocolFrom),
      "Networks of balancers: a connection from them must begin with a PROXY protocol header."),
    .init(
      "data_dir", .text(\.dataDirectory), "Directory of certificates, credentials and the private PostgreSQL.",
      effect: .restart),
    .init(
      "database_url", .text(\.databaseURL), "libpq connection URL of the database (serve, migrate, user, secret).",
      isSecret: true, effect: .restart),
    .init("loops", .count(\.loops, 0...256), "Event loops; 0 is one per core.", effect: .restart),
    .init("metrics_token", .text(\.metricsToken), "Bearer token that /metrics requires; empty: none.", isSecret: true),
    .init(
      "web_library_dir", .text(\.webLibraryDirectory),
      "Directory of the libraries of the pages, made by scripts/web-libraries: Swagger UI for /docs, uPlot for the charts "
        + "of the console; read at start.",
      effect: .restart),
    .init(
      "log_level", .word(\.logLevel, Logger.Level.allCases.map(\.rawValue)),
      "The least severe lines that are logged."),
    .init(
      "push_log_sample", .count(\.pushLogSample, 0...1_000_000_000),
      "One log line for this many stored pushes; 0: none."),
    .init(
      "push_log_refusals_per_second", .count(\.pushLogRefusalsPerSecond, 0...100_000),
      "Log lines per second for refused and partial pushes; further ones are counted, and the count is logged."),
    .init(
      "log_buffer_bytes", .bytes(\.logBufferBytes, 64 * kib...1 << 30),
      "Bytes of log lines that wait for the reader of standard error; further lines are dropped and counted.",
      effect: .restart),
    .init(
      "log_buffer_urgent_bytes", .bytes(\.logBufferUrgentBytes, 64 * kib...1 << 30),
      "Additional bytes for lines with warnings and errors.", effect: .restart),

    .init("head_bytes", .bytes(\.headBytes, 1024...kib * 1024), "Request head; more is 431."),
    .init("head_fields", .count(\.headFields, 8...1000), "Header fields of a request; more is 431."),
    .init("body_bytes", .bytes(\.bodyBytes, 1024...1 << 40), "Body of a push as sent; more is 413."),
    .init("admin_body_bytes", .bytes(\.adminBodyBytes, 1024...64 * mib), "Body of any other request; more is 413."),
    .init(
      "admin_bytes_in_flight", .bytes(\.adminBytesInFlight, mib...1 << 40),
      "Bodies of requests other than pushes held by the process; more is 503."),
    .init(
      "answer_bytes_in_flight", .bytes(\.answerBytesInFlight, mib...1 << 40),
      "Answers held by the process that clients have not read yet; above that, the oldest are cut off."),
    .init(
      "handshake_deadline", .time(\.handshakeDeadline, .zero...hour),
      "Longest time from accept to the end of the handshake."),
    .init("head_deadline", .time(\.headDeadline, .zero...hour), "Longest time from a head's first byte to its last."),
    .init(
      "body_deadline", .time(\.bodyDeadline, .zero...hour),
      "Longest time for a small body; a large one gets its size divided by body_bytes_per_second."),
    .init(
      "body_bytes_per_second", .bytes(\.bodyBytesPerSecond, 1...1 << 30),
      "Bytes per second that a client has to send of a body, or to read of an answer, at least."),
    .init("idle_deadline", .time(\.idleDeadline, .zero...hour), "How long a connection may be without a request."),
    .init("write_deadline", .time(\.writeDeadline, .zero...hour), "How long a client may read nothing of its answer."),
    .init(
      "linger_deadline", .time(\.lingerDeadline, .zero...hour),
      "Longest pause of a client that still sends a refused body; body_deadline limits all of it."),
    .init(
      "linger_bytes", .bytes(\.lingerBytes, 0...1 << 40),
      "Bytes of a refused body that are read and ignored before the close."),
    .init(
      "drain_deadline", .time(\.drainDeadline, .zero...hour), "Longest time from SIGTERM to the end of the process."),
    .init(
      "drain_spread", .time(\.drainSpread, .zero...hour),
      "Idle connections are closed gradually within this time after SIGTERM; pushes in this time are answered."),
    .init(
      "connections", .count(\.connections, 0...10_000_000), "Open connections; 0 is the descriptor limit minus 64."),
    .init("accepts_per_turn", .count(\.acceptsPerTurn, 1...1024), "New connections per turn of a loop."),
    .init(
      "handshake_budget", .time(\.handshakeBudget, .zero...hour), "Time per turn of a loop for handshakes."),
    .init(
      "unfinished_handshakes", .count(\.unfinishedHandshakes, 1...1_000_000),
      "Handshakes in progress in a loop; further connections wait for theirs to begin."),
    .init(
      "handshakes_per_address", .count(\.handshakesPerAddress, 1...1_000_000),
      "Handshakes in progress of one address in a loop; above, they are closed if another needs the room."),
    .init(
      "anonymous_per_address", .count(\.anonymousPerAddress, 1...10_000_000),
      "Connections of one address (or IPv6 /64) without a client certificate in a loop; above, as handshakes."),
    .init(
      "known_certificates", .count(\.knownCertificates, 0...1 << 28),
      "Verified client certificates that are remembered, so that they are not verified again before their end.",
      effect: .restart),

    .init("inflated_bytes", .bytes(\.inflatedBytes, 1024...4 << 30 - 2), "Inflated body of a push; more is 413."),
    .init("inflate_ratio", .count(\.inflateRatio, 2...100_000), "Inflated bytes per received byte; more is 413."),
    .init(
      "inflate_ratio_grace_bytes", .bytes(\.inflateRatioGraceBytes, 0...1 << 30),
      "Inflated bytes of a push up to which inflate_ratio does not apply."),
    .init("json_depth", .count(\.jsonDepth, 8...512), "Nesting of a push's JSON; more is 400."),
    .init(
      "json_string_bytes", .bytes(\.jsonStringBytes, 1024...64 * mib),
      "One text of a push; the rest of a longer one is cut off."),
    .init(
      "json_window_bytes", .bytes(\.jsonWindowBytes, 64 * kib...64 * mib),
      "JSON of a push held in memory; a metric that does not fit is read row by row."),
    .init("push_metrics", .count(\.pushMetrics, 1...1 << 24), "Elements of `metrics` in a push; more is 413."),
    .init(
      "log_list_lines", .count(\.logListLines, 1...100_000),
      "Remembered lines at the end of a list of log lines: lines that the next list repeats are not stored again."
    ),
    .init(
      "rejects_reported", .count(\.rejectsReported, 1...10_000),
      "Rejected metrics and rows, and altered values, listed in an answer; all are counted."),
    .init(
      "bytes_in_flight", .bytes(\.bytesInFlight, mib...1 << 42), "Rows and bodies held by the process; more is 503."),
    .init(
      "pause_bytes", .bytes(\.pauseBytes, mib...1 << 42),
      "Rows and bodies held by the process above which pushes stay in the sockets until some are stored."),
    .init(
      "collector_bytes_in_flight", .bytes(\.collectorBytesInFlight, kib...1 << 40),
      "Rows and bodies that a loop holds for one collector; a further push above that is 429."),
    .init("pushes_per_minute", .count(\.pushesPerMinute, 1...1_000_000), "Pushes of one collector; more is 429."),
    .init(
      "push_bytes_per_second", .bytes(\.pushBytesPerSecond, kib...1 << 40),
      "Bytes that one collector sends per second; more is 429."),
    .init(
      "check_in_interval", .time(\.checkInInterval, .seconds(1)...year),
      "Interval that the answer to a push asks for, with jitter."),
    .init("known_ids", .count(\.knownIDs, 1024...1 << 28), "Names that a loop remembers as stored.", effect: .restart),

    .init("writer_connections", .count(\.writerConnections, 1...16), "COPY connections per loop.", effect: .restart),
    .init("batch_rows", .count(\.batchRows, 1...10_000_000), "Rows of a transaction, unless one push has more."),
    .init(
      "batch_bytes", .bytes(\.batchBytes, kib...1 << 34), "Bytes of rows in a transaction, unless one push has more."),
    .init("batch_pushes", .count(\.batchPushes, 1...10_000), "Pushes of a transaction."),
    .init("batch_linger", .time(\.batchLinger, .zero...hour), "How long an idle writer waits for more pushes."),
    .init(
      "commit_deadline", .time(\.commitDeadline, .seconds(1)...hour),
      "Longest time from a push's last byte to its commit; then 503."
    ),
    .init(
      "commits_stalled_after", .time(\.commitsStalledAfter, .seconds(1)...hour),
      "If the database is silent to two writers for this long, and no commit ends, the server is not ready."),
    .init("lock_timeout", .time(\.lockTimeout, .zero...hour), "PostgreSQL lock_timeout of writers."),
    .init("copy_timeout", .time(\.copyTimeout, .zero...hour), "PostgreSQL statement_timeout of writers."),
    .init(
      "witness_wait", .time(\.witnessWait, .zero...hour),
      "How long a refused push waits for others to commit rows in its table, which proves its own at fault."
    ),
    .init(
      "division_rest", .time(\.divisionRest, .seconds(1)...hour),
      "How long pushes for a table that refuses all rows get 503 at once, before a batch is divided again."),
    .init(
      "refusal_probe", .time(\.refusalProbe, .milliseconds(10)...hour),
      "Time between two pushes that probe a table at fault."),

    .init(
      "retention", .time(\.retention, .seconds(86_400)...year), "Age at which metric rows are dropped, and refused."),
    .init(
      "type_retention", .times(\.typeRetention, of: MetricCatalog.types.map(\.name), .seconds(86_400)...year * 10),
      "Different ages for single metric types: `pg_log=7d,pg_locks=3d`."),
    .init(
      "maintenance_interval", .time(\.maintenanceInterval, .seconds(1)...day), "Time between two rounds of maintenance."
    ),
    .init(
      "rollup_retention", .time(\.rollupRetention, .seconds(86_400)...year * 10),
      "Age at which hourly roll-ups are dropped."),
    .init(
      "fine_rollup_retention", .time(\.fineRollupRetention, .seconds(86_400)...year * 10),
      "Age at which roll-ups of 5 minutes are dropped; they are kept at least as long as rows."),
    .init("rollup_interval", .time(\.rollupInterval, .seconds(1)...day), "Time between two rounds of rolling up."),
    .init("rollup_delay", .time(\.rollupDelay, .zero...day), "Time from a bucket's end until it is rolled up."),
    .init("rollup_timeout", .time(\.rollupTimeout, .seconds(1)...day), "PostgreSQL statement_timeout of rolling up."),
    .init("rollup_servers", .count(\.rollupServers, 1...100_000), "Servers rolled up in one transaction."),
    .init(
      "rollup_span", .time(\.rollupSpan, .seconds(300)...day), "Longest time span rolled up in one transaction."),
    .init(
      "rollup_decompressed_rows", .count(\.rollupDecompressedRows, 0...1 << 30),
      "Compressed rows that rolling up several servers at once may unpack (TimescaleDB); above, one by one."),
    .init(
      "rollup_failures", .count(\.rollupFailures, 1...10_000),
      "Failures in a round after which what fails of a server's table is not divided further, but waits."),
    .init(
      "rollup_retry", .time(\.rollupRetry, .seconds(1)...day),
      "Pause before a step of rolling up that failed is tried again; each further failure doubles it."),
    .init("rollup_retry_maximum", .time(\.rollupRetryMaximum, .seconds(1)...year), "Longest pause between two tries."),
    .init("partitions_ahead", .count(\.partitionsAhead, 1...60), "Days whose partitions exist before they begin."),
    .init("clock_skew", .time(\.clockSkew, .zero...year), "How far in the future a metric's time may lie."),
    .init(
      "compress_after", .time(\.compressAfter, .seconds(86_400)...year), "Age at compression of chunks (TimescaleDB)."),
    .init(
      "removal_rows", .count(\.removalRows, 100...10_000_000),
      "Rows per transaction of removing a server."),
    .init("removal_pause", .time(\.removalPause, .zero...hour), "Pause between two transactions of removing a server."),

    .init(
      "finding_interval", .time(\.findingInterval, .milliseconds(100)...hour),
      "Time between two rounds of evaluating checks: a finding opens at most this and 5 s after its push."),
    .init(
      "finding_timeout", .time(\.findingTimeout, .milliseconds(10)...hour),
      "PostgreSQL statement_timeout of one check for a batch of servers; a check that exceeds it is reported."),
    .init(
      "finding_servers", .count(\.findingServers, 1...10_000), "Servers that one statement of a check evaluates."),
    .init(
      "finding_retention", .time(\.findingRetention, day...year * 10),
      "Age at which ended findings and silences are dropped."
    ),
    .init(
      "backtest_evaluations", .count(\.backtestEvaluations, 1...100_000_000),
      "Steps of a backtest times its servers; more is 422."),
    .init(
      "backtest_timeout", .time(\.backtestTimeout, .seconds(1)...hour), "Longest time of a backtest; then 503."),

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
      "Database connections of metrics queries; they are separate, so that long queries do not block logins.",
      effect: .restart),
    .init(
      "query_queue_deadline", .time(\.queryQueueDeadline, .milliseconds(10)...hour),
      "How long a metrics query waits for a connection; then 503."),
    .init(
      "query_workers", .count(\.queryWorkers, 0...64),
      "Parallel workers of a metrics query (PostgreSQL max_parallel_workers_per_gather); they have no low priority."),
    .init(
      "query_nice", .count(\.queryNice, 0...19),
      "nice(2) of a local PostgreSQL's processes for metrics queries, from their next connection on; 0: unchanged."
    ),
    .init(
      "query_push_slowdown", .count(\.queryPushSlowdown, 0...10_000),
      "By how many percent metrics queries may slow pushes down on average; above that, queries wait."),
    .init(
      "query_push_delay", .time(\.queryPushDelay, .zero...hour),
      "Additional delay by queries, as a total of all batches of a second; so a few pushes do not delay queries."),
    .init(
      "query_share_minimum", .count(\.queryShareMinimum, 0...100),
      "Share of the time, in percent, in which one query may work while queries slow pushes down by less than half."),
    .init(
      "query_put_off_maximum", .time(\.queryPutOffMaximum, .zero...hour),
      "Longest wait of a metrics query for pushes, at most half of query_queue_deadline; 0s: no wait."
    ),
    .init("query_rows", .count(\.queryRows, 1...1_000_000), "Rows of one metrics query in JSON; more is 400."),
    .init(
      "read_section_rows", .count(\.readSectionRows, 1...100_000),
      "Rows of a section of a read that has no pages; the answer says whether there are more."),
    .init(
      "read_sort_bytes", .bytes(\.readSortBytes, mib...(4 * 1024 * mib)),
      "PostgreSQL work_mem of a read: memory of one sort or hash table, of query_connections at once."),
    .init(
      "read_range_maximum", .time(\.readRangeMaximum, .seconds(60)...(year * 10)),
      "Longest range of a read; more is 400."),
    .init("stream_rows", .count(\.streamRows, 1...1_000_000_000), "Rows of one metrics query in CSV or NDJSON."),
    .init(
      "stream_timeout", .time(\.streamTimeout, .milliseconds(10)...day),
      "PostgreSQL statement_timeout of metrics queries in CSV or NDJSON; waiting for a slow client counts."),
    .init(
      "stream_unsent_bytes", .bytes(\.streamUnsentBytes, 64 * kib...64 * mib),
      "Rows of one answer that wait for its client, as rows and again as unsent bytes; above, the database waits."),

    .init("access_token_life", .time(\.accessTokenLife, .seconds(1)...year), "Life of a user's access token."),
    .init(
      "refresh_token_life", .time(\.refreshTokenLife, .seconds(1)...year),
      "Life of a user's session after its login or last refresh."),
    .init(
      "refresh_grace", .time(\.refreshGrace, .zero...hour),
      "How long a browser may still send the cookie that a refresh has replaced; it then gets the same successor."),
    .init(
      "api_token_life_maximum", .time(\.apiTokenLifeMaximum, .seconds(60)...year * 10),
      "Longest life that an API token may be given; more is 422."),
    .init("collector_token_life", .time(\.collectorTokenLife, .seconds(1)...year), "Life of a collector's token."),
    .init("certificate_life", .time(\.certificateLife, .seconds(60)...year), "Life of a collector's certificate."),
    .init(
      "certificate_grace", .time(\.certificateGrace, .zero...year),
      "How long after its end a certificate can still be renewed."),
    .init(
      "enrolment_permit_life", .time(\.enrolmentPermitLife, .seconds(1)...year),
      "How long a permit to enrol again is valid, and how long an unused enrolment may be repeated."),
    .init(
      "reenrolment", .word(\.reenrolment, Reenrolment.allCases.map(\.rawValue)),
      "What happens if an enrolled host registers: 409 until permitted, a new identity for its server, or a new collector."
    ),
    .init(
      "labels_per_server", .count(\.labelsPerServer, 1...1000),
      "The most labels of a server; an enrolment gives it the labels of its secret up to this number."),
    .init("offline_after", .time(\.offlineAfter, .seconds(1)...year), "Silence after which a collector is offline."),
    .init(
      "server_certificate_life", .time(\.serverCertificateLife, hour...year),
      "Life of a server certificate made by the server; it is renewed in its last third."),
    .init(
      "authority_life", .time(\.authorityLife, hour...year * 30), "Life of the certificate authority.", effect: .restart
    ),
    .init(
      "reload_interval", .time(\.reloadInterval, .milliseconds(100)...hour),
      "How often certificates and keys are checked for changes; SIGHUP checks at once."),
    .init(
      "signing_key_life", .time(\.signingKeyLife, .seconds(60)...year),
      "Age at which the key that signs tokens is replaced; it verifies while its tokens are in use."),
    .init(
      "signing_key_lead", .time(\.signingKeyLead, .zero...hour),
      "How long a new signing key only verifies, until every server has read it."),
    .init("crl_life", .time(\.crlLife, .seconds(60)...year), "How long a list of revoked certificates is valid."),
    .init(
      "logins_per_account_minute", .count(\.loginsPerAccountMinute, 1...100_000), "Logins of one account; more is 429."),
    .init(
      "logins_per_address_minute", .count(\.loginsPerAddressMinute, 1...100_000),
      "Logins from one address; more is 429."),
    .init(
      "login_lockout_failures", .count(\.loginLockoutFailures, 1...1000),
      "Failed logins in a row from an address after which the name is locked for that address; then 429."),
    .init(
      "login_lockout_addresses", .count(\.loginLockoutAddresses, 1...1000),
      "Addresses from which a name's logins must have failed for it to be locked for all addresses."),
    .init(
      "login_lockout", .time(\.loginLockout, .seconds(1)...year),
      "First lock-out of a name; each further failure doubles it."),
    .init(
      "login_lockout_maximum", .time(\.loginLockoutMaximum, .seconds(1)...year),
      "Longest lock-out, and how long failures are remembered after the last lock-out or failure."),
    .init(
      "audit_retention", .time(\.auditRetention, .seconds(86_400)...year * 10),
      "Age at which lines of the audit trail are dropped."),
    .init(
      "audit_refusals_per_minute", .count(\.auditRefusalsPerMinute, 1...1_000_000),
      "Refused logins and refreshes that a server writes to the audit trail per minute; more are counted."),
  ]
}
