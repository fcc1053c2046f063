import GeneratedPushes
import Glibc
import Protocol
import Testing

@testable import App

/// An enrolled collector.
struct TestCollector: Sendable {
  let id: UUID
  let serverID: Int64
  let token: String
  let certificate: Certificate
  let identity: TLSIdentity
  let server: RunningServer

  /// - Parameter answer: the answer to the registration.
  init(_ answer: TestAnswer, keyPEM: [UInt8], server: RunningServer) throws {
    try #require(answer.status == 201, "\(answer)")
    let json = answer.json
    id = try #require(json["collector_id"]?.text.flatMap { UUID($0) })
    serverID = try #require(json["server_id"]?.integer)
    token = try #require(json["token"]?.text)
    let pem = Array(try #require(json["certificate"]?.text).utf8)
    certificate = try Certificate(pem: pem)
    identity = try TLSIdentity(chainPEM: pem, privateKeyPEM: keyPEM)
    self.server = server
  }

  /// The same collector, which now sends to another server.
  init(_ other: TestCollector, at server: RunningServer) {
    (id, serverID, token, certificate) = (other.id, other.serverID, other.token, other.certificate)
    (identity, self.server) = (other.identity, server)
  }

  var authorization: (String, String) { ("Authorization", "Bearer \(token)") }

  /// A connection with the collector's certificate.
  func client() async throws -> TestClient { try await server.client(identity) }

  static let pushTarget = "/api/v1/metrics/push"

  /// Pushes over `client`, or over a connection of its own.
  func push(
    _ body: [UInt8], _ fields: [(String, String)] = [], over client: TestClient? = nil
  ) async throws -> TestAnswer {
    let connection: TestClient
    if let client { connection = client } else { connection = try await self.client() }
    return try await connection.request(
      "POST", Self.pushTarget, [authorization, ("Content-Type", "application/json")] + fields, body: body)
  }

  /// A push of all types as the stock collector makes one.
  func generatedPush(seed: UInt64 = 1, secondsAgo: Int64 = 60, _ change: (inout PushGenerator.Shape) -> Void = { _ in })
    -> [UInt8]
  {
    var shape = PushGenerator.Shape()
    (shape.databases, shape.tables, shape.queries, shape.logLines, shape.activity) = (2, 3, 4, 3, 2)
    change(&shape)
    return PushGenerator(seed: seed, shape: shape).body(
      collectorID: id.description, hostname: "db.example.com", unixSeconds: Int64(Glibc.time(nil)) - secondsAgo
    ).withUnsafeBytes { Array($0) }
  }

  /// A push of the metrics given as JSON texts.
  func push(of metrics: [String], collectorID: String? = nil) -> [UInt8] {
    Array(
      (#"{"collector_id":"\#(collectorID ?? id.description)","hostname":"h","metrics":["#
        + metrics.joined(separator: ",") + #"],"metrics_count":\#(metrics.count),"timestamp":"\#(Self.now())","#
        + #""version":"3.0.0"}"#).utf8)
  }

  /// A metric of one row.
  static func disk(_ device: String, used: Int, time: String = now()) -> String {
    #"{"filesystems":[{"device":"\#(device)","free_gb":72,"mount":"","percent_used":8.5,"total_gb":251,"#
      + #""used_gb":\#(used)}],"timestamp":"\#(time)","type":"disk_usage"}"#
  }

  /// The time as RFC 3339, in whole seconds.
  static func now(secondsAgo: Int64 = 0) -> String {
    Timestamp(unixSeconds: Int64(Glibc.time(nil)) - secondsAgo).rfc3339
  }

  /// The number of rows in `table` from this collector.
  func rows(_ table: String) async throws -> Int64 {
    try await server.integer("SELECT count(*) FROM metrics.\"\(table)\" WHERE server_id = \(serverID)")
  }

  /// The number of pushes of this collector in the ledger.
  func ledger() async throws -> Int64 {
    try await server.integer("SELECT count(*) FROM pganalytics.pushes WHERE server_id = \(serverID)")
  }
}
