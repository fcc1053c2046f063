import Protocol
import Testing

@testable import App

/// The output of `pganalytics db status`.
@Suite struct DatabaseStatusTests {
  @Test(arguments: TestCluster.storageKinds)
  func `the status shows schema, tables and fleet of a database in use`(_ kind: StorageKind) async throws {
    let server = try await RunningServer.start(kind)
    let collector = try await server.enrol()
    #expect(
      try await collector.push(collector.push(of: [TestCollector.disk("/dev/a", used: 1)])).status == 200)
    let status = try await DatabaseStatus(server.database, storage: server.settings.storage)
    #expect(status.storage == kind)
    #expect(status.fleet.enrolled == 1 && status.fleet.revoked == 0 && status.fleet.deadLetters == 0)
    #expect(status.migrations.allSatisfy { $0.appliedAt != nil })
    let disks = try #require(status.tables.first { $0.name == "metrics.disk_usage" })
    #expect(disks.partitions >= 1 && disks.bytes > 0 && disks.compressed == 0)
    let (oldest, newest) = (try #require(disks.oldest), try #require(disks.newest))
    #expect(oldest < newest)
    let ledger = try #require(status.tables.first { $0.name == "pganalytics.push_ledger" })
    #expect(ledger.partitions >= Int64(server.settings.partitionsAhead))
    let text = status.text()
    for part in ["up to date", "1 enrolled", "metrics.disk_usage", "dead letters 0", "roll-ups     5m: "] {
      #expect(text.contains(part), "\(part) is not in \(text)")
    }
    await server.stop()
  }

  @Test(.enabled(if: TestCluster.storageKinds.contains(.timescale), "TimescaleDB is not installed"))
  func `failed jobs of TimescaleDB are in status, metrics and reasons, and the server stays ready`() async throws {
    let server = try await RunningServer.start(.timescale) { $0.rollupInterval = .seconds(1) }
    let client = try await server.client()
    // A job that failed more often than any other job can have failed by now.
    try await server.database.script(
      """
      INSERT INTO _timescaledb_internal.bgw_job_stat
        (job_id, last_start, last_finish, next_start, last_successful_finish, last_run_success, total_runs, total_duration,
         total_duration_failures, total_successes, total_failures, total_crashes, consecutive_failures, consecutive_crashes)
      SELECT job_id, now(), now(), now() + interval '1 day', '-infinity', false, 3000, '1 s', '1 s', 0, 3000, 0, 3000, 0
      FROM timescaledb_information.jobs WHERE hypertable_name = 'pg_log' AND proc_name = 'policy_compression'
      ON CONFLICT (job_id) DO UPDATE SET last_run_success = false, total_failures = 3000, next_start = excluded.next_start
      """)
    try await server.eventually("the failed jobs are not noticed") {
      let failed = try await server.integer(
        "SELECT count(*) FROM timescaledb_information.job_stats WHERE last_run_status = 'Failed' AND hypertable_name IS NOT NULL"
      )
      let isCounted = try await server.counts("pganalytics_timescale_failed_jobs \(failed)")
      return failed > 0 && isCounted
    }
    let ready = try await client.request("GET", "/api/v1/health/ready")
    #expect(ready.status == 200)
    #expect(ready.json["status"]?.text == "degraded")
    #expect(ready.json["reasons"]?[0]?["reason"]?.text == "storage_jobs_failing")
    let status = try await DatabaseStatus(server.database, storage: server.settings.storage).text()
    #expect(status.contains("policy_compression of metrics.pg_log: 3000 failures"), "\(status)")
    await server.stop()
  }

  @Test func `the status of an empty database is an error`() async throws {
    let database = try Database.start(try await TestCluster.shared.get().makeDatabase())
    defer { database.shutDown() }
    await #expect(throws: Storage.Unusable.self) { try await DatabaseStatus(database, storage: Settings().storage) }
  }
}
