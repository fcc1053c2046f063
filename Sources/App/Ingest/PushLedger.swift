// The ledger in SQL: which pushes are stored, and the statements that look pushes up and enter them. See
// docs/INGEST.md, "Exactly once".
//
// The writer's message begins with these statements. The first one takes the locks of the batch's servers, except for
// those that another transaction has. The others run with a later snapshot, so they see everything that earlier holders
// of the locks have committed. So only one transaction at a time judges and enters a push, whichever server received
// it.
//
//   locks     the servers whose locks the transaction has; a setting of the transaction hands them to the next statements
//   quick     pushes of one day without a key: entered if the ledger has none with the same first metric, the usual case
//   careful   the others: whether one is stored already, begins with a stored one, or uses the key of another
//   log ends  for entered pushes with log lines: reads the end of the stored log list and replaces it by their own
//
// A writer prepares the statements once a session: planning them takes ten times as long as running them.

import Protocol

enum PushLedger {
  /// The first number of each server's advisory lock; the second is the server's id.
  static let lockClass: Int32 = 0x7067_6C64  // "pgld"
  /// The largest number of pushes of one day with the same first metric that a statement compares, the longest first.
  /// It holds for each search: for a push that this one begins with, and for a push that begins with this one.
  static let relatives = 10_000

  /// Which statement of the message a result answers.
  enum Answer: Equatable {
    /// One row: an array of the servers whose locks the transaction has.
    case locks
    /// A result that the writer does not read: the next statements use it within the database.
    case legacy
    /// The ids of the pushes that are entered.
    case quick
    /// One row for each push whose server's lock the transaction has: `push_id`, `verdict`, `begun_metrics`,
    /// `begun_id`.
    case careful
    /// The stored ends of log lists that the batch's pushes replace: `push_id`, `database_id`, `lines`.
    case logEnds
  }

  /// The careful statement's judgement of a push.
  enum Verdict: String {
    /// The push is entered. If `begun_metrics` is not NULL, that many of its first metrics are stored as the push
    /// `begun_id`.
    case new
    /// All of the push is stored already.
    case known
    /// The push's `Idempotency-Key` belongs to other metrics.
    case reused
  }

  // MARK: Prepared statements

  /// The statements that prepare a writer's session; they may be sent again. The plans must suit every push. They are
  /// made once, so they must suit an empty partition and the same partition when it is full. The settings ensure that,
  /// and do not affect a writer's other statements.
  static let preparation = """
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off;
    DEALLOCATE ALL;
    PREPARE push_locks(int4[]) AS \(locks);
    PREPARE push_quick(date,uuid[],int4[],int8[],int4[],bytea[]) AS \(quick);
    PREPARE push_careful(date,uuid[],int4[],int8[],int4[],bytea[],bool[],uuid[]) AS
    \(careful(of: "unnest($2,$3,$4,$5,$6,$7,$8)"));
    PREPARE push_log_ends(date,uuid[],int4[],int8[],int4[],int8[],bytea[]) AS \(logEnds);
    """

  private static let heldSetting = "pganalytics.held_servers"
  private static let legacySetting = "pganalytics.legacy_pushes"
  private static let isHeld = "v.server_id=ANY((SELECT current_setting('\(heldSetting)')::int4[])::int4[])"
  /// Whether the older ledger has the push. If that ledger is still read, an earlier statement has looked the push up.
  private static let isLegacy =
    "v.push_id=ANY((SELECT coalesce(nullif(current_setting('\(legacySetting)',true),''),'{}')::uuid[])::uuid[])"

  /// Parameters: servers. Never waits.
  private static let locks = """
    SELECT set_config('\(heldSetting)',coalesce(array_agg(s),'{}')::text,true) \
    FROM unnest($1) AS s WHERE pg_try_advisory_xact_lock(\(lockClass),s)
    """

