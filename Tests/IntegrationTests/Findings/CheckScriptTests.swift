import Ground
import Testing

@testable import App

/// Each check opens when its script's data show it, and ends when they no longer do, once each. All checks run in every
/// script, so a script also shows that no other check takes its data for a finding.
@Suite struct CheckScriptTests {
  struct Step: Sendable {
    let minute: Double
    /// Rows of this round; `{5}` is the time of minute 5.
    let sql: String
    /// What is open after the round.
    let open: [String]

    init(_ minute: Double, _ sql: String, open: [String] = []) {
      self.minute = minute
      self.sql = sql
      self.open = open
    }
  }

  struct Script: Sendable, CustomTestStringConvertible {
    let check: String
    let steps: [Step]
    /// Openings and endings in their order.
    let history: [String]
    var testDescription: String { check }
  }

  // MARK: Rows

  static func object(_ id: Int, _ kind: String, _ name: String, _ key: String) -> String {
    "INSERT INTO pganalytics.objects VALUES (1, \(id), '\(kind)', '\(name)', '\(key)') ON CONFLICT DO NOTHING;"
  }

  static func disk(_ minute: Double, _ percent: Double, _ id: Int = 1) -> String {
    """
    INSERT INTO metrics.disk_usage (time, server_id, object_id, total_gb, used_gb, free_gb, percent_used)
    VALUES ({\(minute)}, 1, \(id), 100, \(Int(percent)), \(100 - Int(percent)), \(percent));
    """
  }

  /// The row that the connections' list of every round has.
  static func sessions(_ minute: Double, _ count: Int = 5) -> String {
    """
    INSERT INTO metrics.pg_connections_by_state (time, server_id, database_id, database, state, count)
    VALUES ({\(minute)}, 1, 1, 'app', 'active', \(count)), ({\(minute)}, 1, 2, 'app', 'active', \(count));
    """
  }

  static func long(_ minute: Double, _ seconds: Int, _ database: String = "app", pid: Int = 77, _ query: Int = 0)
    -> String
  {
    """
    INSERT INTO metrics.pg_long_running_transactions
      (time, server_id, database_id, pid, username, database, state, duration_seconds, query_id)
    VALUES ({\(minute)}, 1, 1, \(pid), 'ann', '\(database)', 'active', \(seconds), \(query)),
      ({\(minute)}, 1, 2, \(pid), 'ann', '\(database)', 'active', \(seconds), \(query));
    """
  }

  static func idle(_ minute: Double, _ seconds: Int) -> String {
    """
    INSERT INTO metrics.pg_idle_transactions
      (time, server_id, database_id, pid, username, database, state, idle_time_seconds)
    VALUES ({\(minute)}, 1, 1, 78, 'ann', 'app', 'idle in transaction', \(seconds));
    """
  }

  /// The lock that the collector itself holds.
  static func lock(
    _ minute: Double, pid: Int = 9, granted: Bool = true, mode: String = "AccessShareLock", on thing: Int = 12222
  )
    -> String
  {
    """
    INSERT INTO metrics.pg_locks (time, server_id, database_id, pid, locktype, mode, granted, database, relation)
    VALUES ({\(minute)}, 1, 1, \(pid), 'relation', '\(mode)', \(granted), 5, \(thing));
    """
  }

  static func wait(_ minute: Double, _ blocked: Int, _ blocking: Int, _ seconds: Int) -> String {
    """
    INSERT INTO metrics.pg_lock_wait_chains
      (time, server_id, database_id, blocked_pid, blocked_user, blocking_pid, blocking_user, wait_time_seconds)
    VALUES ({\(minute)}, 1, 1, \(blocked), 'ann', \(blocking), 'bob', \(seconds));
    """
  }

  static func wal(_ minute: Double, _ segments: Int = 10) -> String {
    """
    INSERT INTO metrics.pg_replication_wal (time, server_id, total_segments, current_wal_size_mb, wal_directory_size_mb)
    VALUES ({\(minute)}, 1, \(segments), \(segments * 16), \(segments * 16));
    """
  }

  static func standby(_ minute: Double, lag milliseconds: Int, megabytes: Int = 0) -> String {
    """
    INSERT INTO metrics.pg_replication_status (time, server_id, object_id, state, replay_lag_ms, behind_by_mb)
    VALUES ({\(minute)}, 1, 3, 'streaming', \(milliseconds), \(megabytes));
    """
  }

