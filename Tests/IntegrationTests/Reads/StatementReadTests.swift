import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// The reads of statements equal a reference query over the stored rows.
@Suite struct StatementReadTests {
  /// A server with collectors that push random lists.
  struct Fleet {
    let server: RunningServer
    let client: TestClient
    let user: (String, String)
    let kind: StorageKind
    /// Midnight, two days ago.
    let start = (Int64(Glibc.time(nil)) / 86_400 - 2) * 86_400

    init(_ kind: StorageKind) async throws {
      self.kind = kind
      server = try await RunningServer.start(kind) { $0.rollupInterval = .seconds(86_400) }
      client = try await server.client()
      user = try await server.user(.viewer)
    }

    func time(_ minutes: Int64, _ seconds: Int64 = 0) -> String {
      Timestamp(unixSeconds: start + minutes * 60 + seconds).rfc3339
    }

    func push(_ metrics: [String], from collector: TestCollector) async throws {
      for first in stride(from: 0, to: metrics.count, by: 100) {
        let part = Array(metrics[first..<min(first + 100, metrics.count)])
        let answer = try await collector.push(collector.push(of: part))
        #expect(answer.status == 200 && answer.json["rejected"]?.elements.isEmpty ?? true, "\(answer)")
      }
    }

    func rollUp(to minutes: Int64) async throws {
      let rollups = Rollups(database: server.database, kind: kind, storage: Live(constant: server.settings.storage))
      _ = try await rollups.round(now: Timestamp(unixSeconds: start + minutes * 60))
    }

    /// - Parameter range: seconds after `start`.
    func read(_ path: String, _ range: Range<Int64>, _ query: String = "") async throws -> JSONValue {
      let answer = try await client.request(
        "GET", "\(path)?start_time=\(time(0, range.lowerBound))&end_time=\(time(0, range.upperBound))\(query)", [user])
      try #require(answer.status == 200, "\(answer)")
      return answer.json
    }

    /// The rows of a reference query.
    func rows(_ sql: String) async throws -> [NamedRow] {
      try await server.database.rows(Statement<NamedRow>("reference_\(sql.hashValue)", sql))
    }
  }

  static let compared = StatementReference.columns + ["max_time", "samples"]

