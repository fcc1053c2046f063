import Protocol
import Testing

@testable import App

/// Lags equal independent SQL over the stored rows; standbys and slots vanish only when a complete list lacks them.
@Suite struct ReplicationReadTests {
  private static func lags(_ width: String) -> String {
    let columns = ["write_lag_ms", "flush_lag_ms", "replay_lag_ms"].map {
      "avg(\($0))::float8 AS \($0), max(\($0)) AS most_\($0)"
    }
    return """
      SELECT \(HostReadBench.bucket(width)) AS time, application_name AS standby, \(columns.joined(separator: ", ")),
        avg(behind_by_mb)::float8 AS behind_mb, max(behind_by_mb) AS most_behind_mb
      FROM named.pg_replication_status WHERE server_id = $server AND time >= $start AND time < $end GROUP BY 1, 2
      """
  }

  private static let standbys = """
    WITH every AS (
      SELECT * FROM named.pg_replication_status WHERE server_id = $server AND time >= $start AND time < $end
    ), lists AS (
      SELECT time FROM every
      UNION SELECT time FROM named.pg_replication_wal WHERE server_id = $server AND time >= $start AND time < $end
        AND total_segments > 0
    )
    SELECT application_name AS standby, client_addr AS client_address, min(time) AS first_seen, max(time) AS last_seen,
      NOT EXISTS (SELECT FROM lists l WHERE l.time > max(e.time)) AS is_present,
      (SELECT min(l.time) FROM lists l WHERE l.time > max(e.time)) AS vanished_at
    FROM every e GROUP BY 1, 2
    """

  private static let wal = """
    SELECT \(HostReadBench.bucket("5 min")) AS time, max(current_wal_size_mb) AS most_size_mb, max(total_segments) AS most_segments
    FROM named.pg_replication_wal WHERE server_id = $server AND time >= $start AND time < $end AND total_segments > 0 GROUP BY 1
    """

  @Test(arguments: TestCluster.storageKinds)
  func `lags and standbys equal the stored rows, over gaps and late rows, from rows and from roll-ups`(
    _ kind: StorageKind
  )
    async throws
  {
    let bench = try await HostReadBench(kind)
    let seed = UInt64.random(in: 0 ... .max)
    var samples = HostSamples(seed: seed, from: bench.start)
    try await bench.push(samples.metrics(0..<240))
    try await bench.push(samples.metrics(0..<60), ofOther: true)
    for round in ["raw", "rolled up", "late", "late rolled up"] {
      for (width, from, to) in [("5m", Int64(0), Int64(14_400)), ("1h", 1234, 12_000)] {
        let answer = try await bench.ask("replication", "&bucket=\(width)&limit=10000", from, to)
        #expect((answer["source"]?.text == "raw") == (round == "raw"))
        let interval = width.replacing("m", with: " min").replacing("h", with: " hour")
        try await bench.compare(
          answer["data"]?.elements, Self.lags(interval), "seed \(seed), \(round), \(width)", from, to)
        try await bench.compare(answer["standbys"]?.elements, Self.standbys, "seed \(seed), \(round)", from, to)
        if width == "5m" {
          try await bench.compare(answer["wal"]?.elements, Self.wal, "seed \(seed), \(round)", from, to)
        }
      }
      switch round {
      case "raw", "late": #expect(try await bench.rollUp())
      case "rolled up": try await bench.push(samples.metrics(30..<130, isLate: true))
      default: #expect(try await bench.rollUp() == false)
      }
    }
    await bench.server.stop()
  }

