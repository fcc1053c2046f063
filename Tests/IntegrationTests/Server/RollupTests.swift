import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// The same query over rows and over roll-ups gives the same answer.
@Suite struct RollupTests {
  /// Samples from a seed: counters with resets, gaps, missing values, and several rows of one time.
  private struct Samples {
    var random: SplitMix

    mutating func metrics(_ minutes: ClosedRange<Int64>, from start: Int64) -> [String] {
      var metrics: [String] = []
      for minute in minutes where random.next(10) > 1 {
        let time = Timestamp(unixSeconds: start + minute * 60 + random.next(50)).rfc3339
        for device in 0..<2 {
          let reads =
            random.next(7) == 0 ? "null" : "\(random.next(4) == 0 ? random.next(50) : minute * 100 + random.next(99))"
          metrics.append(
            #"{"disk_io":[{"device":"sd\#(device)","read_ops":\#(reads),"write_ops":\#(minute * 3),"read_sectors":\#(random.next(9))}],"#
              + #""timestamp":"\#(time)","type":"sysstat"}"#)
        }
        metrics.append(TestCollector.disk("/dev/a", used: Int(random.next(200)), time: time))
        metrics.append(
          #"{"type":"pg_query_stats","database":"app","timestamp":"\#(time)","queries":["#
            + (0..<2 + Int(random.next(3))).map { row in
              // More rows than hashes: some rows are added up, in this sample or in the next.
              let wal = random.next(5) == 0 ? "17588200675878996039" : "\(random.next(1 << 40))"
              return
                #"{"hash":\#(row % 2),"text":"q","calls":\#(random.next(30)),"total_time":\#(minute).25,"wal_bytes":\#(wal),"#
                + #""mean_time":0.\#(random.next(9))}"#
            }.joined(separator: ",") + "]}")
      }
      return metrics
    }
  }

  struct SplitMix {
    var state: UInt64
    mutating func next(_ bound: UInt64) -> Int64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Int64((z ^ (z >> 31)) % bound)
    }
  }

