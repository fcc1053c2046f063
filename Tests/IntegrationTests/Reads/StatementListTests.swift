import Protocol
import Testing

@testable import App

/// Lists of statements as the stock collector sends them: one list of the cluster under each database's name, cut off at
/// a hundred entries, and empty while the database cannot be reached.
@Suite struct StatementListTests {
  private static func row(_ hash: Int, calls: Int, text: String? = nil) -> String {
    #"{"blk_read_time":0.0,"blk_write_time":0.0,"calls":\#(calls),"hash":\#(hash),"max_time":9.5,"mean_time":1.25,"#
      + #""min_time":0.5,"rows":\#(calls * 2),"shared_blks_hit":\#(calls * 3),"shared_blks_read":0,"stddev_time":0.0,"#
      + #""text":"\#(text ?? "statement \(hash)")","total_time":\#(Double(calls * hash) * 1.25),"wal_bytes":0}"#
  }

  private static func list(_ database: String, _ time: String, _ rows: [String]) -> String {
    #"{"type":"pg_query_stats","database":"\#(database)","timestamp":"\#(time)","queries":[\#(rows.joined(separator: ","))]}"#
  }

  private func calls(_ answer: JSONValue) -> Double {
    (answer["data"]?.elements ?? []).compactMap { $0["calls"]?.number }.reduce(0, +)
  }

