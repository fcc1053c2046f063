import Protocol
import Testing

@testable import App

/// The wait tree equals one that the test computes, and blocked time equals independent SQL.
@Suite struct LocksReadTests {
  /// A session that waits for another one.
  struct Wait: Hashable {
    let pid: Int64
    let blocker: Int64
  }

  private static func metric(_ time: String, _ waits: [Wait], seconds: (Wait) -> Double, isAway: Bool = false) -> String
  {
    let rows = waits.map { wait in
      #"{"blocked_pid":\#(wait.pid),"blocked_user":"u\#(wait.pid)","blocking_pid":\#(wait.blocker),"blocking_user":"u\#(wait.blocker)","#
        + #""blocked_query":"q\#(wait.pid)","blocking_query":"q\#(wait.blocker)","wait_time_seconds":\#(seconds(wait))}"#
    }
    let pids = Set(waits.map(\.pid))
    let locks =
      pids.sorted().map {
        #"{"pid":\#($0),"locktype":"relation","mode":"ExclusiveLock","granted":false,"relation":\#(7000 + $0),"lock_age_seconds":1.5,"state":"active"}"#
      } + [
        #"{"pid":1,"locktype":"virtualxid","mode":"ExclusiveLock","granted":true,"lock_age_seconds":0.5,"state":"active"}"#
      ]
    func list(_ isAway: Bool) -> String {
      isAway
        ? #"{"active_locks":[],"lock_wait_chains":[],"blocking_queries":[]}"#
        : #"{"active_locks":[\#(locks.joined(separator: ","))],"lock_wait_chains":[\#(rows.joined(separator: ","))],"blocking_queries":[]}"#
    }
    // Both databases list the locks of the whole server.
    return
      #"{"type":"pg_locks","timestamp":"\#(time)","databases":{"app":\#(list(isAway)),"postgres":\#(list(isAway))}}"#
  }

  /// The tree of some waits, by the plainest means: pid, depth, parent, root, in a circle, sessions behind.
  private static func tree(_ listed: Set<Wait>) -> [String] {
    let listed = listed.filter { $0.pid != $0.blocker }
    func isMutual(_ wait: Wait) -> Bool { listed.contains(Wait(pid: wait.blocker, blocker: wait.pid)) }
    let waits = listed.filter { wait in
      !isMutual(wait) || listed.filter { $0.pid == wait.pid }.allSatisfy(isMutual)
    }
    let pids = Set(waits.flatMap { [$0.pid, $0.blocker] })
    var depths: [Int64: Int64] = [:]
    var parents: [Int64: Int64] = [:]
    for pid in pids where !waits.contains(where: { $0.pid == pid }) { depths[pid] = 0 }
    for depth in 0..<Int64(pids.count) {
      for pid in pids where depths[pid] == nil {
        let above = waits.filter { $0.pid == pid && depths[$0.blocker] == depth }.map(\.blocker)
        if let parent = above.min() { parents[pid] = parent }
      }
      for pid in parents.keys where depths[pid] == nil { depths[pid] = depth + 1 }
    }
    func root(_ pid: Int64) -> Int64 { parents[pid].map(root) ?? pid }
    func isBelow(_ pid: Int64, _ top: Int64) -> Bool { parents[pid].map { $0 == top || isBelow($0, top) } ?? false }
    return pids.sorted().map { pid in
      guard let depth = depths[pid] else {
        return "\(pid)|-|\(waits.filter { $0.pid == pid }.map(\.blocker).min()!)|-|true|-"
      }
      let behind = pids.filter { depths[$0] != nil && isBelow($0, pid) }.count
      return "\(pid)|\(depth)|\(parents[pid].map(String.init) ?? "-")|\(root(pid))|false|\(behind)"
    }
  }

  private static func shown(_ answer: JSONValue) -> [String] {
    let rows = answer["data"]?.elements ?? []
    return rows.sorted { ($0["pid"]?.integer ?? 0) < ($1["pid"]?.integer ?? 0) }.map { row in
      ["pid", "depth", "parent_pid", "root_pid", "in_circle", "sessions_behind"].map { HostReadBench.plain(row[$0]) }
        .joined(separator: "|")
    }
  }