  /// Compares rows of an answer with those of a reference. - Parameter keys: the members that name a row.
  static func compare(
    _ found: [JSONValue], _ wanted: [NamedRow], by keys: [String], _ columns: [String], _ comment: String
  ) {
    func key(_ row: JSONValue) -> String {
      keys.map { row[$0]?.text ?? row[$0]?.integer.map { "\($0)" } ?? "NULL" }.joined(separator: "|")
    }
    let rows = Dictionary(found.map { (key($0), $0) }) { $1 }
    #expect(
      rows.count == found.count && found.count == wanted.count, "\(comment): \(found.count), not \(wanted.count) rows")
    for row in wanted {
      let name = keys.map { row.values[$0] ?? "NULL" }.joined(separator: "|")
      guard let other = rows[name] else {
        Issue.record("\(comment): \(name) is missing")
        continue
      }
      for column in columns {
        let (value, text) = (other[column]?.number, row.values[column] ?? "NULL")
        let wanted = text == "NULL" ? nil : Double(text)
        let isEqual =
          if let value, let wanted { abs(value - wanted) <= 1e-9 * max(abs(value), abs(wanted), 1) } else {
            value == nil && wanted == nil
          }
        #expect(isEqual, "\(comment): \(column) of \(name) is \(value.map { "\($0)" } ?? "null"), not \(text)")
      }
    }
  }

  @Test(arguments: TestCluster.storageKinds)
  func `reads of statements equal a reference over stored rows, with resets, gaps, cut lists and late rows`(
    _ kind: StorageKind
  ) async throws {
    let fleet = try await Fleet(kind)
    let seed = UInt64.random(in: 0 ... .max)
    var sources: [(collector: TestCollector, samples: StatementSamples)] = []
    for number in 1...3 {
      sources.append((try await fleet.server.enrol(), StatementSamples(seed: seed, server: Int64(number))))
    }
    func push(_ minutes: Range<Int64>, after seconds: Int64 = 0) async throws {
      for index in sources.indices {
        for database in ["app", "web2"] {
          try await fleet.push(
            sources[index].samples.metrics(
              minutes, from: fleet.start + seconds, database: database, fillers: index == 1 && database == "app"),
            from: sources[index].collector)
        }
      }
    }
    func compareAll(_ comment: String) async throws -> Set<String> {
      var used: Set<String> = []
      for range: Range<Int64> in [0..<600, 1234..<7200, 300..<10_000, 3600..<7200, 4000..<9001] {
        let note = "\(comment), seed \(seed), \(range)"
        let (start, end) = (fleet.start + range.lowerBound, fleet.start + range.upperBound)
        var found: [JSONValue] = []
        for page in 1...20 {
          let answer = try await fleet.read("/api/v1/queries", range, "&page=\(page)&page_size=100")
          found += answer["data"]?.elements ?? []
          if let source = answer["source"]?.text { used.insert(source) }
          if answer["data"]?.elements.count ?? 0 < 100 { break }
        }
        Self.compare(
          found, try await fleet.rows(StatementReference.sql(start, end, groups: ["text"])), by: ["text"],
          Self.compared, note)
        let shares = found.compactMap { $0["share"]?.number }
        #expect(shares.isEmpty || abs(shares.reduce(0, +) - 1) < 1e-6, "\(note): \(shares.reduce(0, +))")
        try await compareOne(found, range, note)
      }
      return used
    }
    func compareOne(_ all: [JSONValue], _ range: Range<Int64>, _ note: String) async throws {
      let (start, end) = (fleet.start + range.lowerBound, fleet.start + range.upperBound)
      for text in ["select 1", "select 5"] {
        guard let id = all.first(where: { $0["text"]?.text == text })?["text_id"]?.text else { continue }
        let answer = try await fleet.read("/api/v1/queries/\(id)", range, "&bucket=1h&limit=1000")
        let keys = ["server_id", "database"]
        let condition = "WHERE text = '\(text)'"
        let sql = "SELECT * FROM (\(StatementReference.sql(start, end, groups: keys + ["text"]))) r \(condition)"
        Self.compare(
          answer["servers"]?.elements ?? [], try await fleet.rows(sql), by: keys, Self.compared, note + " servers")
        let buckets = """
          SELECT *, to_char(bucket AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS time
          FROM (\(StatementReference.sql(start, end, groups: keys + ["text", "bucket"]))) r \(condition)
          """
        Self.compare(
          answer["data"]?.elements ?? [], try await fleet.rows(buckets), by: ["time"] + keys,
          StatementReference.columns,
          note + " buckets")
        // The stretch before has the same series, whatever their text was then.
        let statement = answer["statement"]?.elements.first
        #expect(statement?["text"]?.text == text)
        let before = (answer["servers"]?.elements ?? []).compactMap { $0["calls_before"]?.number }
        #expect(statement?["calls_before"]?.number ?? 0 == before.reduce(0, +), "\(note)")
        if range.lowerBound == 3600 { #expect(!before.isEmpty, "\(note)") }
      }
    }
    try await push(0..<150)
    #expect(try await compareAll("nothing rolled up") == ["raw"])
    try await fleet.rollUp(to: 100)
    #expect(try await compareAll("a part rolled up").isSuperset(of: ["raw", "5m"]))
    try await fleet.rollUp(to: 1440)
    #expect(try await compareAll("all rolled up") == ["raw", "5m", "1h"])
    // Late rows lie between those that are there, some at the same second, and every step of a counter goes up or down.
    for seconds in [Int64(0), 30] {
      try await push(30..<60, after: seconds)
      _ = try await compareAll("late rows, \(seconds) s")
      try await fleet.rollUp(to: 1440)
      #expect(try await compareAll("late rows rolled up, \(seconds) s") == ["raw", "5m", "1h"])
    }
    try await compareUnknown(fleet)
    await fleet.server.stop()
  }

  /// A statement or a server that is unknown is not found; a statement without rows in the range is empty.
  private func compareUnknown(_ fleet: Fleet) async throws {
    let reads = ["overview", "locks", "replication", "connections", "vacuum", "indexes", "space", "log", "changes"]
    for path in reads.map({ "/api/v1/servers/999999999/\($0)" }) {
      let answer = try await fleet.client.request("GET", path, [fleet.user])
      #expect(answer.status == 404 && answer.json["error"]?.text == "not_found", "\(path): \(answer)")
    }
    let known = try #require(try await fleet.rows("SELECT min(text_id) AS id FROM metrics.pg_query_stats").first)
    let empty = try await fleet.read("/api/v1/queries/\(known.values["id"] ?? "")", -7200 ..< -3600)
    #expect(empty["data"]?.elements.isEmpty == true && empty["servers"]?.elements.isEmpty == true, "\(empty)")
    #expect(empty["source"]?.text == "raw", "no row was read")
    for (id, query) in [("424242", ""), ("424242", "?section=statement"), ("nothing", "")] {
      for accept in ["application/json", "text/csv"] {
        let answer = try await fleet.client.request(
          "GET", "/api/v1/queries/\(id)\(query)", [fleet.user, ("Accept", accept)])
        #expect(answer.status == 404 && answer.json["error"]?.text == "not_found", "\(id)\(query): \(answer)")
      }
    }
  }
}
