import Ground
import Protocol
import Testing

@testable import App

/// How any read is answered. The declared reads have tests of their own.
@Suite struct ReadRunTests {
  /// A read with one section of each kind.
  private enum Sizes: Question {
    static let read = Read(
      "testSizes", "/api/v1/test/sizes", about: .fleet, summary: "Sizes of databases.",
      filters: [.servers, .database], parameters: [ReadParameter("least", .identifier, "The smallest size.")],
      sections: [
        ReadSection(
          "data", "Databases.", .list(by: "-size"), from: ["pg_stats"], ties: "r.server_id, r.database",
          columns: [
            .count("server_id", means: "The server.").sorted, .text("database", means: "The database.").sorted,
            .count("size", "bytes", means: "The last size.").sorted, .identifier("hash", means: "The text id."),
          ]
        ) { scope in
          """
          SELECT t.server_id::int8 AS server_id, \(scope.text("t.database_id", of: "t")) AS database,
            (array_agg(t."size_bytes.last" ORDER BY t.last_time DESC))[1] AS size, t.database_id AS hash,
            min(t.first_time) AS data_from, max(t.last_time) AS data_until, max(t.source) AS source
          FROM \(scope.parts("pg_stats", ["size_bytes"])) t
          WHERE \(scope.isOfDatabase()) GROUP BY t.server_id, t.database_id
          HAVING \(scope["least"])::int8 IS NULL OR max(t."size_bytes.max") >= \(scope["least"])
          """
        },
        ReadSection(
          "totals", "Sizes over time.", .series, from: ["pg_stats"], ties: "r.server_id",
          columns: [
            .time("time", means: "The bucket."), .count("server_id", means: "The server."),
            .count("size", means: "Size."),
          ]
        ) { scope in
          """
          SELECT \(scope.bucket(of: "t.time")) AS time, t.server_id::int8 AS server_id, max(t.size_bytes) AS size,
            min(t.time) AS data_from, max(t.time) AS data_until
          FROM \(scope.rows("pg_stats")) t GROUP BY 1, 2
          """
        },
        ReadSection(
          "newest", "The last list.", .short, from: ["pg_stats"], ties: "r.server_id, r.size",
          columns: [.count("server_id", means: "The server."), .count("size", means: "Size.")]
        ) { scope in
          """
          SELECT t.server_id::int8 AS server_id, t.size_bytes AS size, t.time AS data_from, t.time AS data_until
          FROM \(scope.latest("pg_stats")) t
          """
        },
      ])
  }

  private struct World {
    let server: RunningServer
    let collectors: [TestCollector]
    let start: Int64

    /// Two servers with two databases, a sample a minute for four hours. In the last hour the database `b` cannot be
    /// reached.
    init(_ kind: StorageKind) async throws {
      server = try await RunningServer.start(kind) { $0.rollupInterval = .seconds(86_400) }
      collectors = [try await server.enrol(), try await server.enrol()]
      start = (WallClock.unixSeconds() / 3600 - 5) * 3600
      let days = Set([start, start + 14_400].map { Day(unixDays: Int32($0 / 86_400)) })
      try await Partitions(database: server.database, storage: Live(constant: server.settings.storage)).ensure(
        days: Array(days))
      let (a, b) = (TextID.of("a"), TextID.of("b"))
      for (index, collector) in collectors.enumerated() {
        try await server.database.script(
          """
          INSERT INTO pganalytics.texts VALUES (\(collector.serverID), \(a), 'a'), (\(collector.serverID), \(b), 'b');
          INSERT INTO metrics.pg_stats (time, server_id, database_id, size_bytes, transactions_committed)
          SELECT to_timestamp(\(start) + n * 60), \(collector.serverID), d,
            CASE WHEN d = \(b) AND n >= 180 THEN 0 ELSE \(index + 1) * 1000 + n END, CASE WHEN d = \(b) AND n >= 180 THEN 0 ELSE n END
          FROM generate_series(0, 239) n, unnest('{\(a), \(b)}'::int8[]) d;
          INSERT INTO pganalytics.rollup_pending (step_seconds, server_id, first_time, last_time)
          VALUES (300, \(collector.serverID), to_timestamp(\(start)), to_timestamp(\(start + 14_399)));
          """)
      }
    }

    func ask(_ query: String) async throws -> JSONValue {
      let response = try await answer(query, .json)
      return try JSONValue.parse(response.body.span)
    }

    func answer(_ query: String, _ format: MetricFormat) async throws -> HTTPResponse {
      let target = "/api/v1/test/sizes?start_time=\(time(0))&end_time=\(time(14_400))&\(query)"
      let asked = try ReadQuery<Sizes>.decode(RequestTarget(target))
      let context = RequestContext(
        settings: server.settings, principal: .anonymous, requestID: "test", peerAddress: "::1", peerCertificate: nil,
        now: Timestamp(unixMicroseconds: WallClock.unixMicroseconds()))
      return try await ReadRun(
        read: Sizes.read, queries: server.database, storage: server.settings.storage.kind ?? .plain, subject: nil,
        parameters: asked.parameters, format: format, context: context
      ).answer()
    }

    func time(_ seconds: Int64) -> String { Timestamp(unixSeconds: start + seconds).rfc3339 }
  }

  @Test(arguments: TestCluster.storageKinds)
  func `rows and roll-ups give the same answer, and gaps give nothing`(_ kind: StorageKind) async throws {
    let world = try await World(kind)
    let raw = try await world.ask("database=b&bucket=1h")
    #expect(raw["source"]?.text == "raw", "nothing is rolled up yet")
    let rollups = Rollups(
      database: world.server.database, kind: kind, storage: Live(constant: world.server.settings.storage))
    _ = try await rollups.round(now: Timestamp(unixSeconds: world.start + 6 * 3600))
    let rolled = try await world.ask("database=b&bucket=1h")
    #expect(rolled["source"]?.text == "1h")
    #expect(raw["data"] == rolled["data"])
    let sizes = try #require(raw["data"]).elements.map { $0["size"]?.number }
    #expect(sizes == [2179, 1179], "the last size before the gap")
    #expect(raw["data_until"]?.text == world.time(179 * 60))
    #expect(rolled["data_until"]?.text == world.time(179 * 60))
  }