  @Test(arguments: TestCluster.storageKinds)
  func `a list of the cluster under two names counts once, and its database is unknown`(
    _ kind: StorageKind
  ) async throws {
    let fleet = try await StatementReadTests.Fleet(kind)
    let one = try await fleet.server.enrol()
    // Each reading of the list is itself a call of statement 99. Statements 1 to 4 run twice a minute.
    for minute in 0..<4 {
      for (place, database) in ["postgres", "app1"].enumerated() {
        let rows =
          (1...4).map { Self.row($0, calls: 100 + 2 * minute) } + (5...30).map { Self.row($0, calls: 7) }
          + [Self.row(99, calls: 2 * minute + place + 1)]
        try await fleet.push([Self.list(database, fleet.time(Int64(minute)), rows)], from: one)
      }
    }
    // Another server has two databases with counters of their own.
    let two = try await fleet.server.enrol()
    for minute in 0..<3 {
      for (base, database) in [(10, "a"), (500, "b")] {
        let rows = [Self.row(40, calls: base + base * minute, text: "COMMIT")]
        try await fleet.push([Self.list(database, fleet.time(Int64(minute)), rows)], from: two)
      }
    }
    for note in ["rows", "roll-ups"] {
      if note == "roll-ups" { try await fleet.rollUp(to: 120) }
      let all = try await fleet.read("/api/v1/queries", 0..<7200, "&server=\(one.serverID)&page_size=100")
      #expect(calls(all) == 4 * 6 + 6, "\(note)")
      #expect(all["total"]?.integer == 31)
      #expect(all["data"]?.elements.allSatisfy { $0["databases"] == .null && $0["servers"]?.integer == 1 } == true)
      for database in ["postgres", "app1"] {
        let some = try await fleet.read(
          "/api/v1/queries", 0..<7200, "&server=\(one.serverID)&database=\(database)&page_size=100")
        #expect(calls(some) == 4 * 6 + 6, "\(note)")
        #expect(some["data"]?.elements.allSatisfy { $0["databases"]?.integer == 1 } == true)
      }
      let other = try await fleet.read("/api/v1/queries", 0..<7200, "&server=\(two.serverID)")
      #expect(calls(other) == 20 + 1000, "\(note)")
      #expect(other["data"]?.elements.first?["databases"]?.integer == 2)
      let whole = try await fleet.read("/api/v1/queries", 0..<7200, "&q=commit")
      #expect(calls(whole) == 1020 && whole["total"]?.integer == 1)
      // The whole is that of all statements, also of those without the word.
      let share = try #require(whole["data"]?.elements.first?["share"]?.number)
      let wanted: Double = 1020 * 40
      let others: Double = (1 + 2 + 3 + 4 + 99) * 6
      #expect(abs(share - wanted / (wanted + others)) < 1e-9, "\(share)")
    }
    let id = try #require(
      try await fleet.read("/api/v1/queries", 0..<7200, "&q=statement%2099")["data"]?.elements.first?["text_id"]?.text)
    let places = try await fleet.read("/api/v1/queries/\(id)", 0..<7200)
    #expect(places["servers"]?.elements.map { $0["calls"]?.number } == [6])
    #expect(places["servers"]?.elements.first?["database"] == .null)
    await fleet.server.stop()
  }

  /// A late push can bring a row of the same time. The step between the two takes no seconds.
  @Test(arguments: TestCluster.storageKinds)
  func `a step between two rows of one time counts, from rows and from roll-ups`(_ kind: StorageKind) async throws {
    let fleet = try await StatementReadTests.Fleet(kind)
    let one = try await fleet.server.enrol()
    // The second hour has one row, and no step.
    for (minute, calls) in [(Int64(1), 100), (1, 130), (61, 150)] {
      try await fleet.push([Self.list("app", fleet.time(minute), [Self.row(1, calls: calls)])], from: one)
    }
    for note in ["rows", "roll-ups"] {
      if note == "roll-ups" { try await fleet.rollUp(to: 180) }
      for (range, wanted) in [(Int64(0)..<600, 30.0), (0..<3600, 30), (0..<7200, 50)] {
        let answer = try await fleet.read("/api/v1/queries", range)
        #expect(calls(answer) == wanted, "\(note), \(range): \(answer)")
        #expect(answer["data"]?.elements.first?["total_time"]?.number == wanted * 1.25, "\(note), \(range)")
      }
      let alone = try await fleet.read("/api/v1/queries", 3600..<7200)
      #expect(alone["data"]?.elements.map { $0["calls"] } == [.null], "\(note): \(alone)")
    }
    await fleet.server.stop()
  }

  @Test(arguments: TestCluster.storageKinds)
  func `a statement counts from zero only after a complete list without it, and an empty list is a gap`(
    _ kind: StorageKind
  ) async throws {
    let fleet = try await StatementReadTests.Fleet(kind)
    let one = try await fleet.server.enrol()
    func push(_ minute: Int64, _ database: String, entries: Int, _ rows: [String]) async throws {
      let rest = (0..<entries - rows.count).map { Self.row(1000 + $0, calls: 5, text: "other") }
      try await fleet.push([Self.list(database, fleet.time(minute), rows + rest)], from: one)
    }
    for (database, entries) in [("cut", 100), ("whole", 99)] {
      try await push(0, database, entries: entries, [Self.row(1, calls: 10)])
      // Statement 2 is new; statement 3 is there once.
      try await push(
        1, database, entries: entries, [Self.row(1, calls: 12), Self.row(2, calls: 40), Self.row(3, calls: 8)])
      // The database goes away for two minutes.
      for minute in 2...3 {
        try await fleet.push([Self.list(database, fleet.time(Int64(minute)), [])], from: one)
      }
      try await push(
        4, database, entries: entries, [Self.row(1, calls: 20), Self.row(2, calls: 41), Self.row(4, calls: 6)])
    }
    for note in ["rows", "roll-ups"] {
      if note == "roll-ups" { try await fleet.rollUp(to: 120) }
      for (database, wanted) in [("cut", [10, 1, nil, nil]), ("whole", [10, 41, 8, 6])] as [(String, [Double?])] {
        let answer = try await fleet.read("/api/v1/queries", 0..<7200, "&database=\(database)&page_size=100")
        for (index, calls) in wanted.enumerated() {
          let row = answer["data"]?.elements.first { $0["text"]?.text == "statement \(index + 1)" }
          #expect(row?["calls"]?.number == calls, "\(note), \(database): \(index + 1)")
          #expect(row?["is_new"] == .bool(database == "whole" && index > 0))
          #expect(row?["samples"]?.integer == [3, 2, 1, 1][index])
        }
      }
    }
    await fleet.server.stop()
  }
}
