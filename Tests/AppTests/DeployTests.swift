import Glibc
import Ground
import Protocol
import Reactor
import Testing

@testable import App

/// Files in `deploy` and the README name only metrics and settings that the program has.
@Suite struct DeployTests {
  private func text(_ path: String) throws -> String { try Checkout.text(path) }

  @Test(arguments: ["deploy/prometheus/alerts.yml", "deploy/grafana/pganalytics.json"])
  func `dashboards and alerts ask for metrics that /metrics has`(path: String) throws {
    let page = PrintedMetrics.page(isBusy: true)
    let samples = Set(
      page.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != "{" && $0 != " " } })
    let asked = try text(path).matches(of: /pganalytics_[a-z_]*[a-z]/).map(\.output)
    #expect(asked.count > 5)
    for name in asked { #expect(samples.contains(name), "\(name)") }
  }

  @Test func `systemd waits longer than the server takes to end, even by force`() throws {
    let unit = try text("deploy/systemd/pganalytics.service")
    let match = try #require(try /\nTimeoutStopSec=([0-9]+)s\n/.firstMatch(in: unit))
    let patience = Duration.seconds(try #require(Int(match.output.1)))
    #expect(patience >= Settings().drainDeadline + Ending.margin + LogWriter.lastWait)
  }

  @Test func `the balancer has backup servers for connections when no server is ready`() throws {
    let configuration = try text("deploy/haproxy/haproxy.cfg")
    let servers = configuration.split(separator: "\n").filter { $0.hasPrefix("  server ") }
    let checked = servers.filter { $0.contains(" check ") }.map { $0.split(separator: " ")[2] }
    let backups = servers.filter { $0.contains(" backup ") && !$0.contains(" check ") }.map {
      $0.split(separator: " ")[2]
    }
    #expect(!checked.isEmpty && checked == backups, "each checked server occurs again as a backup without a check")
    #expect(configuration.contains("\n  option allbackups\n"))
  }

  @Test(arguments: [
    "deploy/systemd/pganalytics.service", "deploy/docker/Dockerfile", "deploy/docker/compose.yaml",
    "deploy/haproxy/haproxy.cfg", "deploy/nginx/nginx.conf",
  ])
  func `deployment files name only settings that the program has`(path: String) throws {
    let known = Set(Settings.declarations.map(\.environmentVariable))
    let used = try text(path).matches(of: /PGANALYTICS_[A-Z_]+/).map { String($0.output) }
    #expect(!used.isEmpty)
    for name in used { #expect(known.contains(name), "\(name)") }
  }
}
