import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// Two servers with a collector each. Reads of the first one are compared with SQL over its rows in the views of `named`; the
/// second one shows that a read takes no rows of other servers.
struct HostReadBench {
  let server: RunningServer
  let reader: MetricsReadTests.Reader
  let other: TestCollector
  let kind: StorageKind
  /// An hour, two days ago.
  let start: Int64

  init(_ kind: StorageKind) async throws {
    self.kind = kind
    server = try await RunningServer.start(kind) { $0.rollupInterval = .seconds(86_400) }
    reader = try await MetricsReadTests.Reader(kind, server)
    other = try await server.enrol()
    start = (Int64(Glibc.time(nil)) / 3600 - 48) * 3600
  }

  func time(_ seconds: Int64) -> String { Timestamp(unixSeconds: start + seconds).rfc3339 }

  /// Pushes metrics of the first server, or of the second, which must be stored without complaint.
  func push(_ metrics: [String], ofOther: Bool = false) async throws {
    let collector = ofOther ? other : reader.collector
    for from in stride(from: 0, to: metrics.count, by: 100) {
      let part = Array(metrics[from..<min(from + 100, metrics.count)])
      let answer = try await collector.push(collector.push(of: part))
      try #require(answer.json["status"]?.text == "success", "\(answer)")
    }
  }

  /// Rolls up everything that is due. - Returns: whether there was something to do.
  func rollUp() async throws -> Bool {
    let rollups = Rollups(database: server.database, kind: kind, storage: Live(constant: server.settings.storage))
    return try await rollups.round().stretches > 0
  }

  /// The answer of a read over `from..<to`, in seconds after `start`.
  func ask(_ read: String, _ query: String = "", _ from: Int64 = 0, _ to: Int64 = 14_400) async throws -> JSONValue {
    let range = "start_time=\(time(from))&end_time=\(time(to))"
    let answer = try await reader.get("/api/v1/servers/\(reader.collector.serverID)/\(read)?\(range)\(query)")
    try #require(answer.status == 200, "\(answer)")
    return answer.json
  }

  /// The rows of an independent query, as JSON. `$server`, `$start` and `$end` in its text are replaced.
  func reference(_ sql: String, _ from: Int64 = 0, _ to: Int64 = 14_400) async throws -> [JSONValue] {
    let text = sql.replacing("$server", with: "\(reader.collector.serverID)")
      .replacing("$start", with: "timestamptz '\(time(from))'").replacing("$end", with: "timestamptz '\(time(to))'")
    // A statement is prepared once for each name.
    let name = "reference_\(UInt64(bitPattern: TextID.of(text)))"
    let statement = Statement<SingleValue<JSONText>>(name, "SELECT to_jsonb(r) FROM (\(text)) r")
    return try await server.database.rows(statement).map { row in
      try JSONValue.parse(Array(row.value.text.utf8).span)
    }
  }

  /// Compares the rows of a section with those of a reference query, in any order.
  func compare(
    _ section: [JSONValue]?, _ sql: String, _ comment: String, _ from: Int64 = 0, _ to: Int64 = 14_400,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let wanted = try await reference(sql, from, to)
    let found = section ?? []
    #expect(!wanted.isEmpty, "\(comment): the reference has rows", sourceLocation: sourceLocation)
    #expect(wanted.count == found.count, "\(comment)", sourceLocation: sourceLocation)
    guard case .object(let members)? = wanted.first else { return }
    let names = members.members.map(\.name)
    let lines = { (rows: [JSONValue]) in
      rows.map { row in names.map { Self.text(row[$0]) }.joined(separator: "|") }.sorted()
    }
    for (one, other) in zip(lines(wanted), lines(found)) where one != other {
      Issue.record("\(comment): wanted \(one), found \(other) (\(names))", sourceLocation: sourceLocation)
      return
    }
  }

  /// A value in a form in which equal values have equal texts: numbers with 9 digits, times in UTC.
  static func text(_ value: JSONValue?) -> String {
    switch value {
    case .none: return "absent"
    case .null: return "-"
    case .string(let text): return Timestamp(rfc3339: text).map { $0.rfc3339 } ?? text
    case .integer, .double:
      let number = value?.number ?? .nan
      if number == 0 { return "0" }
      let digits = Int(floor(log10(abs(number)))) - 8
      let scale = pow(10, Double(digits))
      return "\((number / scale).rounded())e\(digits)"
    case .bool, .array, .object: return "\(value ?? .null)"
    }
  }

