import Protocol
import Testing

@testable import App

/// Connections and transactions equal those of independent SQL over the stored rows.
@Suite struct ConnectionsReadTests {
  private static let inRange = "server_id = $server AND time >= $start AND time < $end"

  private static func states(_ width: String, _ condition: String = "true") -> String {
    """
    WITH sessions AS (
      SELECT \(HostReadBench.bucket(width)) AS bucket, time, session_database AS database, state,
        max(count) AS count, max(max_age_seconds) AS age
      FROM named.pg_connections_by_state WHERE \(inRange) GROUP BY 1, 2, 3, 4
    ), lists AS (
      SELECT bucket, count(DISTINCT time) AS lists FROM sessions GROUP BY 1
    )
    SELECT bucket AS time, database, state, (sum(count) / max(lists))::float8 AS connections,
      max(count) AS most_connections, max(age) AS oldest_seconds
    FROM sessions JOIN lists USING (bucket) WHERE \(condition) GROUP BY 1, 2, 3
    """
  }

  /// Each long or idle transaction of the range.
  private static let transactions = """
    WITH every AS (
      SELECT 'long' AS kind, pid, query_start, NULL::timestamptz AS state_change, duration_seconds AS seconds, time
      FROM named.pg_long_running_transactions WHERE \(inRange)
      UNION ALL
      SELECT 'idle', pid, query_start, state_change, idle_time_seconds, time FROM named.pg_idle_transactions WHERE \(inRange)
    )
    SELECT kind, pid, query_start, state_change, max(seconds) AS longest_seconds, min(time) AS first_seen,
      max(time) AS last_seen, count(DISTINCT time) AS samples FROM every GROUP BY 1, 2, 3, 4
    """

  @Test(arguments: TestCluster.storageKinds)
  func `sessions count once, and a database that is away is a gap`(_ kind: StorageKind) async throws {
    let bench = try await HostReadBench(kind)
    let seed = UInt64.random(in: 0 ... .max)
    var samples = HostSamples(seed: seed, from: bench.start)
    try await bench.push(samples.metrics(0..<240))
    try await bench.push(samples.metrics(0..<60), ofOther: true)
    for round in ["raw", "rolled up", "late", "late rolled up"] {
      for (width, from, to) in [("5m", Int64(0), Int64(14_400)), ("1h", 1234, 12_000), ("1m", 600, 3000)] {
        let answer = try await bench.ask("connections", "&bucket=\(width)&limit=10000", from, to)
        let interval = width.replacing("m", with: " min").replacing("h", with: " hour")
        try await bench.compare(
          answer["data"]?.elements, Self.states(interval), "seed \(seed), \(round), \(width)", from, to)
        try await bench.compare(answer["transactions"]?.elements, Self.transactions, "seed \(seed), \(round)", from, to)
      }
      let one = try await bench.ask("connections", "&bucket=5m&limit=10000&database=app")
      try await bench.compare(
        one["data"]?.elements, Self.states("5 min", "database = 'app'"), "seed \(seed), \(round), one database")
      switch round {
      case "raw", "late": #expect(try await bench.rollUp())
      case "rolled up": try await bench.push(samples.metrics(30..<130, isLate: true))
      default: #expect(try await bench.rollUp() == false)
      }
    }
    await bench.server.stop()
  }

  @Test func `the present is the last round of lists, without databases that are away since an older one`() async throws
  {
    let bench = try await HostReadBench(.plain)
    func list(_ pids: [Int], _ count: Int) -> String {
      let long = pids.map {
        #"{"pid":\#($0),"database":"app","query":"q","query_start":"2026-01-01T00:00:00Z","duration_seconds":\#($0)}"#
      }
      return
        #"{"connection_stats":{"by_state":[{"database":"app","state":"active","count":\#(count)}],"total_connections":0},"#
        + #""long_running_transactions":[\#(long.joined(separator: ","))],"idle_transactions":[]}"#
    }
    let away =
      #"{"connection_stats":{"by_state":[],"total_connections":0},"long_running_transactions":[],"idle_transactions":[]}"#
    func metric(_ seconds: Int64, _ databases: [(String, String)]) -> String {
      let members = databases.map { #""\#($0)":\#($1)"# }.joined(separator: ",")
      return #"{"type":"pg_connections","timestamp":"\#(bench.time(seconds))","databases":{\#(members)}}"#
    }
    try await bench.push([
      metric(60, [("app", list([1, 2], 9)), ("postgres", list([1, 2, 3], 5))]),
      // Later only one database is there; its list is empty but for the count.
      metric(600, [("app", away), ("postgres", list([], 4))]),
    ])
    let early = try await bench.ask("connections", "", 0, 300)
    #expect(early["transactions_now"]?.elements.map { $0["pid"]?.integer } == [3, 2, 1], "\(early)")
    #expect(early["now"]?.elements.map { $0["connections"]?.integer } == [9])
    let late = try await bench.ask("connections", "", 0, 900)
    #expect(late["transactions_now"]?.elements.count == 0, "\(late)")
    #expect(late["now"]?.elements.map { $0["connections"]?.integer } == [4])
    #expect(late["transactions"]?.elements.map { $0["samples"]?.integer } == [1, 1, 1])
    // When every database is away, the last known list is shown with its time.
    try await bench.push([metric(700, [("app", away), ("postgres", away)])])
    let gone = try await bench.ask("connections", "", 0, 900)
    #expect(gone["now"]?.elements.map { $0["connections"]?.integer } == [4], "\(gone)")
    #expect(gone["data_until"]?.text.flatMap { Timestamp(rfc3339: $0) } == Timestamp(unixSeconds: bench.start + 600))
    await bench.server.stop()
  }
}