  /// Parameters: day; then arrays with the id, server, head, number of metrics and chain of each push.
  private static let quick = """
    INSERT INTO pganalytics.push_ledger(day,server_id,head,metrics,push_id,chain) \
    SELECT $1,server_id,head,metrics,push_id,chain \
    FROM unnest($2,$3,$4,$5,$6) AS v(push_id,server_id,head,metrics,chain) WHERE \(isHeld) AND NOT \(isLegacy) \
    AND (SELECT true FROM \(dated(of: "v")) LIMIT 1) IS NULL AND (SELECT true FROM \(undated(of: "v")) LIMIT 1) IS NULL \
    ON CONFLICT DO NOTHING RETURNING push_id
    """

  /// Parameters: day, which may be NULL.
  /// - Parameter pushes: for each push the values that `quick` takes, whether it is entered under its day, and the hash
  ///   of its key.
  private static func careful(of pushes: String) -> String {
    let tables = [dated(of: "p"), undated(of: "p")]
    func first(_ lookUps: [String]) -> String { "coalesce(\(lookUps.map { "(\($0))" }.joined(separator: ",")))" }
    let exact = first(tables.map { "SELECT true FROM \($0) AND l.metrics=p.metrics AND l.push_id=p.push_id" })
    let covering = first(
      tables.map {
        """
        SELECT true FROM (SELECT l.chain FROM \($0) AND l.metrics>p.metrics ORDER BY l.metrics DESC LIMIT \(relatives)) l \
        WHERE p.metrics=1 OR substring(l.chain FROM 8*p.metrics-15 FOR 8)=substring(uuid_send(p.push_id) FOR 8) LIMIT 1
        """
      })
    let beginnings = tables.map {
      """
      (SELECT l.metrics,l.push_id FROM (SELECT l.metrics,l.push_id FROM \($0) AND l.metrics<p.metrics \
      ORDER BY l.metrics DESC LIMIT \(relatives)) l \
      WHERE l.metrics=1 OR substring(p.chain FROM 8*l.metrics-15 FOR 8)=substring(uuid_send(l.push_id) FOR 8))
      """
    }
    return """
      WITH p AS MATERIALIZED (SELECT v.*,\(isLegacy) AS is_legacy FROM \(pushes) \
      AS v(push_id,server_id,head,metrics,chain,is_dated,key_hash) WHERE \(isHeld)),\
      j AS MATERIALIZED (SELECT p.*,b.metrics AS begun_metrics,b.push_id AS begun_id,\
      (SELECT k.push_id FROM pganalytics.push_keys k WHERE k.server_id=p.server_id AND k.key_hash=p.key_hash) AS key_push,\
      \(exact) AS is_exact,\(covering) AS is_covered \
      FROM p LEFT JOIN LATERAL (\(beginnings.joined(separator: " UNION ALL ")) ORDER BY 1 DESC LIMIT 1) b ON true),\
      k AS (INSERT INTO pganalytics.push_keys(server_id,key_hash,push_id) SELECT server_id,key_hash,push_id FROM j \
      WHERE key_hash IS NOT NULL AND key_push IS NULL AND NOT is_legacy ON CONFLICT DO NOTHING),\
      n AS MATERIALIZED (SELECT * FROM j WHERE key_push IS NULL AND NOT is_legacy AND is_exact IS NULL AND is_covered IS NULL),\
      d AS (INSERT INTO pganalytics.push_ledger(day,server_id,head,metrics,push_id,chain) \
      SELECT $1,server_id,head,metrics,push_id,chain FROM n WHERE is_dated ON CONFLICT DO NOTHING RETURNING push_id),\
      u AS (INSERT INTO pganalytics.push_ledger_undated(server_id,head,metrics,push_id,chain) \
      SELECT server_id,head,metrics,push_id,chain FROM n WHERE NOT is_dated ON CONFLICT DO NOTHING RETURNING push_id) \
      SELECT j.push_id,CASE WHEN j.key_push<>j.push_id THEN 'reused' \
      WHEN j.push_id IN (SELECT push_id FROM d UNION ALL SELECT push_id FROM u) THEN 'new' ELSE 'known' END AS verdict,\
      j.begun_metrics,j.begun_id FROM j
      """
  }

