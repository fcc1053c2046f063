import Glibc
import Protocol
import Reactor
import Testing

@testable import App

/// What is deployed and written beside the program names things that the program has.
@Suite struct DeployTests {
  private static let root = "/" + "\(#filePath)".split(separator: "/").dropLast(3).joined(separator: "/")

  private func text(_ path: String) throws -> String {
    String(decoding: try #require(try PrivateFile.read(Self.root + "/" + path), "\(path)"), as: UTF8.self)
  }

  @Test(arguments: ["deploy/prometheus/alerts.yml", "deploy/grafana/pganalytics.json"])
  func `dashboards and alerts ask for metrics that /metrics has`(path: String) throws {
    let targets = CompiledCatalog().targets
    var counters = LaneCounters(targets: targets.count)
    counters.pushesRefused[.overloaded] = 1
    let lanes = LaneSnapshot(
      counters: counters, loop: LoopStatistics(), connections: [:], writers: [:], heldBytes: 0, gatheredBytes: 0,
      untakenBytes: 0,
      collectorBytes: 0,
      backlogBytes: 0, backlogPushes: 0, pausedConnections: 0)
    let page = MetricsPage(
      lanes: lanes, targets: targets,
      rekeying: RekeyingSnapshot(notAfter: [("server", 0)], signingKeys: 1, refusals: 0, isRefused: false),
      fleet: FleetStatus(), settings: Settings(), reload: SettingsReload.Snapshot(readAt: 0), startedAt: 0, now: 1
    ).render()
    let samples = Set(
      page.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != "{" && $0 != " " } })
    let asked = try text(path).matches(of: /pganalytics_[a-z_]*[a-z]/).map(\.output)
    #expect(asked.count > 5)
    for name in asked { #expect(samples.contains(name), "\(name)") }
  }

  @Test func `the README has the table of settings that the program prints`() throws {
    #expect(
      try text("README.md").hasSuffix(Settings.markdownTable() + "\n"),
      "renew it: pganalytics config reference")
  }

  @Test(arguments: ["deploy/systemd/pganalytics.service", "deploy/docker/Dockerfile", "deploy/docker/compose.yaml"])
  func `what is set there are settings`(path: String) throws {
    let known = Set(Settings.declarations.map(\.environmentVariable))
    let used = try text(path).matches(of: /PGANALYTICS_[A-Z_]+/).map { String($0.output) }
    #expect(!used.isEmpty)
    for name in used { #expect(known.contains(name), "\(name)") }
  }
}
