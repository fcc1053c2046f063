import Protocol
import Reactor
import Testing

@testable import App

/// Where PostgreSQL refused a batch, and the sentence that the waiting clients get.
@Suite struct RefusalTests {
  private static let catalog = CompiledCatalog()
  private let targets = CopyTargets(catalog)

  private func push() throws -> Push {
    let push = Push(catalog: Self.catalog)
    var decoder = PushDecoder(catalog: Self.catalog)
    var known = KnownIDs(capacity: 1024)
    decoder.begin(serverID: 7, timeWindow: 0...4_000_000_000_000_000)
    let body = Array(
      (#"{"collector_id":"c","metrics":[{"filesystems":[{"device":"d","mount":"","used_gb":1}],"#
        + #""timestamp":"2026-11-22T19:33:04Z","type":"disk_usage"}]}"#).utf8)
    _ = try decoder.consume(body.span, isLast: true, rows: &push.rows, known: &known)
    return push
  }

  @Test func `the refused step names the place, and the last step may stand for the commit`()
    throws
  {
    let batch = Batch([try push()], targets: targets)
    let disk = try #require(Self.catalog.targets.firstIndex { $0.table == "disk_usage" })
    #expect(batch.steps == [.copy(target: Self.catalog.objectsTarget), .statement, .copy(target: disk), .statement])
    let error = DatabaseError(.statement, "x", sqlstate: "P0001")
    func place(_ answered: Int?, _ error: DatabaseError) -> BatchPlace? {
      batch.place(answered: answered, error, targets)
    }
    #expect(place(nil, error) == .everywhere)
    #expect(place(0, error) == .target(Self.catalog.objectsTarget))
    #expect(place(1, error) == .target(Self.catalog.objectsTarget), "names are merged into their table")
    #expect(place(2, error) == .target(disk))
    #expect(place(3, error) == nil && place(4, error) == nil)
    var named = error
    for table in ["disk_usage", "disk_usage_p20261122"] {
      named.table = table
      #expect(place(3, named) == .target(disk), "\(table)")
    }
    named.table = "rollup_pending"
    #expect(place(3, named) == nil)
    #expect(
      targets.refusal(error, at: .target(disk)).sentence
        == "PostgreSQL refuses rows for metrics.disk_usage with SQLSTATE P0001")
    #expect(targets.refusal(error, at: nil).sentence == "PostgreSQL refuses rows with SQLSTATE P0001")
    #expect(targets.refusal(error, at: .target(Self.catalog.textsTarget)).table == "pganalytics.texts")
  }
}
