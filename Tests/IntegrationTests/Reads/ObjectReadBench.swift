import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// A server with one collector, whose reads are compared with figures that the test computes from what it pushes.
struct ObjectReadBench {
  let server: RunningServer
  let reader: MetricsReadTests.Reader
  let kind: StorageKind
  /// Midnight, three days ago.
  let start: Int64

  init(_ kind: StorageKind) async throws {
    self.kind = kind
    server = try await RunningServer.start(kind) { $0.rollupInterval = .seconds(86_400) }
    reader = try await MetricsReadTests.Reader(kind, server)
    start = (Int64(Glibc.time(nil)) / 86_400 - 3) * 86_400
  }

  func time(_ seconds: Int64) -> String { Timestamp(unixSeconds: start + seconds).rfc3339 }

  /// Pushes metrics, which must be stored without complaint.
  func push(_ metrics: [String]) async throws {
    for from in stride(from: 0, to: metrics.count, by: 50) {
      let part = Array(metrics[from..<min(from + 50, metrics.count)])
      let answer = try await reader.collector.push(reader.collector.push(of: part))
      try #require(answer.json["status"]?.text == "success", "\(answer)")
    }
  }

  /// Rolls up everything. - Returns: whether there was something to do.
  func rollUp() async throws -> Bool {
    let rollups = Rollups(database: server.database, kind: kind, storage: Live(constant: server.settings.storage))
    return try await rollups.round().stretches > 0
  }

  /// The answer of a read over `from..<to`, in seconds after `start`.
  func ask(_ read: String, _ query: String = "", from: Int64 = 0, to: Int64 = 259_200) async throws -> JSONValue {
    let range = "start_time=\(time(from))&end_time=\(time(to))"
    let answer = try await reader.get("/api/v1/servers/\(reader.collector.serverID)/\(read)?\(range)\(query)")
    try #require(answer.status == 200, "\(answer)")
    return answer.json
  }

  /// All pages of `data`.
  func rows(_ read: String, _ query: String = "", from: Int64 = 0, to: Int64 = 259_200) async throws -> [JSONValue] {
    var rows: [JSONValue] = []
    for page in 1...1000 {
      let answer = try await ask(read, "\(query)&page_size=100&page=\(page)", from: from, to: to)
      rows += answer["data"]?.elements ?? []
      if page >= answer["total_pages"]?.integer ?? 0 { break }
    }
    return rows
  }
}

extension JSONValue {
  /// The members of a row as texts, separated by `|`; `-` for null.
  func line(_ names: [String]) -> String {
    names.map { name in
      switch self[name] {
      case .none: "?"
      case .null: "-"
      case .string(let text): text
      case .bool(let flag): "\(flag)"
      case .integer(let number): "\(number)"
      case .double(let number): "\(number)"
      case .array, .object: "\(self[name] ?? .null)"
      }
    }.joined(separator: "|")
  }
}
