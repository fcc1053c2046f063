// A migrated database with channels and findings, and dispatchers on it, for tests of the outbox.

import Ground
import HTTPClient
import Protocol
import Reactor
import Synchronization
import Testing

@testable import App

final class NotificationBench: Sendable {
  let database: Database
  let settings: LiveSettings
  private let address: DatabaseSettings
  private let names = Atomic<Int>(0)

  /// - Parameter change: settings that differ from those of the tests: no group time, short pauses.
  init(_ change: (inout Settings) -> Void = { _ in }) async throws {
    address = try await TestCluster.shared.get().makeDatabase()
    database = try Database.start(address)
    var settings = Settings()
    settings.logLevel = "critical"
    settings.notificationInterval = .milliseconds(100)
    settings.notificationGroupTime = .zero
    settings.notificationRetry = .milliseconds(100)
    settings.notificationRetryMaximum = .milliseconds(200)
    change(&settings)
    self.settings = LiveSettings(settings)
    _ = try await Migrator(database: database, storage: settings.storage).migrate()
    try await database.script(
      """
      INSERT INTO pganalytics.servers (name, hostname) SELECT 'db' || i, 'h' || i FROM generate_series(1, 20) i;
      INSERT INTO pganalytics.labels (server_id, name, value)
      SELECT i, 'env', CASE WHEN i <= 10 THEN 'production' ELSE 'test' END FROM generate_series(1, 20) i
      """)
  }

  /// Runs `body` beside dispatchers, each with a database client of its own, and ends them.
  func dispatching(
    _ carriers: [RecordingCarrier], _ body: ([Dispatcher]) async throws -> Void
  ) async throws {
    var running: [(task: Task<Void, Never>, database: Database, dispatcher: Dispatcher)] = []
    for carrier in carriers {
      let own = try Database.start(address)
      let dispatcher = Dispatcher(
        database: own,
        delivery: ChannelDelivery(carrier: carrier, secrets: ChannelSecrets(settings), settings: settings),
        settings: settings, log: ServerLog(settings.now))
      running.append((Task { await dispatcher.run() }, own, dispatcher))
    }
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(running.map(\.dispatcher))) } catch { outcome = .failure(error) }
    for one in running { one.task.cancel() }
    for one in running {
      await one.task.value
      one.database.shutDown()
    }
    try outcome.get()
  }

  func shutDown() { database.shutDown() }

  /// Adds a channel. - Parameter columns: assignments that differ from the defaults, as SQL.
  @discardableResult
  func channel(_ kind: ChannelKind = .webhook, _ columns: [String: String] = [:]) async throws -> UUID {
    let id = UUID.random()
    let target =
      switch kind {
      case .webhook, .slack, .alertmanager: #"{"url":"https://hooks.example.com/\#(id)"}"#
      case .email: #"{"host":"mail.example.com","from":"pga@example.com","to":["a@example.com","b@example.com"]}"#
      }
    var values = [
      "id": "'\(id)'", "name": "'\(id)'", "kind": "'\(kind.rawValue)'", "target": "'\(target)'",
      "messages_per_minute": "1000",
    ]
    values.merge(columns) { $1 }
    let names = values.keys.sorted()
    try await database.script(
      """
      INSERT INTO pganalytics.channels (\(names.joined(separator: ", ")))
      VALUES (\(names.map { values[$0]! }.joined(separator: ", ")))
      """)
    return id
  }

  /// Opens findings of a check on servers 1 to `servers`, with their events, as the evaluator does.
  func open(
    _ check: String = "disk_full", servers: ClosedRange<Int> = 1...1, subject: String = "",
    severity: String = "critical", secondsAgo: Int = 0
  ) async throws {
    try await database.script(
      """
      WITH opened AS (
        INSERT INTO pganalytics.findings (check_name, server_id, subject, severity, message, value, threshold, opened_at,
          last_seen_at)
        SELECT '\(check)', i, '\(subject)', '\(severity)', 'it is bad', 1, 2, now(), now()
        FROM generate_series(\(servers.lowerBound), \(servers.upperBound)) i RETURNING id)
      INSERT INTO pganalytics.finding_events (finding_id, kind, at)
      SELECT id, 'opened', now() - make_interval(secs => \(secondsAgo)) FROM opened
      """)
  }

  /// Ends the open findings of a check.
  func end(_ check: String = "disk_full") async throws {
    try await database.script(
      """
      WITH ended AS (
        UPDATE pganalytics.findings SET ended_at = now(), end_reason = 'recovered'
        WHERE check_name = '\(check)' AND ended_at IS NULL RETURNING id)
      INSERT INTO pganalytics.finding_events (finding_id, kind) SELECT id, 'ended' FROM ended
      """)
  }

  /// The one integer that `sql` selects.
  func integer(_ sql: String) async throws -> Int64 {
    let statement = Statement<SingleValue<Int64>>("bench_\(names.add(1, ordering: .relaxed).newValue)", sql)
    return try #require(try await database.one(statement)).value
  }

  /// The number of rows of `pganalytics.<table>` for which `condition` holds.
  func count(_ table: String, _ condition: String = "true") async throws -> Int64 {
    try await integer("SELECT count(*) FROM pganalytics.\(table) WHERE \(condition)")
  }

  /// Waits until everything is delivered.
  func settle() async throws {
    try await eventually("something still waits") { try await isQuiet() }
  }

  /// Whether all events are taken, nothing waits to be composed and no message waits to be delivered.
  func isQuiet() async throws -> Bool {
    try await integer(
      """
      SELECT (SELECT count(*) FROM pganalytics.finding_events WHERE dispatched_at IS NULL)
        + (SELECT count(*) FROM pganalytics.notifications WHERE state = 'pending')
        + (SELECT count(*) FROM pganalytics.outbox WHERE state = 'waiting')
      """) == 0
  }

  /// Checks `condition` again and again until it holds.
  func eventually(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
  ) async throws {
    let end = MonotonicTime.now() + .seconds(TestClient.patience)
    while MonotonicTime.now() < end {
      if try await condition() { return }
      // because each look costs the database a statement. This is a pause between looks, not a guess at a duration.
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record(what, sourceLocation: sourceLocation)
  }
}
