import Ground
import Protocol
import Testing

@testable import App

/// Ages, their forecasts and stale tables equal those that the test computes from what it pushed.
@Suite struct VacuumReadTests {
  private func seconds(_ time: JSONValue?) -> Double? {
    time?.text.flatMap { Timestamp(rfc3339: $0) }.map { Double($0.unixMicroseconds) / 1e6 }
  }

  @Test(arguments: TestCluster.storageKinds)
  func
    `a database is critical when its use of ids says so, over vacuums and late rows, by rows and roll-ups`(
      _ kind: StorageKind
    ) async throws
  {
    let bench = try await ObjectReadBench(kind)
    let seed = UInt64.random(in: 0 ... .max)
    var random = RollupTests.SplitMix(state: seed)
    let databases = ["used", "frozen", "idle", "old", "bare"]
    var ages: [String: Int64] = [
      "used": 1_000_000, "frozen": 900_000_000, "idle": 5000, "old": 1_700_000_000, "bare": 7000,
    ]
    var hours: [String: [Int64: (second: Int64, age: Int64)]] = [:]
    func push(isLate: Bool = false) async throws {
      var metrics: [String] = []
      for minute in stride(from: isLate ? Int64(5) : 2, to: isLate ? 600 : 1800, by: 6) {
        let second = minute * 60 + random.next(60)
        let rows = databases.map { database in
          switch database {
          case _ where isLate: break
          case "used", "old", "bare": ages[database]! += random.next(100_000)
          case "frozen": ages[database]! = random.next(50) == 0 ? 50_000 : ages[database]! + random.next(1_000_000)
          default: break  // no use
          }
          // Late ages lie below those that are there.
          let age = ages[database]! - (isLate && database != "idle" ? 1000 + random.next(1000) : 0)
          if hours[database]?[second / 3600].map({ $0.second < second }) ?? true {
            hours[database, default: [:]][second / 3600] = (second, age)
          }
          // One database has no numbers but the age of its oldest table.
          if database == "bare" { return #"{"database":"bare","oldest_table_age":\#(age)}"# }
          return
            #"{"database":"\#(database)","relfrozenxid":1000,"current_xid":\#(1000 + age),"xid_until_wraparound":\#(2_146_483_648 - age),"#
            + #""oldest_table_age":\#(age / 2),"tables_needing_vacuum":3}"#
        }
        metrics.append(
          #"{"type":"pg_replication","timestamp":"\#(bench.time(second))","wraparound_risk":[\#(rows.joined(separator: ","))]}"#
        )
      }
      try await bench.push(metrics)
    }
    try await push()

    func compare(byRollups isRolledUp: Bool) async throws {
      let answer = try await bench.ask("vacuum", "&critical_age=1500000000", to: 1800 * 60)
      #expect((answer["source"]?.text == "1h") == isRolledUp)
      let rows = answer["databases"]?.elements ?? []
      #expect(rows.map { $0["database"]?.text } == databases.sorted { ages[$0]! > ages[$1]! }, "\(rows)")
      for row in rows {
        let database = try #require(row["database"]?.text)
        let points = hours[database]!.sorted { $0.key < $1.key }.map(\.value)
        let last = points[points.count - 1]
        let used = zip(points, points.dropFirst()).reduce(0) { $0 + max($1.1.age - $1.0.age, 0) }
        let rate = Double(used) / (Double(last.second - points[0].second) / 86_400)
        let found = try #require(row["ids_per_day"]?.number)
        #expect(abs(found - rate) <= 1e-9 * max(rate, 1), "seed \(seed), \(database): \(found) is not \(rate)")
        #expect(row["age"]?.integer == last.age)
        #expect(row["samples"]?.integer == Int64(points.count))
        let end = Double(bench.start + last.second)
        switch database {
        case "idle": #expect(row["critical_at"] == .null)
        case "old": #expect(seconds(row["critical_at"]) == end)
        default:
          let wanted = end + (1_500_000_000 - Double(last.age)) / rate * 86_400
          #expect(abs((seconds(row["critical_at"]) ?? 0) - wanted) < 1, "seed \(seed), \(database): \(row)")
        }
      }
      let one = try await bench.ask("vacuum", "&database=idle", to: 1800 * 60)["databases"]?.elements
      #expect(one?.map { $0.line(["database", "tables_needing_vacuum", "ids_left"]) } == ["idle|3|2146478648"])
    }
    try await compare(byRollups: false)
    #expect(try await bench.rollUp())
    try await compare(byRollups: true)
    try await push(isLate: true)
    try await compare(byRollups: false)
    #expect(try await bench.rollUp())
    try await compare(byRollups: true)
    await bench.server.stop()
  }

  @Test func `ages at the edges of 64 bits are answered`() async throws {
    let bench = try await ObjectReadBench(.plain)
    for (second, number) in [(Int64(0), Int64.max), (60, .min), (120, .max)] {
      try await bench.push([
        #"{"type":"pg_replication","timestamp":"\#(bench.time(second))","wraparound_risk":[{"database":"a","#
          + #""relfrozenxid":\#(number),"current_xid":\#(number),"xid_until_wraparound":\#(number),"oldest_table_age":\#(number)},"#
          + #"{"database":"b","xid_until_wraparound":\#(number)}]}"#
      ])
    }
    let rows = try await bench.ask("vacuum", to: 600)["databases"]?.elements ?? []
    #expect(rows.map { $0.line(["database", "age"]) } == ["a|0", "b|-9223372034707292160"], "\(rows)")
    await bench.server.stop()
  }

  @Test(arguments: TestCluster.storageKinds)
  func `tables of the last lists are stale by their dead and changed rows`(_ kind: StorageKind) async throws {
    let bench = try await ObjectReadBench(kind)
    func list(_ database: String, _ second: Int64, _ tables: [String], size: Int = 1) -> String {
      #"{"type":"pg_stats","timestamp":"\#(bench.time(second))","database":"\#(database)","size_bytes":\#(size),"#
        + #""tables":[\#(tables.joined(separator: ","))],"indexes":[]}"#
    }
    func table(_ name: String, _ live: Int64, _ dead: Int64, _ changed: Int64, vacuumed: String = "", auto: String = "")
      -> String
    {
      #"{"schema":"s","name":"\#(name)","live_tuples":\#(live),"dead_tuples":\#(dead),"modified_since_analyze":\#(changed),"#
        + #""size_bytes":8192,"last_vacuum":"\#(vacuumed)","last_autovacuum":"\#(auto)","last_analyze":"","last_autoanalyze":""}"#
    }
    try await bench.push([
      list("a", 0, [table("dropped", 1, 1000, 0)]),
      list(
        "a", 600,
        [
          table("healthy", 1000, 250, 150, vacuumed: "2026-01-01 00:00:00+00", auto: "2026-02-01 00:00:00+00"),
          table("dead", 1000, 251, 0), table("changed", 1000, 0, 151), table("empty", 0, 0, 0),
          table("most", .max, .max, .max),
        ]),
      list("b", 590, [table("kept", 0, 51, 51)]),
      // The database is away.
      list("b", 600, [], size: 0),
    ])
    let columns = ["database", "name", "dead_percent", "dead_rows_stale", "statistics_stale", "vacuumed_at"]
    let rows = try await bench.rows("vacuum", to: 700)
    #expect(
      rows.map { $0.line(columns) } == [
        "a|most|50.0|true|true|-", "a|dead|\(100 * 251.0 / 1251)|true|false|-",
        "a|healthy|20.0|false|false|2026-02-01T00:00:00Z", "b|kept|100.0|true|true|-", "a|changed|0.0|false|true|-",
        "a|empty|-|false|false|-",
      ])
    func names(_ query: String) async throws -> [String?] {
      try await bench.rows("vacuum", query, to: 700).map { $0["name"]?.text }
    }
    #expect(try await names("&stale=true&sort=name") == ["changed", "dead", "kept", "most"])
    #expect(try await names("&stale=false&sort=name") == ["empty", "healthy"])
    #expect(try await names("&stale=true&dead_percent=30&modified_percent=20&sort=name") == ["kept", "most"])
    #expect(try await names("&database=b") == ["kept"])
    #expect(try await names("&sort=-modified_since_analyze").first == "most")
    await bench.server.stop()
  }
}
