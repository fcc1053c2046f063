import CCounters
import GeneratedPushes
import Ground
import Protocol
import Testing

@testable import App

/// The cost of one push to its lane, in counts, from its head to its answer.
@Suite(.enabled(if: counting_is_possible() == 1, "a sanitizer has an allocator of its own"))
struct PushCostTests {
  private func counted(_ server: RunningServer) async throws -> counted {
    let lane = try #require(server.server.lanes.all.first)
    return await withCheckedContinuation { continuation in
      lane.submit { _ in continuation.resume(returning: counted_by_this_thread()) }
    }
  }

  /// The smallest cost of a push with `rows` rows among several pushes, because the loop does other work now and then.
  private func cost(_ rows: Int, _ collector: TestCollector, _ client: TestClient) async throws -> counted {
    var least = nothingYet
    for round in 0..<8 {
      let body = Self.body(rows: rows, collector: collector.id, time: start - Int64(10 + round + rows))
      let before = try await counted(collector.server)
      let answer = try await collector.push(body, [("Content-Encoding", "gzip")], over: client)
      let after = try await counted(collector.server)
      #expect(answer.status == 200, "\(answer)")
      #expect(answer.json["rows_inserted"]?.integer == Int64(rows))
      if round < 3 { continue }  // pools and buffers fill up, names become known
      least.allocations = min(least.allocations, after.allocations - before.allocations)
      least.reads = min(least.reads, after.reads - before.reads)
      least.writes = min(least.writes, after.writes - before.writes)
    }
    return least
  }

  /// Each push has a time of its own, so that no push is a repeat, however long the one before it took.
  private let start = WallClock.unixSeconds()
  private let nothingYet = CCounters.counted(allocations: .max, reads: .max, writes: .max, copied_bytes: .max)

  /// Table statistics of one database, gzip.
  private static func body(rows: Int, collector: UUID, time: Int64) -> [UInt8] {
    guard let type = MetricCatalog.types.first(where: { $0.name == "pg_stats" }) else { return [] }
    var shape = PushGenerator.Shape()
    (shape.databases, shape.tables) = (1, rows)
    let fields = type.fields.filter { $0.key == "database" || $0.key == "tables" }
    let json = PushGenerator(seed: 1, shape: shape, types: [MetricType(type.name, type.summary, fields)])
      .body(collectorID: collector.description, hostname: "h", unixSeconds: time)
    var deflater = GzipDeflater(level: 6)
    var member = ByteBuffer()
    deflater.deflate(json.span, into: &member)
    return member.withUnsafeBytes { Array($0) }
  }

  @Test func `counting the cost of a push and its batch allocates nothing`() {
    var (latency, size) = (LatencyBuckets(), SizeBuckets())
    let before = counted_by_this_thread()
    for number in 0..<1000 {
      latency.observe(.microseconds(number * number))
      size.observe(number * number)
    }
    let after = counted_by_this_thread()
    #expect(after.allocations == before.allocations)
    #expect(latency.count == 1000 && size.count == 1000)
  }

  @Test func `allocations and system calls of a push do not grow with its rows`() async throws {
    let server = try await RunningServer.start {
      $0.loops = 1
      $0.writerConnections = 1
    }
    let collector = try await server.enrol()
    let client = try await collector.client()
    // The largest push comes first, so that the pools have seen its size.
    let large = try await cost(800, collector, client)
    let small = try await cost(8, collector, client)
    let middle = try await cost(200, collector, client)
    let all = "\(small) \(middle) \(large)"
    print("costs of pushes of 8, 200 and 800 rows: \(all)")
    // A body of several reads passes through the same buffers, and its answer has more digits. On a busy machine a push
    // takes seconds, and includes work that the lane does once a second.
    for larger in [middle, large] {
      #expect(larger.allocations <= small.allocations + 120, "\(all)")
      #expect(larger.reads <= small.reads + 12, "\(all)")
      #expect(larger.writes <= small.writes + 12, "\(all)")
    }
    // This is the limit without optimisation. A release build needs a fraction.
    #expect(large.allocations <= 4000, "\(all)")
    await server.stop()
  }
}