  @Test func `every tree ends, with queues, chains and circles, and has each session once`() async throws {
    let bench = try await HostReadBench(.plain)
    let seed = UInt64.random(in: 0 ... .max)
    var random = RollupTests.SplitMix(state: seed)
    var graphs: [Set<Wait>] = [
      // A queue: 10 holds the lock, and those who wait are listed as waiting for each other.
      Set([11, 12, 13, 14].flatMap { pid in [10, 11, 12, 13, 14].map { Wait(pid: pid, blocker: $0) } }),
      // A chain behind a queue, and a circle of two beside it.
      [Wait(pid: 2, blocker: 1), Wait(pid: 3, blocker: 2), Wait(pid: 8, blocker: 9), Wait(pid: 9, blocker: 8)],
      // A circle of three with a session behind it.
      [Wait(pid: 1, blocker: 2), Wait(pid: 2, blocker: 3), Wait(pid: 3, blocker: 1), Wait(pid: 4, blocker: 1)],
      [Wait(pid: 5, blocker: 5), Wait(pid: 6, blocker: 5)],
    ]
    for _ in 0..<12 {
      graphs.append(Set((0..<random.next(40)).map { _ in Wait(pid: random.next(12), blocker: random.next(12)) }))
    }
    // A long queue has as many pairs as the square of its length, and more paths than anything could walk.
    graphs.append(Set((1...60).flatMap { pid in (0...60).filter { $0 != pid }.map { Wait(pid: pid, blocker: $0) } }))
    for (index, graph) in graphs.enumerated() {
      let waits = graph.sorted { ($0.pid, $0.blocker) < ($1.pid, $1.blocker) }
      try await bench.push([Self.metric(bench.time(Int64(index) * 120 + 60), waits) { Double($0.pid) }])
    }
    for (index, graph) in graphs.enumerated() {
      let answer = try await bench.ask("locks", "&at=\(bench.time(Int64(index) * 120 + 90))")
      #expect(Self.shown(answer) == Self.tree(graph), "seed \(seed), graph \(index)")
      let rows = answer["data"]?.elements ?? []
      #expect(rows.map { $0["place"]?.integer } == (0..<rows.count).map { Int64($0) + 1 })
      // A session follows the one that it waits for.
      for (place, row) in rows.enumerated() where row["depth"]?.integer ?? 0 > 0 {
        #expect(rows[..<place].contains { $0["pid"]?.integer == row["parent_pid"]?.integer }, "\(row)")
      }
      for row in rows where row["wait_seconds"] != .null {
        #expect(row["wait_seconds"]?.number == Double(row["pid"]?.integer ?? 0), "\(row)")
        #expect(row["query"]?.text == "q\(row["pid"]?.integer ?? 0)")
        #expect(row["relation"]?.integer == 7000 + (row["pid"]?.integer ?? 0) && row["lock_type"]?.text == "relation")
      }
    }
    // A list without a wait is the present, and a gap is no list.
    let end = Int64(graphs.count) * 120 + 60
    try await bench.push([Self.metric(bench.time(end), [], seconds: { _ in 0 })])
    #expect(try await bench.ask("locks", "&at=\(bench.time(end + 1))")["data"]?.elements.isEmpty == true)
    #expect(try await bench.ask("locks", "&at=\(bench.time(end - 1))")["data"]?.elements.count == 61)
    try await bench.push([Self.metric(bench.time(end + 60), [Wait(pid: 2, blocker: 1)], seconds: { _ in 4 })])
    try await bench.push([Self.metric(bench.time(end + 120), [], seconds: { _ in 0 }, isAway: true)])
    #expect(try await bench.ask("locks", "", 0, end + 600)["data"]?.elements.count == 2)
    await bench.server.stop()
  }

