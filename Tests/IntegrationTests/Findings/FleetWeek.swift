// A week of a fleet in a database: the rows of Tests/History, and the findings that checks make of them.

import Glibc
import Ground
import Protocol
import Testing

@testable import App

struct FleetWeek: Sendable {
  /// A finding that opened in the week.
  struct Finding: Hashable, Sendable, CustomStringConvertible {
    let check: String
    let server: Int32
    let subject: String
    /// Hours from the start of the week.
    let opened: Double
    /// nil: it was open at the end.
    var ended: Double?

    var description: String {
      "\(check) of server \(server) '\(subject)': hour \(opened) to \(ended.map { "\($0)" } ?? "the end")"
    }
  }

  let database: Database
  let start: Timestamp
  let servers: [Int32]
  private let step: Int

  /// Makes a database with a healthy week, which ended last midnight.
  /// - Parameters:
  ///   - servers: their number, at least 6.
  ///   - step: minutes between two samples of a server.
  static func make(servers: Int, step: Int) async throws -> FleetWeek {
    var settings = try await TestCluster.shared.get().makeDatabase()
    settings.adminConnections = 3
    let database = try Database.start(settings)
    var storage = Settings().storage
    storage.kind = .plain
    _ = try await Migrator(database: database, storage: storage).migrate()
    let today = Int32(Int64(Glibc.time(nil)) / 86_400)
    _ = try await Partitions(database: database, storage: Live(constant: storage))
      .make(days: (-8...1).map { Day(unixDays: today + $0) })
    let week = FleetWeek(
      database: database, start: Timestamp(unixSeconds: Int64(today - 7) * 86_400),
      servers: (1...Int32(servers)).map { $0 }, step: step)
    try await week.run("healthy.sql")
    return week
  }

  /// Adds what goes wrong in a sick week.
  func fallSick() async throws { try await run("sick.sql") }

  /// Runs a file of Tests/History.
  private func run(_ name: String) async throws {
    let root = "\(#filePath)".split(separator: "/").dropLast(4).map { "/" + $0 }.joined()
    let text = String(decoding: try LocalFile.require("\(root)/Tests/History/\(name)"), as: UTF8.self)
    let sql =
      text
      .replacing("{from}", with: time(hours: 0).rfc3339).replacing("{to}", with: time(hours: 168).rfc3339)
      .replacing("{servers}", with: "\(servers.count)").replacing("{step}", with: "\(step) minutes")
      .replacing("{slow}", with: "60")
    try await database.lease { session throws(DatabaseError) in
      session.allow(nil)
      try await session.script("SET statement_timeout = 0")
      try await session.script(sql)
      try await session.script("ANALYZE")
    }
  }

  func time(hours: Double) -> Timestamp {
    Timestamp(unixMicroseconds: start.unixMicroseconds + Int64(hours * 3600) * 1_000_000)
  }

  /// The findings of `checks`, evaluated in steps of some minutes, half a minute after the samples. A check that is due
  /// less often is evaluated less often.
  func findings(of checks: [Check], every minutes: Int, until hours: Int = 168) async throws -> [Finding] {
    try await database.lease { session throws(DatabaseError) in
      session.allow(nil)
      // As the evaluation sets them, for the whole session.
      try await session.script(
        """
        SET statement_timeout = 0; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off
        """)
      var findings: [Finding] = []
      for check in checks { findings += try await self.findings(of: check, every: minutes, until: hours, session) }
      return findings
    }
  }

  private func findings(
    of check: Check, every minutes: Int, until hours: Int, _ session: DatabaseLease
  ) async throws(DatabaseError) -> [Finding] {
    let pause = max(minutes, Int((check.every ?? .zero) / .seconds(60)))
    var machine = FindingMachine(absence: check.absence)
    var open: [FindingKey: Finding] = [:]
    var findings: [Finding] = []
    for minute in stride(from: 0, through: hours * 60, by: pause) {
      let hour = Double(minute) / 60
      let time = Timestamp(unixSeconds: start.unixMicroseconds / 1_000_000 + Int64(minute) * 60 + 30)
      let rows = try await session.rows(check.statement, servers, time, check.values())
      let evaluation = machine.evaluate(rows, of: servers)
      for end in evaluation.ended {
        guard var finding = open.removeValue(forKey: end.key) else { continue }
        finding.ended = hour
        findings.append(finding)
      }
      for row in evaluation.opened {
        open[row.key] = Finding(
          check: check.name, server: row.serverID, subject: row.subject ?? "", opened: hour, ended: nil)
      }
    }
    return findings + open.values
  }
}
