// A migrated database without a server, for tests that decide at which time checks are evaluated.

import Glibc
import Ground
import Protocol
import Testing

@testable import App

struct EvaluationWorld: Sendable {
  let database: Database
  let settings: DatabaseSettings
  /// Minute 0 of scripts: noon of yesterday.
  let start: Timestamp

  /// - Parameter days: how many days before `start` have partitions.
  static func make(_ kind: StorageKind = .plain, days: Int32 = 3) async throws -> EvaluationWorld {
    let settings = try await TestCluster.shared.get().makeDatabase()
    let database = try Database.start(settings)
    var storage = Settings().storage
    storage.kind = kind
    _ = try await Migrator(database: database, storage: storage).migrate()
    let today = Int64(Glibc.time(nil)) / 86_400
    if kind == .plain {
      _ = try await Partitions(database: database, storage: Live(constant: storage))
        .make(days: (-days...1).map { Day(unixDays: Int32(today) + $0) })
    }
    return EvaluationWorld(
      database: database, settings: settings, start: Timestamp(unixSeconds: (today - 1) * 86_400 + 43_200))
  }

  func shutDown() { database.shutDown() }

  func time(_ minute: Double) -> Timestamp {
    Timestamp(unixMicroseconds: start.unixMicroseconds + Int64(minute * 60_000_000))
  }

  /// The time as an SQL literal.
  func literal(_ minute: Double) -> String { "'\(time(minute).rfc3339)'::timestamptz" }

  /// Adds a server with a collector and a certificate for a year. - Returns: the server's id.
  @discardableResult
  func addServer(_ name: String = "db") async throws -> Int32 {
    let statement = Statement<String, SingleValue<Int32>>(
      "test_add_server",
      """
      WITH server AS (
        INSERT INTO pganalytics.servers (name, hostname, created_at) VALUES ($1, $1, \(literal(-5000))) RETURNING id),
      collector AS (
        INSERT INTO pganalytics.collectors (id, server_id, name, hostname)
        SELECT gen_random_uuid(), id, $1, $1 FROM server RETURNING id),
      certificate AS (
        INSERT INTO pganalytics.collector_certificates (serial, collector_id, fingerprint, not_before, not_after, issued_at)
        SELECT id::text, id, '', \(literal(-5000)), \(literal(500_000)), \(literal(-5000)) FROM collector)
      SELECT id FROM server
      """)
    return try #require(try await database.one(statement, name)).value
  }

  /// Runs `sql`, in which `{12.5}` stands for the time of minute 12.5.
  func run(_ sql: String) async throws {
    var text = ""
    var rest = sql[...]
    while let match = rest.firstMatch(of: /\{(-?[0-9.]+)\}/) {
      text += rest[..<match.range.lowerBound] + literal(Double(match.1) ?? 0)
      rest = rest[match.range.upperBound...]
    }
    try await database.script(text + rest)
  }

  /// Records a push of all servers, as the server does.
  func push(_ minute: Double) async throws {
    try await run("UPDATE pganalytics.servers SET last_seen_at = {\(minute)}")
  }

  /// One round at a minute. - Parameter checks: nil for all checks.
  @discardableResult
  func evaluate(_ minute: Double, _ checks: [Check] = Checks.all) async throws -> Evaluator.Round {
    let settings = Settings().findings
    return try await Evaluator(database: database, checks: checks, settings: Live(constant: settings))
      .round(at: time(minute)) { if case .checkFailed(let name, let error) = $0 { Issue.record("\(name): \(error)") } }
  }

  /// The open findings, as `check subject`, in their order.
  func open() async throws -> [String] {
    try await texts(
      "SELECT trim(check_name || ' ' || subject) FROM pganalytics.findings WHERE ended_at IS NULL ORDER BY 1")
  }

  /// All findings, as `check subject reason`, with their events in their order.
  func history() async throws -> [String] {
    try await texts(
      """
      SELECT concat_ws(' ', f.check_name, nullif(f.subject, ''), e.kind, CASE e.kind WHEN 'ended' THEN f.end_reason END)
      FROM pganalytics.finding_events e JOIN pganalytics.findings f ON f.id = e.finding_id ORDER BY e.id
      """)
  }

  /// The texts that `sql` selects.
  func texts(_ sql: String) async throws -> [String] {
    let name = "test_texts_\(Digest.sha256(utf8: sql).prefix(8).map { String($0, radix: 16) }.joined())"
    return try await database.rows(Statement<SingleValue<String>>(name, sql)).map(\.value)
  }
}