  /// The seconds that each session was blocked until each list: by lag over all lists of the range.
  private static let samples = """
    WITH lists AS (
      SELECT time, extract(epoch FROM time - lag(time, 1, $start) OVER (ORDER BY time))::float8 AS interval FROM (
        SELECT time FROM named.pg_locks WHERE server_id = $server AND time >= $start AND time < $end
        UNION SELECT time FROM named.pg_lock_wait_chains WHERE server_id = $server AND time >= $start AND time < $end
      ) every
    ), samples AS (
      SELECT time, blocked_pid, max(wait_time_seconds) AS waited,
        CASE WHEN max(wait_time_seconds) < min(interval) THEN greatest(max(wait_time_seconds), 0) ELSE min(interval) END AS seconds
      FROM named.pg_lock_wait_chains JOIN lists USING (time)
      WHERE server_id = $server AND time >= $start AND time < $end GROUP BY 1, 2
    )
    """

  @Test(arguments: TestCluster.storageKinds)
  func `blocked time is the time between lists, at most the waiting time, over late lists`(_ kind: StorageKind)
    async throws
  {
    let bench = try await HostReadBench(kind)
    let seed = UInt64.random(in: 0 ... .max)
    var random = RollupTests.SplitMix(state: seed)
    func metrics(_ minutes: Range<Int64>, isLate: Bool = false) -> [String] {
      var metrics: [String] = []
      for minute in minutes where random.next(6) > 0 {
        let waits =
          random.next(3) == 0
          ? [] : Set((0..<random.next(6)).map { _ in Wait(pid: random.next(5), blocker: random.next(5)) })
        let second = bench.start + minute * 60 + random.next(60)
        let time = Timestamp(unixMicroseconds: second * 1_000_000 + (isLate ? 500_000 : 0)).rfc3339
        let isAway = random.next(9) == 0
        let sorted = waits.sorted { ($0.pid, $0.blocker) < ($1.pid, $1.blocker) }
        func seconds(_: Wait) -> Double { random.next(30) == 0 ? 1.7e308 : Double(random.next(200)) - 10 }
        metrics.append(Self.metric(time, sorted, seconds: seconds, isAway: isAway))
      }
      return metrics
    }
    let first = metrics(0..<240)
    try await bench.push(first)
    try await bench.push(Array(first.prefix(20)), ofOther: true)
    for round in ["raw", "rolled up", "late", "late rolled up"] {
      for (width, from, to) in [("5m", Int64(0), Int64(14_400)), ("1h", 777, 13_000)] {
        let answer = try await bench.ask("locks", "&bucket=\(width)", from, to)
        let interval = width.replacing("m", with: " min").replacing("h", with: " hour")
        try await bench.compare(
          answer["blocked_time"]?.elements,
          Self.samples + """
            , times AS (SELECT time, sum(seconds) AS seconds, count(*) AS sessions, max(waited) AS waited FROM samples GROUP BY 1)
            SELECT \(HostReadBench.bucket(interval)) AS time, sum(seconds) AS blocked_seconds,
              max(sessions) AS most_waiting, max(waited) AS longest_wait_seconds FROM times GROUP BY 1
            """, "seed \(seed), \(round), \(width)", from, to)
        try await bench.compare(
          answer["blockers"]?.elements,
          Self.samples + """
            , pairs AS (
              SELECT DISTINCT time, blocked_pid, blocking_pid, blocking_user, blocking_query, blocked_query
              FROM named.pg_lock_wait_chains WHERE server_id = $server AND time >= $start AND time < $end
            )
            SELECT blocking_user, blocking_query, blocked_query, sum(seconds) AS blocked_seconds,
              count(DISTINCT blocked_pid) AS sessions, count(DISTINCT time) AS samples, max(waited) AS longest_wait_seconds,
              min(time) AS first_seen, max(time) AS last_seen
            FROM pairs p JOIN samples USING (time, blocked_pid)
            WHERE (time, blocking_pid, blocked_pid) NOT IN (SELECT time, blocked_pid, blocking_pid FROM pairs)
            GROUP BY 1, 2, 3
            """, "seed \(seed), \(round), \(width)", from, to)
      }
      if round == "rolled up" {
        try await bench.push(metrics(30..<130, isLate: true))
      } else {
        _ = try await bench.rollUp()
      }
    }
    await bench.server.stop()
  }
}
