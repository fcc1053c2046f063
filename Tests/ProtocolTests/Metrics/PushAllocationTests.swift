import CCounters
import GeneratedPushes
import Testing

@testable import Protocol

/// Counts the allocations for a push. The counts are the same on each machine.
@Suite(.enabled(if: counting_is_possible() == 1, "a sanitizer has an allocator of its own"))
struct PushAllocationTests {
  /// A push with tables of one database.
  private func body(rows: Int) throws -> [UInt8] {
    let type = try #require(MetricCatalog.types.first { $0.name == "pg_stats" })
    let fields = type.fields.filter { $0.key == "database" || $0.key == "tables" }
    var shape = PushGenerator.Shape()
    (shape.databases, shape.tables) = (1, rows)
    let generator = PushGenerator(seed: 1, shape: shape, types: [MetricType(type.name, type.summary, fields)])
    return generator.body(collectorID: "c", hostname: "h", unixSeconds: pushTime).withUnsafeBytes { Array($0) }
  }

  private func allocations(_ work: () throws -> Void) rethrows -> UInt64 {
    let before = counted_by_this_thread().allocations
    try work()
    return counted_by_this_thread().allocations - before
  }

  @Test func `an allocation is counted`() {
    var bytes: [UInt8] = []
    #expect(allocations { bytes = Array(repeating: 1, count: 10_000) } == 1)
    #expect(bytes.count == 10_000)
  }

  @Test func `a push is inflated and turned into rows with the same allocations, however many rows it has`() throws {
    let bodies = try [10, 200, 2000].map(body)
    let members = bodies.map { GzipDeflater.gzip($0) }
    var inflater = GzipInflater()
    var decoder = PushDecoder(catalog: DecodedPush.catalog)
    var rows = PushRows(catalog: DecodedPush.catalog, retainedBytes: 4 << 20)
    var known = KnownIDs(capacity: 100_000)
    var window = ByteBuffer()
    func push(_ member: [UInt8]) throws -> Int {
      inflater.reset()
      rows.reset()
      decoder.begin(serverID: 7, timeWindow: pushWindow)
      var position = 0
      while true {
        let step = try inflater.inflate(member.span.extracting(position...), into: &window, atMost: 64 * 1024)
        position += step.consumed
        let isLast = step.state != .outputFull
        let done = try decoder.consume(window.span, isLast: isLast, rows: &rows, known: &known)
        window.removeFirst(done)
        if isLast { break }
      }
      for id in rows.pendingIDs { known.insert(id) }
      return rows.rowCount
    }
    for member in members.reversed() { _ = try push(member) }
    var counts: [UInt64] = []
    for (member, expected) in zip(members, [10, 200, 2000]) {
      var stored = 0
      counts.append(try allocations { stored = try push(member) })
      #expect(stored == expected)
    }
    #expect(counts[0] == counts[1] && counts[1] == counts[2], "\(counts)")
    // The optimised build makes 2, for the texts of the envelope.
    #expect(counts[2] <= 40, "\(counts)")
  }
}