  @Test func `a slot fills the disk when its growth says so, and is gone only after a complete list`() async throws {
    let bench = try await HostReadBench(.plain)
    let seed = UInt64.random(in: 0 ... .max)
    var random = RollupTests.SplitMix(state: seed)
    func slot(_ name: String, _ bytes: Int64, isActive: Bool = false) -> String {
      #"{"slot_name":"\#(name)","slot_type":"physical","active":\#(isActive),"backend_pid":0,"bytes_retained":\#(bytes)}"#
    }
    var metrics: [String] = [
      #"{"type":"disk_usage","timestamp":"\#(bench.time(14_300))","filesystems":[{"device":"a","mount":"/","total_gb":10,"used_gb":5,"free_gb":5,"percent_used":50},{"device":"b","mount":"/b","total_gb":9,"used_gb":6,"free_gb":3,"percent_used":66}]}"#
    ]
    for minute in Int64(0)..<240 {
      // Grows by 2 MB a minute, with noise and one burst; stays about the same; shrinks; is dropped after an hour.
      let noise = random.next(100_000)
      let burst: Int64 = (60..<70).contains(minute) ? 500_000_000 : 0
      var slots = [
        slot("grows", 1_000_000 + minute * 2_000_000 + noise + burst),
        slot("stays", 50_000_000 + random.next(10_000_000), isActive: true),
        slot("shrinks", 900_000_000 - minute * 1_000_000), slot("huge", Int64.max),
      ]
      if minute < 60 { slots.append(slot("dropped", minute, isActive: minute < 30)) }
      // Half an hour without the server: the stock collector sends nothing but zeros. Then an hour with an error.
      let isAway = (100..<130).contains(minute)
      let errors = (60..<70).contains(minute) ? #""could not read""# : ""
      metrics.append(
        #"{"type":"pg_replication","timestamp":"\#(bench.time(minute * 60))","replication_slots":[\#(isAway ? "" : slots.joined(separator: ","))],"#
          + #""replication_status":[],"wraparound_risk":[],"logical_subscriptions":[],"collection_errors":[\#(errors)],"#
          + #""wal_status":{"total_segments":\#(isAway ? 0 : 5),"current_wal_size_mb":0,"wal_directory_size_mb":0,"segments_since_checkpoint":0,"growth_rate_mb_per_hour":0}}"#
      )
    }
    try await bench.push(metrics)
    let answer = try await bench.ask("replication")
    let slots = Dictionary(uniqueKeysWithValues: (answer["slots"]?.elements ?? []).map { ($0["slot"]?.text ?? "", $0) })
    #expect(slots.count == 5, "\(answer)")
    let grows = try #require(slots["grows"])
    let growth = try #require(grows["growth_bytes_per_hour"]?.number)
    #expect(abs(growth - 120_000_000) < 3_000_000, "seed \(seed): \(growth)")
    // The fullest file system has 3 GB left.
    #expect(grows["free_bytes"]?.number == 3e9)
    let last = Double(bench.start + 239 * 60)
    let full = try #require(grows["full_at"]?.text.flatMap { Timestamp(rfc3339: $0) })
    #expect(abs(Double(full.unixMicroseconds) / 1e6 - last - 3e9 / growth * 3600) < 1)
    for name in ["stays", "shrinks", "huge", "dropped"] {
      #expect(slots[name]?["full_at"] == .null, "seed \(seed), \(name)")
    }
    #expect(slots["huge"]?["retained_bytes"]?.number == Double(Int64.max))
    // At minute 60 the slot is missing beside an error, at minute 70 in a complete list.
    let dropped = try #require(slots["dropped"])
    #expect(dropped["is_present"] == .bool(false))
    func time(_ row: JSONValue, _ name: String) -> Timestamp? { row[name]?.text.flatMap { Timestamp(rfc3339: $0) } }
    #expect(time(dropped, "vanished_at") == Timestamp(unixSeconds: bench.start + 70 * 60))
    #expect(time(dropped, "active_at") == Timestamp(unixSeconds: bench.start + 29 * 60))
    #expect(time(dropped, "last_seen") == Timestamp(unixSeconds: bench.start + 59 * 60))
    // Within the half hour without the server, nothing is gone.
    let away = try await bench.ask("replication", "", 0, 125 * 60)
    for row in away["slots"]?.elements ?? [] where row["slot"]?.text != "dropped" {
      #expect(row["is_present"] == .bool(true), "\(row)")
    }
    await bench.server.stop()
  }

  @Test func `subscriptions have their last state, with the time since the last message`() async throws {
    let bench = try await HostReadBench(.plain)
    func metric(_ seconds: Int64, _ names: [String]) -> String {
      let rows = names.map {
        #"{"sub_name":"\#($0)","database":"app","sub_state":"r","worker_pid":7,"worker_count":1,"last_msg_send_time":"\#(bench.time(seconds - 30))","#
          + #""last_msg_receipt_time":"\#(bench.time(seconds - 20))"}"#
      }
      return
        #"{"type":"pg_replication","timestamp":"\#(bench.time(seconds))","logical_subscriptions":[\#(rows.joined(separator: ","))],"#
        + #""wal_status":{"total_segments":1}}"#
    }
    try await bench.push([metric(60, ["a", "b"]), metric(120, ["a"])])
    let rows = try await bench.ask("replication")["subscriptions"]?.elements ?? []
    #expect(rows.map { $0["subscription"]?.text } == ["a", "b"], "\(rows)")
    #expect(rows.map { $0["is_present"] } == [.bool(true), .bool(false)])
    #expect(rows.map { $0["transit_seconds"]?.number } == [10, 10])
    #expect(rows.map { $0["silent_seconds"]?.number } == [20, 20])
    await bench.server.stop()
  }
}