  /// A value as a short text; `-` for null.
  static func plain(_ value: JSONValue?) -> String {
    switch value {
    case .none: "absent"
    case .null: "-"
    case .string(let text): text
    case .integer(let number): "\(number)"
    case .double(let number): "\(number)"
    case .bool(let flag): "\(flag)"
    case .array, .object: "\(value ?? .null)"
    }
  }

  /// The start of the bucket of `time`, as SQL.
  static func bucket(_ width: String) -> String { "date_bin('\(width)', time, timestamptz '2000-01-01 00:00:00+00')" }
}

/// Makes random metrics of a host: with databases that are away, times at which all of them are, and values at the edges.
struct HostSamples {
  var random: RollupTests.SplitMix
  let start: Int64
  private var counters: [String: Int64] = [:]

  init(seed: UInt64, from start: Int64) {
    random = RollupTests.SplitMix(state: seed)
    self.start = start
  }

  private mutating func any(_ values: [String]) -> String { values[Int(random.next(UInt64(values.count)))] }

  /// All metrics of some minutes. A minute may be missing.
  /// - Parameter isLate: the metrics lie half a second beside those that are there, and counters go up and down between
  ///   the two.
  mutating func metrics(_ minutes: Range<Int64>, isLate: Bool = false) -> [String] {
    minutes.flatMap { minute -> [String] in
      if random.next(12) == 0 { return [] }
      let second = start + minute * 60 + random.next(60)
      let time = Timestamp(unixMicroseconds: second * 1_000_000 + (isLate ? 500_000 : 0)).rfc3339
      let away = random.next(8) == 0 ? ["app", "postgres"] : random.next(5) == 0 ? ["app"] : []
      return [
        connections(time, away), replication(time, isAway: away.count == 2), host(time), disks(time),
        cache(time, away, isRenamed: minute >= 120),
      ]
        + ["app", "postgres"].map { statistics(time, $0, isAway: away.contains($0)) }
        + [statements(time)]
    }
  }