  /// Parameters: day, which may be NULL; then for each list its push's id, server, head and number of metrics, its
  /// database and its end. Considers only pushes that this transaction has entered. An end that did not change is
  /// written once a day, so that it is not pruned.
  private static let logEnds = """
    WITH v AS MATERIALIZED (SELECT v.* FROM unnest($2,$3,$4,$5,$6,$7) \
    AS v(push_id,server_id,head,metrics,database_id,lines) WHERE \
    (SELECT true FROM \(dated(of: "v")) AND \(isEnteredNow)) OR (SELECT true FROM \(undated(of: "v")) AND \(isEnteredNow))),\
    \(logEndStep)
    """
  private static let isEnteredNow = "l.metrics=v.metrics AND l.push_id=v.push_id AND l.xmin=pg_current_xact_id()::xid"

  /// Replaces stored ends by those of `v`. - Returns: the replaced ends.
  private static let logEndStep = """
    o AS MATERIALIZED (SELECT v.push_id,e.database_id,e.lines FROM v JOIN pganalytics.log_ends e USING (server_id,database_id)),\
    u AS (INSERT INTO pganalytics.log_ends AS e (server_id,database_id,lines) SELECT server_id,database_id,lines FROM v \
    ON CONFLICT (server_id,database_id) DO UPDATE SET lines=excluded.lines,received_at=now() \
    WHERE e.lines<>excluded.lines OR e.received_at<now()-interval '1 day') \
    SELECT push_id,database_id,lines FROM o
    """

  /// Pushes of the day $1 that begin with the same metric.
  private static func dated(of push: String) -> String {
    "pganalytics.push_ledger l WHERE l.day=$1 AND l.server_id=\(push).server_id AND l.head=\(push).head"
  }

  private static func undated(of push: String) -> String {
    "pganalytics.push_ledger_undated l WHERE l.server_id=\(push).server_id AND l.head=\(push).head"
  }

  // MARK: The writer's message

  /// The beginning of a batch's message, and the meaning of its results.
  static func message(of pushes: [Push]) -> (text: String, answers: [Answer]) {
    var text = "EXECUTE push_locks(\(array(Set(pushes.map(\.serverID)).sorted()) { "\($0)" }));"
    var answers = [Answer.locks]
    if let legacy = legacy(pushes) {
      text += legacy
      answers.append(.legacy)
    }
    for day in days(of: pushes.filter { !$0.needsCare }) {
      let quick = pushes.filter { !$0.needsCare && $0.day == day }
      text += "EXECUTE push_quick(\(arguments(quick, day: day)));"
      answers.append(.quick)
    }
    for day in days(of: pushes.filter(\.needsCare)) {
      let careful = pushes.filter { $0.needsCare && $0.day == day }
      text += "EXECUTE push_careful(\(arguments(careful, day: day)),\(array(careful) { "\($0.isDated)" }),"
      text += "\(array(careful) { $0.key?.description ?? "NULL" }));"
      answers.append(.careful)
    }
    let withLog = pushes.filter { !$0.rows.logLists.isEmpty }
    for day in days(of: withLog) {
      text += "EXECUTE push_log_ends(\(logEndArguments(withLog.filter { $0.day == day }, day: day)));"
      answers.append(.logEnds)
    }
    return (text, answers)
  }

  private static func days(of pushes: [Push]) -> [Int32?] {
    Set(pushes.map(\.day)).sorted { $0 ?? .min < $1 ?? .min }
  }

  private static func arguments(_ pushes: [Push], day: Int32?) -> String {
    let columns = [
      day.map(date) ?? "NULL", array(pushes) { $0.id.description }, array(pushes) { "\($0.serverID)" },
      array(pushes) { "\($0.head)" }, array(pushes) { "\($0.rows.boundaries.count)" }, array(pushes, chain),
    ]
    return columns.joined(separator: ",")
  }

