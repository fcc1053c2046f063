import Glibc
import Testing

@testable import App

/// The checks on a week of a fleet. `scripts/finding-week` runs the week of more servers.
@Suite struct FindingWeekTests {
  /// What goes wrong in Tests/History/sick.sql: the finding, and the hours in which it has to open and to end.
  struct Trouble: Sendable {
    let check: String
    let server: Int32
    let subject: String
    let opens: ClosedRange<Double>
    let ends: ClosedRange<Double>

    init(
      _ check: String, _ server: Int32, _ subject: String = "", opens: ClosedRange<Double>, ends: ClosedRange<Double>
    ) {
      self.check = check
      self.server = server
      self.subject = subject
      self.opens = opens
      self.ends = ends
    }
  }

  static let troubles: [Trouble] = [
    Trouble("silent_collector", 6, opens: 26...26.7, ends: 27...27.4),
    Trouble("certificate_expiry", 1, opens: 71.9...72.4, ends: 96...96.4),
    Trouble("rejects", 6, opens: 48...48.4, ends: 49...49.4),
    Trouble("disk_full", 6, "/dev/vdb", opens: 50...50.4, ends: 52...52.4),
    Trouble("disk_full_soon", 1, "/dev/vda", opens: 60...84, ends: 120...120.4),
    Trouble("xid_age", 1, "app", opens: 30...30.4, ends: 35...35.4),
    Trouble("long_transaction", 6, "app", opens: 34.4...35, ends: 36...36.4),
    Trouble("idle_in_transaction", 6, "app", opens: 38.1...38.4, ends: 40...40.4),
    Trouble("connections_near_limit", 6, opens: 42...42.4, ends: 43...43.4),
    Trouble("blocked_sessions", 6, opens: 44...44.4, ends: 45...45.4),
    Trouble("blocking_chain", 1, opens: 46...46.4, ends: 47...47.4),
    Trouble("replication_lag", 4, "standby1", opens: 50...50.4, ends: 51...51.4),
    Trouble("slot_retention", 1, "slot1", opens: 53...53.4, ends: 54...54.4),
    Trouble("inactive_slot", 4, "slot1", opens: 120.9...121.7, ends: 123...123.4),
    Trouble("standby_gone", 1, "standby2", opens: 124...124.7, ends: 126...126.4),
    Trouble("wal_storm", 6, opens: 56...56.7, ends: 57...57.7),
    Trouble("temp_files", 6, opens: 60...60.4, ends: 61...61.7),
    Trouble("cache_hit_collapse", 6, opens: 64...64.4, ends: 65...65.7),
    Trouble("slow_query", 6, "{SELECT v FROM t5 WHERE id = $1}", opens: 70...70.7, ends: 71...71.7),
    Trouble("new_top_query", 6, "{SELECT count(*) FROM events}", opens: 96...97, ends: 97...103),
    Trouble("dead_rows_growth", 6, "app.public.t1", opens: 60.5...64, ends: 66...69),
    Trouble("autovacuum_overdue", 1, "app.public.t2", opens: 72...73.4, ends: 78...78.4),
    Trouble("stale_statistics", 1, "app.public.t3", opens: 80...83, ends: 86...86.9),
    Trouble("unused_large_index", 6, "app.public.t4.t4_v", opens: 144...145.4, ends: 156...158),
    Trouble("bloat", 6, "app.public.t5", opens: 88...88.9, ends: 91...91.9),
    Trouble("schema_change", 6, "app", opens: 92...92.7, ends: 93...94),
    Trouble("extension_out_of_date", 1, "app.pg_stat_statements", opens: 94...95.4, ends: 97...98.4),
    Trouble("error_burst", 6, opens: 106...106.4, ends: 106.5...106.9),
    Trouble("deadlocks", 1, opens: 108...108.4, ends: 109...109.4),
  ]

  @Test func `every check is provoked once`() {
    #expect(Self.troubles.map(\.check).sorted() == Checks.all.map(\.name).sorted())
  }

  /// Servers 2, 3 and 5 stay healthy: a restart, a server that is away, and lists at the cap open nothing.
  @Test func `in a sick week each trouble opens one finding and ends it, and nothing else opens`() async throws {
    let week = try await FleetWeek.make(servers: 6, step: 10)
    defer { week.database.shutDown() }
    try await week.fallSick()
    async let first = week.findings(of: Checks.all.enumerated().filter { $0.offset % 2 == 0 }.map(\.element), every: 20)
    async let second = week.findings(
      of: Checks.all.enumerated().filter { $0.offset % 2 == 1 }.map(\.element), every: 20)
    let findings = try await (first + second).sorted { ($0.opened, $0.check) < ($1.opened, $1.check) }
    let names = Statement<String, SingleValue<String>>(
      "test_text_id", "SELECT text_id::text FROM pganalytics.texts WHERE value = $1 LIMIT 1")
    for trouble in Self.troubles {
      var subject = trouble.subject
      if subject.hasPrefix("{") {
        subject = try #require(await week.database.one(names, String(subject.dropFirst().dropLast()))).value
      }
      let own = findings.filter { $0.check == trouble.check }
      #expect(own.count == 1, "\(trouble.check): \(own)")
      guard let finding = own.first else { continue }
      #expect(finding.server == trouble.server && finding.subject == subject, "\(finding)")
      #expect(trouble.opens.contains(finding.opened), "\(finding)")
      #expect(finding.ended.map(trouble.ends.contains) == true, "\(finding)")
    }
    #expect(findings.count == Self.troubles.count)
  }

  /// The week of a larger fleet takes minutes, so it runs only by `scripts/finding-week`.
  private static let servers = getenv("FINDING_WEEK_SERVERS").flatMap { Int(String(cString: $0)) }

  @Test(.enabled(if: servers != nil, "scripts/finding-week runs it"))
  func `a healthy week opens nothing`() async throws {
    let week = try await FleetWeek.make(servers: max(6, Self.servers ?? 0), step: 5)
    defer { week.database.shutDown() }
    let clock = ContinuousClock()
    for check in Checks.all {
      let start = clock.now
      let findings = try await week.findings(of: [check], every: 5)
      print("\(check.name): \(findings.count) findings, \(clock.now - start)")
      #expect(findings.isEmpty, "\(findings)")
    }
  }
}