  @Test func `the source is the coarsest one that gave rows, and the width of buckets is that of the first page`()
    async throws
  {
    let bench = try await HostReadBench(.plain)
    func disk(_ minute: Int64) -> String {
      TestCollector.disk("/dev/a", used: Int(minute), time: bench.time(minute * 60 + 30))
    }
    // Rows in the first minutes of an hour, and in its last ones.
    try await bench.push((Array(1..<5) + Array(56..<60)).map(disk))
    let first = try await bench.ask("overview", "&limit=3", 0, 14_400)
    #expect(first["bucket_seconds"]?.integer == 60 && first["source"]?.text == "raw", "\(first)")
    #expect(try await bench.rollUp())
    func source(_ from: Int64, _ to: Int64, _ query: String = "") async throws -> String? {
      try await bench.ask("overview", query, from, to)["source"]?.text
    }
    #expect(try await source(0, 14_400) == "5m", "buckets of five minutes")
    #expect(try await source(0, 14_400, "&bucket=1h") == "1h")
    #expect(try await source(3600, 14_400, "&bucket=1h") == "raw", "the roll-ups of these hours have no rows")
    // The range permits roll-ups of five minutes, and all rows lie before the first one.
    #expect(try await source(90, 3000, "&bucket=5m") == "raw")
    #expect(try await source(90, 3700, "&bucket=5m") == "5m")
    let cursor = try #require(first["next_cursor"]?.text)
    let second = try await bench.ask("overview", "&limit=3&cursor=\(cursor)", 0, 14_400)
    #expect(second["bucket_seconds"]?.integer == 60, "\(second)")
    let times = [first, second].flatMap { ($0["data"]?.elements ?? []).compactMap { $0["time"]?.text } }
    #expect(times == [1, 2, 3, 4, 56, 57].map { bench.time($0 * 60) })
    #expect(try await bench.ask("overview", "", 0, 14_400)["bucket_seconds"]?.integer == 300)
    // The facts of a series' answer use all roll-ups, whatever the width of its buckets.
    #expect(try await bench.ask("overview", "&bucket=7s", 0, 14_400)["source"]?.text == "raw")
    await bench.server.stop()
  }

  @Test func `a list has pages, orders, filters and a total`() async throws {
    let world = try await World(.plain)
    let all = try await world.ask("page_size=3")
    #expect(all["total"]?.number == 4 && all["total_pages"]?.number == 2 && all["data"]?.elements.count == 3)
    let rest = try await world.ask("page_size=3&page=2")
    #expect(rest["data"]?.elements.count == 1)
    #expect(rest["data"]?.elements.first?["hash"]?.text != nil, "an identifier is a text")
    let ascending = try await world.ask("sort=size&least=2200")
    #expect(ascending["data"]?.elements.map { $0["size"]?.number } == [2239])
    let one = try await world.ask("server=\(world.collectors[0].serverID)&sort=database")
    #expect(one["data"]?.elements.map { $0["database"]?.text } == ["a", "b"])
    let none = try await world.ask("label=no=where")
    #expect(none["total"]?.number == 0 && none["data"]?.elements.isEmpty == true)
  }

  @Test func `the other sections stand beside it, and the last list is that of each database`() async throws {
    let world = try await World(.plain)
    let answer = try await world.ask("bucket=1h")
    #expect(answer["totals"]?.elements.count == 8 && answer["totals_truncated"] == .bool(false))
    #expect(answer["bucket_seconds"]?.number == 3600)
    #expect(answer["newest"]?.elements.map { $0["size"]?.number } == [1239, 2239])
  }

  @Test func `CSV and NDJSON have the rows of one section`() async throws {
    let world = try await World(.plain)
    let csv = String(decoding: try await world.answer("section=newest", .csv).body, as: UTF8.self)
    let ids = world.collectors.map(\.serverID)
    #expect(csv == "server_id,size\r\n\(ids[0]),1239\r\n\(ids[1]),2239\r\n")
    let lines = String(decoding: try await world.answer("sort=database", .lines).body, as: UTF8.self)
    #expect(lines.split(separator: "\n").count == 4 && lines.hasPrefix(#"{"server_id":"#))
  }

  @Test func `a range that is too long or empty is refused`() async throws {
    let world = try await World(.plain)
    func refused(_ query: String) async -> String? {
      guard case .success(let target) = Result(catching: { try RequestTarget("/x?\(query)") }) else { return nil }
      do throws(Problem) {
        let asked = try ReadQuery<Sizes>.decode(target)
        let context = RequestContext(
          settings: world.server.settings, principal: .anonymous, requestID: "test", peerAddress: "::1",
          peerCertificate: nil, now: Timestamp(unixMicroseconds: WallClock.unixMicroseconds()))
        _ = try await ReadRun(
          read: Sizes.read, queries: world.server.database, storage: .plain, subject: nil, parameters: asked.parameters,
          format: .json, context: context
        ).answer()
        return nil
      } catch {
        return error.details
      }
    }
    #expect(await refused("start_time=1000d")?.contains("read_range_maximum") == true)
    #expect(await refused("start_time=2026-01-02T00:00:00Z&end_time=2026-01-01T00:00:00Z")?.contains("before") == true)
    #expect(await refused("sort=hash") != nil)
  }
}
