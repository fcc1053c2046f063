// A server under attack, and the check that follows every attack: the server still stores a good push, holds nothing of
// the attack, and every push has exactly one outcome.

import Glibc
import Protocol
import Reactor
import Testing

@testable import App

struct AttackedServer: Sendable {
  let server: RunningServer
  /// A collector whose pushes must be stored during the attack and after it.
  let bystander: TestCollector

  /// - Parameter change: settings that differ from the defaults, e.g. deadlines that a test can wait for.
  static func start(_ change: (inout Settings) -> Void = { _ in }) async throws -> AttackedServer {
    let server = try await RunningServer.start(.plain, change)
    return AttackedServer(server: server, bystander: try await server.enrol())
  }

  var port: UInt16 { server.server.address.port }

  /// A good push of the bystander, different from all before it.
  func goodPush() -> [UInt8] {
    bystander.push(of: [TestCollector.disk("/dev/\(UInt64.random(in: .min ... .max))", used: 1)])
  }

  /// Demands that a good push is stored, that connections and memory then return to their state without the attack, and
  /// that received = stored + duplicate + parked + refused + abandoned.
  /// - Parameter kept: the number of idle connections that the test still holds.
  func expectUnharmed(besides kept: Int = 0, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let answer = try await bystander.push(goodPush())
    #expect(answer.status == 200, "\(answer)", sourceLocation: sourceLocation)
    var last = ServerCounters()
    try await server.eventually("not at rest after the attack", sourceLocation: sourceLocation) {
      last = try await counters()
      return last.isAtRest(besides: kept)
    }
    if !last.isAtRest(besides: kept) { Issue.record("\(last)", sourceLocation: sourceLocation) }
  }

  func counters() async throws -> ServerCounters {
    ServerCounters(page: try await server.client().request("GET", "/metrics").text)
  }

  /// The head of a push, with the fields that the test adds.
  func pushHead(_ collector: TestCollector, _ fields: String) -> String {
    "POST \(TestCollector.pushTarget) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(collector.token)\r\n"
      + fields + "\r\n"
  }
}

/// The samples of /metrics at one moment.
struct ServerCounters: CustomStringConvertible {
  private(set) var samples: [String: Double] = [:]

  init() {}

  init(page: String) {
    for line in page.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: " ")
      samples[String(parts[0])] = Double(parts[1])
    }
  }

  subscript(_ name: String) -> Double { samples["pganalytics_" + name] ?? -1 }

  func connections(_ state: String) -> Double { self["connections{state=\"\(state)\"}"] }

  func refused(_ reason: String) -> Double { max(0, self["pushes_refused_total{reason=\"\(reason)\"}"]) }

  var refusedTotal: Double {
    samples.filter { $0.key.hasPrefix("pganalytics_pushes_refused_total{") }.values.reduce(0, +)
  }

  /// received = stored + duplicate + parked + refused + abandoned.
  var isBalanced: Bool {
    self["pushes_received_total"]
      == self["pushes_stored_total"] + self["pushes_duplicate_total"] + self["pushes_parked_total"] + refusedTotal
      + self["pushes_abandoned_total"]
  }

  /// Whether there is no connection but the asking one and `kept` others, no body and no row.
  func isAtRest(besides kept: Int) -> Bool {
    let connections = LaneSnapshot.ConnectionState.allCases.map { self.connections($0.rawValue) }.reduce(0, +)
    return connections <= Double(1 + kept) && self.connections("receiving") == 0 && self["held_bytes"] == 0
      && self["budget_held_bytes{budget=\"admin_bytes_in_flight\"}"] == 0
      && self["connections_paused"] == 0 && self["writer_backlog_pushes"] == 0 && isBalanced
  }

  var description: String {
    samples.filter { $0.value != 0 && !$0.key.contains("_seconds") && !$0.key.contains("rows_") }
      .sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "\n")
  }
}