  static func slot(_ minute: Double, bytes: Int = 0, active: Bool = true) -> String {
    """
    INSERT INTO metrics.pg_replication_slots (time, server_id, object_id, slot_type, active, bytes_retained, wal_retained_mb)
    VALUES ({\(minute)}, 1, 4, 'physical', \(active), \(bytes), \(bytes / 1_048_576));
    """
  }

  static func xid(_ minute: Double, _ age: Int, current: Int = 2_000_000_000) -> String {
    """
    INSERT INTO metrics.pg_replication_wraparound (time, server_id, object_id, relfrozenxid, current_xid, xid_until_wraparound)
    VALUES ({\(minute)}, 1, 5, \(current - age), \(current), \(2_147_483_648 - age));
    """
  }

  static let objects =
    object(1, "disk_usage", "/dev/a./", "{/dev/a,/}") + object(2, "disk_usage", "/dev/b./data", "{/dev/b,/data}")
    + object(3, "pg_replication_status", "standby1", "{standby1}")
    + object(4, "pg_replication_slots", "slot1", "{slot1}")
    + object(5, "pg_replication_wraparound", "app", "{app}")

  // MARK: Scripts

  static let scripts: [Script] = [
    Script(
      check: "disk_full",
      steps: [
        Step(0, disk(0, 80)), Step(1, disk(1, 94.9)), Step(2, disk(2, 95), open: ["disk_full /dev/a./"]),
        Step(3, disk(3, 93), open: ["disk_full /dev/a./"]),
        // Without data nothing ends.
        Step(30, "", open: ["disk_full /dev/a./"]),
        Step(31, disk(31, 92.9)), Step(32, disk(32, 99) + disk(32, 50, 2), open: ["disk_full /dev/a./"]),
        // The other file system alone: the first one is unmounted.
        Step(33, disk(33, 50, 2)),
        // Rows of zeros are a gap.
        Step(34, disk(34, 0, 2)),
      ],
      history: [
        "disk_full /dev/a./ opened", "disk_full /dev/a./ ended recovered", "disk_full /dev/a./ opened",
        "disk_full /dev/a./ ended gone",
      ]),
    Script(
      check: "disk_full_soon",
      steps: [
        // Two days in which 0.5 % an hour are added to 60 %, with a short burst.
        Step(
          0,
          (0...96).map { disk(Double($0 - 96) * 30, 60 + Double($0) / 4 - 24 + ($0 == 50 ? 15 : 0)) }.joined(),
          open: []),
        Step(30, disk(30, 80), open: ["disk_full_soon /dev/a./"]),
        Step(60, disk(60, 51)),
      ],
      history: ["disk_full_soon /dev/a./ opened", "disk_full_soon /dev/a./ ended recovered"]),
    Script(
      check: "xid_age",
      steps: [
        Step(0, xid(0, 999_999_999)), Step(1, xid(1, 1_000_000_000), open: ["xid_age app"]),
        Step(2, xid(2, 950_000_000), open: ["xid_age app"]),
        Step(3, xid(3, 100_000_000)),
        // What the collector sends of a server that it cannot reach.
        Step(4, xid(4, 0, current: 0).replacing("2147483648", with: "0")),
      ],
      history: ["xid_age app opened", "xid_age app ended recovered"]),
    Script(
      check: "long_transaction",
      steps: [
        Step(0, sessions(0) + long(0, 60)), Step(1, sessions(1) + long(1, 1800), open: ["long_transaction app"]),
        Step(2, sessions(2) + long(2, 1500) + long(2, 1499, "other", pid: 79), open: ["long_transaction app"]),
        // The database is away: no data, and no end.
        Step(20, "", open: ["long_transaction app"]),
        Step(21, sessions(21)),
        Step(
          22,
          "INSERT INTO pganalytics.texts VALUES (1, 8, 'START_REPLICATION SLOT \"s\" LOGICAL 0/0');" + sessions(22)
            + long(22, 999_999, "", pid: 80, 8)),
      ],
      history: ["long_transaction app opened", "long_transaction app ended recovered"]),
    Script(
      check: "idle_in_transaction",
      steps: [
        Step(0, sessions(0) + idle(0, 599)), Step(1, sessions(1) + idle(1, 600), open: ["idle_in_transaction app"]),
        Step(2, sessions(2) + idle(2, 300), open: ["idle_in_transaction app"]),
        Step(3, sessions(3) + idle(3, 299)),
      ],
      history: ["idle_in_transaction app opened", "idle_in_transaction app ended recovered"]),
    Script(
      check: "connections_near_limit",
      steps: [
        Step(0, sessions(0, 500)),
        // A person sets a limit.
        Step(
          1,
          """
          INSERT INTO pganalytics.check_settings (check_name, thresholds)
          VALUES ('connections_near_limit', '{"connections": 100}');
          """ + sessions(1, 99)),
        Step(2, sessions(2, 100), open: ["connections_near_limit"]),
        Step(3, sessions(3, 90), open: ["connections_near_limit"]), Step(4, sessions(4, 89)),
        // A collector reports max_connections.
        Step(
          5,
          sessions(5, 50)
            + "INSERT INTO metrics.pg_connections VALUES ({5}, 1, 1, 50, '{\"max_connections\": 55}');",
          open: ["connections_near_limit"]),
        Step(6, sessions(6, 10)),
      ],
      history: [
        "connections_near_limit opened", "connections_near_limit ended recovered", "connections_near_limit opened",
        "connections_near_limit ended recovered",
      ]),
    Script(
      check: "blocked_sessions",
      steps: [
        Step(0, lock(0)), Step(1, lock(1) + wait(1, 20, 21, 29)),
        Step(2, lock(2) + wait(2, 20, 21, 30), open: ["blocked_sessions"]),
        Step(3, lock(3) + wait(3, 22, 21, 15), open: ["blocked_sessions"]),
        Step(4, lock(4) + wait(4, 22, 21, 14)),
      ],
      history: ["blocked_sessions opened", "blocked_sessions ended recovered"]),
    Script(
      check: "blocking_chain",
      steps: [
        // Three sessions side by side for one lock: the collector pairs each with each.
        Step(
          0,
          lock(0, pid: 30, mode: "AccessExclusiveLock", on: 1)
            + (31...33).map { lock(0, pid: $0, granted: false, mode: "RowExclusiveLock", on: 1) }.joined()
            + (31...33).flatMap { a in (30...33).filter { $0 != a }.map { wait(0, a, $0, 5) } }.joined()),
        // 43 waits for 42, which waits for 41, which waits for 40.
        Step(
          1,
          lock(1, pid: 40, mode: "ExclusiveLock", on: 1)
            + lock(1, pid: 41, granted: false, mode: "ExclusiveLock", on: 1)
            + lock(1, pid: 41, mode: "ExclusiveLock", on: 2)
            + lock(1, pid: 42, granted: false, mode: "ExclusiveLock", on: 2)
            + lock(1, pid: 42, mode: "ExclusiveLock", on: 3)
            + lock(1, pid: 43, granted: false, mode: "ExclusiveLock", on: 3)
            + wait(1, 41, 40, 5) + wait(1, 42, 41, 5) + wait(1, 43, 42, 5),
          open: ["blocking_chain"]),
        // A circle.
        Step(
          2,
          lock(2, pid: 50, mode: "ExclusiveLock", on: 1)
            + lock(2, pid: 51, granted: false, mode: "ExclusiveLock", on: 1)
            + lock(2, pid: 51, mode: "ExclusiveLock", on: 2)
            + lock(2, pid: 50, granted: false, mode: "ExclusiveLock", on: 2)
            + wait(2, 50, 51, 1) + wait(2, 51, 50, 1),
          open: ["blocking_chain"]),
        Step(3, lock(3)),
      ],
      history: ["blocking_chain opened", "blocking_chain ended recovered"]),
    Script(
      check: "replication_lag",
      steps: [
        Step(0, wal(0) + standby(0, lag: 59_000)),
        Step(1, wal(1) + standby(1, lag: 60_000), open: ["replication_lag standby1"]),
        Step(2, wal(2) + standby(2, lag: 30_000), open: ["replication_lag standby1"]),
        // A row of zeros: the collector could not reach the server.
        Step(3, wal(3, 0), open: ["replication_lag standby1"]),
        Step(4, wal(4) + standby(4, lag: 29_000, megabytes: 511)),
        Step(5, wal(5) + standby(5, lag: 0, megabytes: 1024), open: ["replication_lag standby1"]),
        Step(6, wal(6)),
      ],
      history: [
        "replication_lag standby1 opened", "replication_lag standby1 ended recovered",
        "replication_lag standby1 opened",
        "replication_lag standby1 ended gone",
      ]),
    Script(
      check: "slot_retention",
      steps: [
        Step(0, wal(0) + slot(0, bytes: 10_000_000_000)),
        Step(1, wal(1) + slot(1, bytes: 10_737_418_240), open: ["slot_retention slot1"]),
        Step(2, wal(2) + slot(2, bytes: 9_000_000_000), open: ["slot_retention slot1"]),
        Step(3, wal(3) + slot(3, bytes: 1)),
      ],
      history: ["slot_retention slot1 opened", "slot_retention slot1 ended recovered"]),
    Script(
      check: "inactive_slot",
      steps: [
        Step(0, wal(0) + slot(0)),
        // Not used since minute 1; seen for an hour from minute 0 on.
        Step(50, (1...50).map { wal(Double($0)) + slot(Double($0), active: false) }.joined()),
        Step(61, wal(61) + slot(61, active: false), open: ["inactive_slot slot1"]),
        Step(62, wal(62) + slot(62, active: false), open: ["inactive_slot slot1"]),
        Step(63, wal(63) + slot(63)),
      ],
      history: ["inactive_slot slot1 opened", "inactive_slot slot1 ended recovered"]),
    Script(
      check: "silent_collector",
      steps: [
        Step(0, ""),
        Step(10, "UPDATE pganalytics.servers SET last_seen_at = {5.1};"),
        Step(11, "UPDATE pganalytics.servers SET last_seen_at = {6};", open: ["silent_collector"]),
        Step(20, "UPDATE pganalytics.servers SET last_seen_at = {6};", open: ["silent_collector"]),
        Step(21, ""),
        // The program was down until minute 25.
        Step(
          27.5,
          """
          UPDATE pganalytics.servers SET last_seen_at = {21};
          INSERT INTO pganalytics.check_runs (check_name, resumed_at) VALUES ('silent_collector', {25})
          ON CONFLICT (check_name) DO UPDATE SET resumed_at = {25};
          """),
        Step(30, "UPDATE pganalytics.servers SET last_seen_at = {21};", open: ["silent_collector"]),
        // A revoked collector is meant to be silent.
        Step(
          31, "UPDATE pganalytics.servers SET last_seen_at = {21}; UPDATE pganalytics.collectors SET revoked_at = {30};"
        ),
      ],
      history: [
        "silent_collector opened", "silent_collector ended recovered", "silent_collector opened",
        "silent_collector ended recovered",
      ]),
    Script(
      check: "certificate_expiry",
      steps: [
        Step(0, "UPDATE pganalytics.collector_certificates SET not_before = {-100000}, not_after = {7205};"),
        Step(6, "", open: ["certificate_expiry"]),
        Step(7, "UPDATE pganalytics.collector_certificates SET not_after = {50000};"),
        // A certificate that lives for an hour only is not near its end for all of it.
        Step(8, "UPDATE pganalytics.collector_certificates SET not_before = {0}, not_after = {60};"),
        Step(50, "", open: ["certificate_expiry"]),
        Step(52, "UPDATE pganalytics.collectors SET revoked_at = {51};"),
      ],
      history: [
        "certificate_expiry opened", "certificate_expiry ended recovered", "certificate_expiry opened",
        "certificate_expiry ended recovered",
      ]),
    Script(
      check: "rejects",
      steps: [
        Step(0, ""),
        Step(
          1,
          """
          INSERT INTO pganalytics.collector_rejects SELECT id, 'missing_field', 'pg_stats', 3, {0.5}, gen_random_uuid(), 'x'
          FROM pganalytics.collectors;
          """, open: ["rejects"]),
        Step(60, "", open: ["rejects"]), Step(61, ""),
      ],
      history: ["rejects opened", "rejects ended recovered"]),
  ]

  @Test(arguments: scripts) func `a check opens and ends once on scripted data`(_ script: Script) async throws {
    let world = try await EvaluationWorld.make()
    defer { world.shutDown() }
    #expect(try await world.addServer() == 1)
    try await world.run(Self.objects)
    for step in script.steps {
      try await world.push(step.minute)
      if !step.sql.isEmpty { try await world.run(step.sql) }
      let round = try await world.evaluate(step.minute)
      #expect(round.failures == 0)
      #expect(try await world.open() == step.open, "\(script.check), minute \(step.minute)")
      // A second evaluation of the same data changes nothing.
      try await world.run("UPDATE pganalytics.server_states SET pushed_at = NULL")
      let again = try await world.evaluate(step.minute)
      #expect(again.opened == 0 && again.ended == 0, "\(script.check), minute \(step.minute), again")
    }
    #expect(try await world.history() == script.history)
  }

  @Test func `every check of this program's own rows has a script`() {
    let own = Checks.collectors + Checks.space + Checks.sessions + Checks.locks + Checks.replication
    #expect(Set(Self.scripts.map(\.check)) == Set(own.map(\.name)))
  }
}