  private static func logEndArguments(_ pushes: [Push], day: Int32?) -> String {
    let lists = pushes.flatMap { push in push.rows.logLists.all.map { (push, $0) } }
    let columns = [
      day.map(date) ?? "NULL", array(lists) { $0.0.id.description }, array(lists) { "\($0.0.serverID)" },
      array(lists) { "\($0.0.head)" }, array(lists) { "\($0.0.rows.boundaries.count)" },
      array(lists) { "\(Int64(bitPattern: $0.1.database))" }, array(lists) { bytes($0.1.end) },
    ]
    return columns.joined(separator: ",")
  }

  /// The SQL literal of an array.
  private static func array<Element>(_ elements: [Element], _ text: (Element) -> String) -> String {
    "'{" + elements.map(text).joined(separator: ",") + "}'"
  }

  /// The inner boundaries of a push, as an element of an array literal.
  private static func chain(_ push: Push) -> String {
    if push.rows.boundaries.count < 3 { return "NULL" }
    var words: [UInt64] = []
    push.rows.boundaries.forEachInner { words.append($0) }
    return bytes(words)
  }

  /// Words as `bytea`, as an element of an array literal.
  private static func bytes(_ words: [UInt64]) -> String {
    #""\\x"# + Hex.encode(words.bigEndianBytes) + "\""
  }

  /// A day counted from 2000-01-01.
  private static func date(_ day: Int32) -> String { "date '2000-01-01'+(\(day))" }

  /// The statement that looks up which of the pushes the older ledger has; nil if that ledger is not read. It is not
  /// prepared: the planner has to know the days, or PostgreSQL looks into every partition.
  private static func legacy(_ pushes: [Push]) -> String? {
    let pushes = pushes.filter { $0.legacy != nil }
    if pushes.isEmpty { return nil }
    let days = Set(pushes.flatMap { $0.legacy?.days ?? [] }).sorted().map(date).joined(separator: ",")
    let (ids, known) = (array(pushes) { $0.id.description }, array(pushes) { $0.legacy?.id.description ?? "NULL" })
    return """
      SELECT set_config('\(legacySetting)',coalesce(array_agg(v.push_id),'{}')::text,true) \
      FROM unnest(\(ids)::uuid[],\(known)::uuid[]) AS v(push_id,legacy_id) WHERE (SELECT true \
      FROM pganalytics.ingest_ledger o WHERE o.day=ANY(ARRAY[\(days)]::date[]) AND o.push_id=v.legacy_id LIMIT 1);
      """
  }

  // MARK: Statements for one push

  static let all = [hold.description, lookBack.description, enter.description, replaceLogEnd.description]

  /// Waits for a server's lock and records that the transaction has it. Parameters: `lockClass`; server; the server as
  /// an array.
  static let hold = Statement<Int32, Int32, String, SingleValue<String>>(
    "push_ledger_hold",
    "SELECT set_config('\(heldSetting)', $3, true) AS held FROM pg_advisory_xact_lock($1, $2)")

  /// Looks a push up in the older ledger. Parameters: id; its id there; days.
  static let lookBack = Statement<UUID, UUID, [Day], SingleValue<String>>(
    "push_ledger_look_back",
    """
    SELECT set_config('\(legacySetting)', '{' || ($1::uuid)::text || '}', true) AS legacy FROM pganalytics.ingest_ledger
    WHERE day = ANY ($3) AND push_id = $2 LIMIT 1
    """)

  /// Judges a push and enters it if it is new, see `careful`.
  static let enter = Statement<Day?, UUID, Int32, Int64, Int32, [UInt8]?, Bool, UUID?, Judgement>(
    "push_ledger_enter", careful(of: "(VALUES ($2::uuid,$3::int4,$4::int8,$5::int4,$6::bytea,$7::bool,$8::uuid))"))

  /// Replaces the stored end of a log list by that of a push. Parameters: push, server, database, end.
  static let replaceLogEnd = Statement<UUID, Int32, Int64, [UInt8], LogEnd>(
    "log_end_replace",
    "WITH v AS (SELECT $1::uuid AS push_id,$2::int4 AS server_id,$3::int8 AS database_id,$4::bytea AS lines),\(logEndStep)"
  )
}
