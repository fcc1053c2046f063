import Testing

@testable import App
@testable import Protocol

@Suite(.timeLimit(.minutes(2))) struct PushRemainderTests {
  @Test func `every repeated log line is left out, in any number of stretches`() throws {
    let databases = 20_000
    let metrics = (0..<databases).map { database in
      let lines = ["a", "b"].map { #"{"level":"LOG","message":"\#($0)"}"# }.joined(separator: ",")
      return #"{"type":"pg_log","timestamp":"2026-11-22T19:33:04Z","database":"d\#(database)","entries":[\#(lines)]}"#
    }
    let body = #"{"collector_id":"c","metrics":["# + metrics.joined(separator: ",") + "]}"
    let catalog = CompiledCatalog()
    let push = Push(catalog: catalog)
    let reader = PushReader(settings: Settings(), catalog: catalog)
    var known = KnownIDs(capacity: 100_000)
    let time: Int64 = 1_795_375_984
    reader.begin(serverID: 7, timeWindow: (time - 60) * 1_000_000...(time + 60) * 1_000_000)
    try reader.receive(Array(body.utf8).span, into: push, known: &known)
    try reader.finish(key: nil, into: push, known: &known)
    let target = try #require(catalog.logTarget)
    let all = push.rows.rowCount(of: target)
    #expect(all == 2 * databases)
    // The first line of each list is the last line of the list that is stored.
    let ends = push.rows.logLists.all.map { ($0.database, [$0.end[0]]) }
    push.skip(0, logEnds: Dictionary(ends, uniquingKeysWith: { first, _ in first }))
    #expect(push.newRows(of: target) == databases && push.logLinesRepeated == databases)
    let lineBytes = push.byteCount(of: target) / all
    var (offset, stretches) = (0, 0)
    while true {
      let stretch = push.newBytes(of: target, from: offset)
      if stretch.isEmpty { break }
      #expect(stretch == (2 * stretches + 1) * lineBytes..<(2 * stretches + 2) * lineBytes)
      (offset, stretches) = (stretch.upperBound, stretches + 1)
    }
    #expect(stretches == databases)
  }
}