  private func isClose(_ left: JSONValue, _ right: JSONValue) -> Bool {
    guard case .object(let one) = left, case .object(let other) = right else { return left == right }
    return zip(one.members, other.members).allSatisfy { one, other in
      guard let a = one.value.number, let b = other.value.number else {
        return one.name == other.name && one.value == other.value
      }
      return one.name == other.name && abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1)
    } && one.members.count == other.members.count
  }

  @Test(arguments: TestCluster.storageKinds)
  func `roll-ups answer as rows do, with resets, gaps and late rows, before and after the roll-up`(
    _ kind: StorageKind
  ) async throws {
    let server = try await RunningServer.start(kind) { $0.rollupInterval = .seconds(86_400) }
    let reader = try await MetricsReadTests.Reader(kind, server)
    let seed = UInt64.random(in: 0 ... .max)
    var samples = Samples(random: SplitMix(state: seed))
    let start = (Int64(Glibc.time(nil)) / 86_400 - 2) * 86_400
    let storage = server.settings.storage
    let rollups = Rollups(database: server.database, kind: kind, storage: Live(constant: storage))
    /// Compares roll-ups with rows. - Returns: the sources of the answers.
    func compare(_ comment: String) async throws -> Set<String> {
      var sources: Set<String> = []
      for (table, aggregates) in [
        ("sysstat_disk_io", ["avg", "min", "max", "sum", "last", "rate"]), ("disk_usage", ["avg", "sum", "last"]),
        ("pg_query_stats", ["avg", "rate", "sum", "max"]),
      ] {
        for aggregate in aggregates {
          let columns = table == "pg_query_stats" ? "&columns=calls,total_time,wal_bytes" : ""
          for (bucket, from, to) in [
            ("5m", start + 600, start + 7200), ("15m", start + 100, start + 20_000), ("1h", start, start + 40_000),
            ("2h", start + 1234, start + 86_400),
          ] {
            let query =
              "metric_type=\(table)&aggregate=\(aggregate)&bucket=\(bucket)\(columns)&limit=10000"
              + "&start_time=\(Timestamp(unixSeconds: from).rfc3339)&end_time=\(Timestamp(unixSeconds: to).rfc3339)"
            let raw = try await reader.metrics(query + "&source=raw")
            let free = try await reader.metrics(query)
            let source = try #require(free.json["source"]?.text, "\(free)")
            sources.insert(source)
            #expect(raw.json["source"]?.text == "raw")
            let (wanted, found) = (raw.json["data"]?.elements ?? [], free.json["data"]?.elements ?? [])
            #expect(!wanted.isEmpty || from < start)
            #expect(wanted.count == found.count, "\(comment), seed \(seed): \(query)")
            for (one, other) in zip(wanted, found) where !isClose(one, other) {
              Issue.record("\(comment), seed \(seed), \(source): \(query): \(one) is not \(other)")
              break
            }
            // The pages have the same rows.
            if aggregate == "rate", bucket == "1h" {
              var pages: [JSONValue] = []
              var cursor = ""
              for _ in 0..<200 {
                let page = try await reader.metrics(query.replacing("limit=10000", with: "limit=3") + cursor)
                pages += page.json["data"]?.elements ?? []
                guard let next = page.json["next_cursor"]?.text else { break }
                cursor = "&cursor=\(next)"
              }
              #expect(pages == found, "\(query)")
            }
          }
        }
      }
      return sources
    }
    func push(_ minutes: ClosedRange<Int64>) async throws {
      for metrics in samples.metrics(minutes, from: start).chunks(of: 200) {
        #expect(
          try await reader.collector.push(reader.collector.push(of: metrics)).json["rejected"]?.elements.count ?? 0 == 0
        )
      }
    }
    try await push(0...400)
    #expect(try await compare("nothing rolled up") == ["raw"])
    // The round is in the middle of an hour, which closes later.
    let middle = Timestamp(unixSeconds: start + 250 * 60)
    #expect(try await rollups.round(now: middle).stretches > 0)
    #expect(try await compare("a part rolled up").isSuperset(of: ["5m", "1h"]))
    #expect(try await rollups.round(now: Timestamp(unixSeconds: start + 86_400)).stretches > 0)
    #expect(try await compare("all rolled up") == ["5m", "1h"])
    if kind == .timescale {
      // Compressed chunks are read, and take late rows, all the same.
      #expect(try await server.integer(Self.compressed) > 0)
      #expect(try await compare("all compressed") == ["5m", "1h"])
    }
    let forced = try await reader.metrics(
      "metric_type=sysstat_disk_io&bucket=1h&source=5m&start_time=\(Timestamp(unixSeconds: start).rfc3339)")
    #expect(forced.json["source"]?.text == "5m")
    // Late rows are in the answers at once, and in the roll-ups after the next round.
    try await push(30...90)
    _ = try await compare("late rows, not rolled up")
    #expect(try await rollups.round(now: Timestamp(unixSeconds: start + 86_400)).stretches > 0)
    #expect(try await compare("late rows rolled up") == ["5m", "1h"])
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.rollup_pending") == 0)
    #expect(try await rollups.round() == Rollups.Round())
    await server.stop()
  }

  /// Compresses all chunks of tables with compression.
  private static let compressed =
    """
    SELECT count(compress_chunk(chunk)) FROM timescaledb_information.hypertables
    CROSS JOIN LATERAL show_chunks(format('%I.%I', hypertable_schema, hypertable_name)::regclass) AS chunk
    WHERE compression_enabled AND hypertable_schema IN ('metrics', 'rollups')
    """

  private static let partitions =
    "pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE c.relnamespace = 'rollups'::regnamespace AND c.relkind = 'r'"

  @Test func `partitions of roll-ups are dropped at the end of their retention`() async throws {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    let partitions = Partitions(database: migrated.database, storage: Live(constant: migrated.storage))
    let day = Day(unixDays: 20_000)
    let fine = Int64(RollupTable.all(.fiveMinutes).count)
    try await partitions.ensureRollups(.fiveMinutes, from: day, to: day.advanced(by: 7))
    #expect(try await migrated.count(Self.partitions) == 2 * fine)
    try await partitions.ensureRollups(.hour, from: day, to: day)
    let all = try await migrated.count(Self.partitions)
    #expect(all == 2 * fine + Int64(RollupTable.all(.hour).count))
    // A week's partition holds 7 days. It is dropped when the last of them is too old, and not before.
    let kept = RollupStep.fiveMinutes.retentionDays(migrated.storage)
    let first = day.advanced(by: -((20_000 - 10_959) % 7))
    let last = first.advanced(by: 6)
    #expect(
      try await partitions.dropExpiredRollups(today: last.advanced(by: kept)) { Issue.record("\($0) \($1)") } == [])
    let dropped = try await partitions.dropExpiredRollups(today: last.advanced(by: kept + 1)) {
      Issue.record("\($0) \($1)")
    }
    #expect(dropped.count == Int(fine))
  }
}

extension Array {
  fileprivate func chunks(of count: Int) -> [[Element]] {
    stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min($0 + count, self.count)]) }
  }
}
