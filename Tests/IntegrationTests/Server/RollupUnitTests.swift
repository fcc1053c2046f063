import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// A failed roll-up stops no other, is known, and is made when its cause is gone.
@Suite struct RollupUnitTests {
  /// Two servers with two hours of disks and I/O in yesterday's first hours.
  private struct Fleet {
    let server: RunningServer
    let readers: [MetricsReadTests.Reader]
    let kind: StorageKind
    let start: Int64

    init(_ kind: StorageKind, _ change: (inout Settings) -> Void = { _ in }) async throws {
      self.kind = kind
      server = try await RunningServer.start(kind) {
        $0.rollupInterval = .seconds(86_400)
        change(&$0)
      }
      var readers: [MetricsReadTests.Reader] = []
      for _ in 0..<2 { readers.append(try await MetricsReadTests.Reader(kind, server)) }
      self.readers = readers
      start = (Int64(Glibc.time(nil)) / 86_400 - 1) * 86_400
      for reader in readers { try await push(reader, minutes: 0..<120) }
    }

    func push(_ reader: MetricsReadTests.Reader, minutes: Range<Int64>) async throws {
      let metrics = minutes.flatMap { minute -> [String] in
        let time = Timestamp(unixSeconds: start + minute * 60).rfc3339
        return [
          TestCollector.disk("/dev/a", used: Int(minute), time: time),
          #"{"disk_io":[{"device":"sda","read_ops":\#(minute * 10)}],"timestamp":"\#(time)","type":"sysstat"}"#,
        ]
      }
      let answer = try await reader.collector.push(reader.collector.push(of: metrics))
      #expect(answer.status == 200, "\(answer)")
    }

    var rollups: Rollups {
      Rollups(database: server.database, kind: kind, storage: Live(constant: server.settings.storage))
    }

    func time(_ minutes: Int64) -> Timestamp { Timestamp(unixSeconds: start + minutes * 60) }

    /// The source of an answer whose rows must equal those of `source=raw`.
    func source(_ reader: MetricsReadTests.Reader, _ table: String, to minutes: Int64 = 120) async throws -> String? {
      let query =
        "metric_type=\(table)&bucket=5m&aggregate=sum&start_time=\(time(0).rfc3339)&end_time=\(time(minutes).rfc3339)"
      let free = try await reader.metrics(query)
      let raw = try await reader.metrics(query + "&source=raw")
      #expect(free.status == 200 && raw.status == 200, "\(free) \(raw)")
      #expect(free.json["data"]?.elements.isEmpty == false)
      #expect(free.json["data"] == raw.json["data"], "\(table)")
      return free.json["source"]?.text
    }

    func units(_ condition: String = "true") async throws -> Int64 {
      try await server.integer("SELECT count(*) FROM pganalytics.rollup_units WHERE \(condition)")
    }
  }