  private mutating func connections(_ time: String, _ away: [String]) -> String {
    let states = ["active", "idle", "idle in transaction", "idle in transaction (aborted)"]
    let databases = ["app", "postgres"].map { name -> String in
      if away.contains(name) {
        return
          #""\#(name)":{"connection_stats":{"by_state":[],"total_connections":0},"long_running_transactions":[],"idle_transactions":[]}"#
      }
      var rows: [String] = []
      for database in ["app", "postgres"] {
        for state in states where random.next(3) > 0 {
          let count = random.next(40) == 0 ? Int64.max : random.next(50)
          rows.append(
            #"{"database":"\#(database)","state":"\#(state)","count":\#(count),"max_age_seconds":\#(random.next(9999)).5,"min_age_seconds":0.1}"#
          )
        }
      }
      if rows.isEmpty { rows.append(#"{"database":null,"state":null,"count":1}"#) }
      let long = (0..<random.next(3)).map { index in
        #"{"pid":\#(100 + index),"username":"u","database":"app","state":"active","query":"q\#(index)","#
          + #""query_start":"2026-01-0\#(1 + random.next(2))T00:00:00Z","duration_seconds":\#(random.next(5000)).25}"#
      }
      let idle = (0..<random.next(3)).map { index in
        #"{"pid":\#(200 + index),"username":"u","database":"postgres","state":"idle in transaction","#
          + #""state_change":"2026-01-0\#(1 + random.next(2))T00:00:00Z","idle_time_seconds":\#(random.next(5000)).75}"#
      }
      return
        #""\#(name)":{"connection_stats":{"by_state":[\#(rows.joined(separator: ","))],"total_connections":\#(random.next(30))},"#
        + #""long_running_transactions":[\#(long.joined(separator: ","))],"idle_transactions":[\#(idle.joined(separator: ","))]}"#
    }
    return #"{"type":"pg_connections","timestamp":"\#(time)","databases":{\#(databases.joined(separator: ","))}}"#
  }

  private mutating func replication(_ time: String, isAway: Bool) -> String {
    if isAway {
      return
        #"{"type":"pg_replication","timestamp":"\#(time)","replication_slots":[],"replication_status":[],"wraparound_risk":[],"#
        + #""logical_subscriptions":[],"collection_errors":[],"wal_status":{"total_segments":0,"current_wal_size_mb":0,"#
        + #""wal_directory_size_mb":0,"segments_since_checkpoint":0,"growth_rate_mb_per_hour":0.0}}"#
    }
    let standbys = (0..<random.next(4)).map { index in
      #"{"server_pid":\#(index),"application_name":"s\#(index % 2)","client_addr":"10.0.0.\#(index)","state":"streaming","#
        + #""write_lag_ms":\#(random.next(50)),"flush_lag_ms":\#(random.next(9)),"replay_lag_ms":\#(any(["null", "0", "\(random.next(90_000))", "9223372036854775807"])),"#
        + #""behind_by_mb":\#(random.next(99))}"#
    }
    let ages = ["app", "postgres"].map { #"{"database":"\#($0)","oldest_table_age":\#(random.next(2_000_000_000))}"# }
    return
      #"{"type":"pg_replication","timestamp":"\#(time)","replication_status":[\#(standbys.joined(separator: ","))],"#
      + #""wraparound_risk":[\#(ages.joined(separator: ","))],"wal_status":{"total_segments":3,"current_wal_size_mb":\#(random.next(999))}}"#
  }

  private mutating func host(_ time: String) -> String {
    if random.next(9) == 0 {
      return #"{"type":"sysstat","timestamp":"\#(time)","cpu":{"user":0,"system":0,"idle":0},"memory":{"total_mb":0}}"#
    }
    return
      #"{"type":"sysstat","timestamp":"\#(time)","cpu":{"user":\#(random.next(100)).5,"system":1e-320,"iowait":\#(any(["1.7e308", "0.5", "2"])),"load_1m":\#(random.next(9)).25},"#
      + #""memory":{"total_mb":\#(1000 + random.next(3)),"used_mb":\#(random.next(900))}}"#
  }

  private mutating func disks(_ time: String) -> String {
    let disks = ["/dev/a", "/dev/b"].map {
      #"{"device":"\#($0)","mount":"/","total_gb":10,"used_gb":5,"free_gb":5,"percent_used":\#(random.next(100)).5}"#
    }
    return #"{"type":"disk_usage","timestamp":"\#(time)","filesystems":[\#(disks.joined(separator: ","))]}"#
  }

  /// The next value of a counter: it grows, at times to the largest value, and falls to a small one.
  private mutating func counter(_ name: String) -> Int64 {
    let before = counters[name] ?? 0
    let isReset = random.next(20) == 0 || before > .max - 1000
    let next =
      isReset ? random.next(9) : random.next(60) == 0 ? .max - random.next(1000) : before + random.next(1000)
    counters[name] = next
    return next
  }

  private mutating func statistics(_ time: String, _ database: String, isAway: Bool) -> String {
    let values =
      isAway
      ? (0, 0, 0)
      : (1_000_000 + random.next(1_000_000), counter("\(database) commits"), counter("\(database) rollbacks"))
    return
      #"{"type":"pg_stats","database":"\#(database)","timestamp":"\#(time)","tables":[],"indexes":[],"size_bytes":\#(values.0),"#
      + #""transactions_committed":\#(values.1),"transactions_rolledback":\#(values.2),"tuples_returned":0,"tuples_fetched":0,"#
      + #""tuples_inserted":0,"tuples_updated":0,"tuples_deleted":0}"#
  }

  /// - Parameter isRenamed: whether the second table has another name. Its counters go on.
  private mutating func cache(_ time: String, _ away: [String], isRenamed: Bool) -> String {
    // In the second hour the collector lists no table.
    let isListed = !away.contains("app") && !(time.contains("T") && random.next(4) == 0)
    let tables =
      isListed
      ? ["t1", "t2"].map {
        #"{"schema":"public","table":"\#($0)\#(isRenamed && $0 == "t2" ? " renamed" : "")","heap_blks_hit":\#(counter("\($0) h")),"heap_blks_read":\#(counter("\($0) r")),"idx_blks_hit":\#(counter("\($0) ih")),"idx_blks_read":\#(counter("\($0) ir"))}"#
      } : []
    return
      #"{"type":"pg_cache","timestamp":"\#(time)","databases":{"app":{"table_cache_hit":[\#(tables.joined(separator: ","))],"index_cache_hit":[]}}}"#
  }

  private mutating func statements(_ time: String) -> String {
    let rows = (1...3).map {
      #"{"hash":\#($0),"text":"q\#($0)","calls":\#(counter("calls \($0)")),"shared_blks_hit":\#(counter("hit \($0)")),"shared_blks_read":\#(counter("read \($0)"))}"#
    }
    return
      #"{"type":"pg_query_stats","database":"app","timestamp":"\#(time)","queries":[\#(rows.joined(separator: ","))]}"#
  }
}