  @Test(arguments: TestCluster.storageKinds)
  func `one bad bucket of one server is set aside by itself and made later`(_ kind: StorageKind)
    async throws
  {
    let fleet = try await Fleet(kind)
    let (server, bad, good) = (fleet.server, fleet.readers[0], fleet.readers[1])
    try await server.database.script(
      """
      ALTER TABLE rollups.disk_usage_5m ADD CONSTRAINT refused CHECK
        (server_id <> \(bad.collector.serverID) OR time <> to_timestamp(\(fleet.start + 65 * 60)))
      """)
    let round = try await fleet.rollups.round()
    #expect(round.failures > 0)
    #expect(try await fleet.units() == 1)
    let unit = """
      table_name = 'disk_usage' AND server_id = \(bad.collector.serverID) AND step_seconds = 300 AND attempts = 1
      AND start_time = to_timestamp(\(fleet.start + 65 * 60)) AND end_time = to_timestamp(\(fleet.start + 70 * 60))
      AND sqlstate = '23514' AND next_try > now()
      """
    #expect(try await fleet.units(unit) == 1)
    // Reads of that table and server use rows from there on. All other reads use the roll-up.
    #expect(try await fleet.source(good, "disk_usage") == "5m")
    #expect(try await fleet.source(bad, "sysstat_disk_io") == "5m")
    #expect(try await fleet.source(bad, "disk_usage", to: 65) == "5m")
    let rest = try await bad.metrics(
      "metric_type=disk_usage&bucket=5m&start_time=\(fleet.time(65).rfc3339)&end_time=\(fleet.time(120).rfc3339)")
    #expect(rest.json["source"]?.text == "raw" && rest.json["data"]?.elements.count == 11)
    _ = try await fleet.source(bad, "disk_usage")

    // The status reports the failure.
    let status = try await DatabaseStatus(server.database, storage: server.settings.storage).text()
    for part in ["1 of them FAILED", "disk_usage: 1 steps of 1 servers", "23514"] {
      #expect(status.contains(part), "\(part) is not in \(status)")
    }

    // New rows are rolled up meanwhile, also those of that table, and the unit is not tried before its time.
    try await fleet.push(bad, minutes: 120..<180)
    #expect(try await fleet.rollups.round().failures == 0)
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM rollups.disk_usage_5m
        WHERE server_id = \(bad.collector.serverID) AND time >= to_timestamp(\(fleet.start + 120 * 60))
        """) == 12)
    #expect(try await fleet.units(unit) == 1)

    // The unit fails again and waits twice as long.
    try await server.database.script("UPDATE pganalytics.rollup_units SET next_try = now()")
    #expect(try await fleet.rollups.round().failures == 1)
    #expect(try await fleet.units("attempts = 2 AND next_try > now() + interval '19 min'") == 1)

    try await server.database.script(
      "ALTER TABLE rollups.disk_usage_5m DROP CONSTRAINT refused; UPDATE pganalytics.rollup_units SET next_try = now()")
    #expect(try await fleet.rollups.round().failures == 0)
    #expect(try await fleet.units() == 0)
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.rollup_pending") == 0)
    #expect(try await fleet.source(bad, "disk_usage") == "5m")
    let hours = try await bad.metrics(
      "metric_type=disk_usage&bucket=1h&aggregate=sum&start_time=\(fleet.time(0).rfc3339)&end_time=\(fleet.time(180).rfc3339)"
    )
    #expect(hours.json["source"]?.text == "1h")
    #expect(hours.json["data"]?.elements.compactMap { $0["used_gb"]?.number } == [1770, 5370, 8970])
    await server.stop()
  }

  @Test(arguments: TestCluster.storageKinds)
  func `a missing table stops no other table`(_ kind: StorageKind) async throws {
    let fleet = try await Fleet(kind)
    let server = fleet.server
    try await server.database.script("ALTER TABLE rollups.disk_usage_5m RENAME TO elsewhere")
    let first = try await fleet.rollups.round()
    #expect(first.failures > 0 && first.failures <= 3 + 2 * server.settings.rollupFailures)
    #expect(try await fleet.units("table_name = 'disk_usage' AND attempts > 0 AND sqlstate = '42P01'") >= 2)
    #expect(try await fleet.units("table_name <> 'disk_usage'") == 0)
    for reader in fleet.readers { #expect(try await fleet.source(reader, "sysstat_disk_io") == "5m") }
    for reader in fleet.readers { #expect(try await fleet.source(reader, "disk_usage") == "raw") }
    // Later rows join the waiting units and cause no further failure.
    for reader in fleet.readers { try await fleet.push(reader, minutes: 120..<180) }
    #expect(try await fleet.rollups.round().failures == 0)
    try await server.database.script(
      "ALTER TABLE rollups.elsewhere RENAME TO disk_usage_5m; UPDATE pganalytics.rollup_units SET next_try = now()")
    #expect(try await fleet.rollups.round().failures == 0)
    #expect(try await fleet.units() == 0)
    for reader in fleet.readers { #expect(try await fleet.source(reader, "disk_usage", to: 180) == "5m") }
    await server.stop()
  }

  @Test func `a statement that takes too long is divided until it is short enough`() async throws {
    let fleet = try await Fleet(.plain) { $0.rollupTimeout = .seconds(1) }
    let server = fleet.server
    // More than 24 buckets in one statement take too long.
    try await server.database.script(
      """
      CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_sleep(0.04); RETURN NEW; END $$;
      CREATE TRIGGER slow BEFORE INSERT ON rollups.disk_usage_5m FOR EACH ROW EXECUTE FUNCTION slow();
      """)
    #expect(try await fleet.rollups.round().failures > 0)
    #expect(try await fleet.units() == 0)
    for reader in fleet.readers { #expect(try await fleet.source(reader, "disk_usage") == "5m") }
    await server.stop()
  }

  @Test func `units whose rows are past their retention are given up`() async throws {
    let fleet = try await Fleet(.plain)
    try await fleet.server.database.script(
      """
      INSERT INTO pganalytics.rollup_units (step_seconds, table_name, server_id, start_time, end_time, attempts, next_try)
      SELECT 300, 'disk_usage', 1, now() - days - interval '1 h', now() - days, 3, now() + interval '1 day'
      FROM unnest('{31 days,20 days}'::interval[]) AS days
      """)
    #expect(try await fleet.rollups.round().givenUp == 1)
    #expect(try await fleet.units() == 1)
    await fleet.server.stop()
  }

  @Test(.enabled(if: TestCluster.storageKinds.contains(.timescale), "TimescaleDB is not installed"))
  func `a late push into a compressed chunk is rolled up by the batches of its server alone`() async throws {
    let fleet = try await Fleet(.timescale)
    let server = fleet.server
    #expect(try await fleet.rollups.round().failures == 0)
    // Buckets of other servers in the same chunk, more than a statement may decompress.
    try await server.database.script(
      """
      INSERT INTO rollups.disk_usage_5m (time, server_id, object_id, first_time, last_time, "used_gb.sum")
      SELECT to_timestamp(\(fleet.start) + slot * 300), 1000 + server, object, now(), now(), 1
      FROM generate_series(0, 287) AS slot, generate_series(1, 40) AS server, generate_series(1, 10) AS object;
      SELECT compress_chunk(chunk) FROM show_chunks('rollups.disk_usage_5m') AS chunk;
      SELECT compress_chunk(chunk) FROM show_chunks('rollups.sysstat_disk_io_5m') AS chunk
      """)
    try await fleet.push(fleet.readers[0], minutes: 60..<64)
    try await server.database.script(
      "ALTER DATABASE \(try await database(server)) SET timescaledb.max_tuples_decompressed_per_dml_transaction = 1000")
    let late = Rollups(
      database: server.database, kind: .timescale,
      storage: Live(
        constant: {
          var storage = server.settings.storage
          storage.rollupDecompressedRows = 1000
          return storage
        }()))
    let round = try await late.round { Issue.record("\($0)") }
    #expect(round.failures == 0 && round.stretches > 0)
    #expect(try await fleet.units() == 0)
    for reader in fleet.readers { #expect(try await fleet.source(reader, "disk_usage") == "5m") }
    // The batches of the other servers are unchanged.
    #expect(
      try await server.integer(
        "SELECT count(*) FROM rollups.disk_usage_5m WHERE server_id > 1000") == 288 * 40 * 10)
    await server.stop()
  }

  @Test(.enabled(if: TestCluster.storageKinds.contains(.timescale), "TimescaleDB is not installed"))
  func `roll-ups that decompress too much at once go server by server`() async throws {
    let fleet = try await Fleet(.timescale) { $0.rollupDecompressedRows = 1 }
    let server = fleet.server
    #expect(try await fleet.rollups.round().failures == 0)
    try await server.database.script(
      "SELECT compress_chunk(chunk) FROM show_chunks('rollups.disk_usage_5m') AS chunk")
    for reader in fleet.readers { try await fleet.push(reader, minutes: 10..<14) }
    #expect(try await fleet.rollups.round().failures > 0)
    #expect(try await fleet.units() == 0)
    for reader in fleet.readers { #expect(try await fleet.source(reader, "disk_usage") == "5m") }
    await server.stop()
  }

  private func database(_ server: RunningServer) async throws -> String {
    try #require(
      try await server.database.one(Statement<SingleValue<String>>("own_name", "SELECT current_database()::text"))
    ).value
  }
}
