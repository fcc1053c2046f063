import Glibc
import Protocol
import Testing

@testable import App

/// Answers that are longer than any buffer, and their end when the client or the database stops. The tests run one
/// after the other, because each of them keeps a processor busy.
@Suite(.serialized) struct MetricsStreamTests {
  private static let rows = 40_000

  /// A server with more rows than any socket can hold as text.
  private func reader(
    _ kind: StorageKind = .plain, _ change: (inout Settings) -> Void = { _ in }
  ) async throws -> (RunningServer, MetricsReadTests.Reader) {
    let server = try await RunningServer.start(kind) { settings in
      settings.queryConnections = 1
      change(&settings)
    }
    let reader = try await MetricsReadTests.Reader(kind, server)
    try await server.database.script(
      """
      INSERT INTO metrics.pg_locks (time, server_id, pid, username)
      SELECT date_trunc('second', now()) - (n % 7200) * INTERVAL '1 second', \(reader.collector.serverID), n, repeat('x', 600)
      FROM generate_series(1, \(Self.rows)) n
      """)
    return (server, reader)
  }

  private let query = "metric_type=pg_locks&start_time=1d&columns=pid,username"

  private func request(_ reader: MetricsReadTests.Reader, version: String = "1.1") -> [UInt8] {
    let target = "/api/v1/servers/\(reader.collector.serverID)/metrics?\(query)"
    let fields = "Host: localhost\r\nAccept: text/csv\r\n\(reader.user.0): \(reader.user.1)\r\n"
    return Array("GET \(target) HTTP/\(version)\r\n\(fields)\r\n".utf8)
  }

  private func running(_ server: RunningServer) async throws -> Int64 {
    try await server.integer(
      """
      SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pganalytics queries' AND state <> 'idle'
      AND datname = current_database()
      """)
  }

  @Test(arguments: TestCluster.storageKinds)
  func `every row is streamed once, in chunks, and the connection stays open`(_ kind: StorageKind) async throws {
    let (server, reader) = try await reader(kind)
    let answer = try await reader.metrics(query, accept: "text/csv")
    #expect(answer.status == 200)
    #expect(answer.field("transfer-encoding") == "chunked")
    let lines = answer.text.split(separator: "\r\n").dropFirst()
    let pids = lines.map { $0.split(separator: ",", omittingEmptySubsequences: false)[2] }
    #expect(pids.count == Self.rows && Set(pids).count == Self.rows)
    #expect(zip(lines, lines.dropFirst()).allSatisfy { $0.prefix(20) <= $1.prefix(20) }, "in the order of time")
    let text = try await reader.metrics(query + "&limit=30000", accept: "application/x-ndjson")
    #expect(text.text.split(separator: "\n").count == 30_000)
    #expect(text.field("trailer") == "X-Next-Cursor")
    let json = try await reader.metrics(query + "&limit=10000")
    #expect(json.json["count"]?.integer == 10_000)
    #expect(json.json["next_cursor"]?.text != nil)
    // All answers use one connection, and so does HEAD, which has no body.
    let target = "/api/v1/servers/\(reader.collector.serverID)/metrics?\(query)"
    let head = TestClient.encode("HEAD", target, [reader.user, ("Accept", "text/csv")])
    try await reader.client.send(head)
    #expect(try await reader.client.interim() == 200)
    await server.stop()
  }

  @Test func `the body for HTTP 1.0 ends with the connection`() async throws {
    let (server, reader) = try await reader()
    try await reader.client.send(request(reader, version: "1.0"))
    let answer = try await reader.client.answer()
    #expect(answer.field("transfer-encoding") == nil)
    #expect(answer.field("connection") == "close")
    #expect(answer.text.split(separator: "\r\n").count == Self.rows + 1)
    #expect(try await reader.client.isClosedByServer())
    await server.stop()
  }

  @Test func `the database waits for a client that does not read, while other requests go on`() async throws {
    let (server, reader) = try await reader()
    let slow = try await server.client()
    try await slow.send(request(reader))
    try await server.eventually("the database does not wait") {
      try await server.integer(
        """
        SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pganalytics queries' AND wait_event = 'ClientWrite'
        AND datname = current_database()
        """) == 1
    }
    // The only query connection is in use. Logins and lists have connections of their own.
    _ = try await server.user(.viewer)
    #expect(try await reader.get("/api/v1/servers").status == 200)
    // The slow client can still read its answer to the end.
    let answer = try await slow.answer()
    #expect(answer.text.split(separator: "\r\n").count == Self.rows + 1)
    await server.stop()
  }

  @Test func `the query of a client that leaves while it reads is cancelled`() async throws {
    let (server, reader) = try await reader()
    var client: TestClient? = try await server.client()
    try await client?.send(request(reader))
    try await server.eventually("the query does not run") { try await running(server) == 1 }
    client = nil
    try await server.eventually("the query of the client goes on") { try await running(server) == 0 }
    #expect(try await reader.metrics("metric_type=pg_locks&limit=1").status == 200)
    await server.stop()
  }

  @Test func `the query of a client that leaves before the first row is cancelled`() async throws {
    let (server, reader) = try await reader()
    try await server.database.lease { session throws(DatabaseError) in
      try await session.script("BEGIN; LOCK TABLE metrics.pg_locks")
      await #expect(throws: Never.self) {
        var client: TestClient? = try await server.client()
        try await client?.send(request(reader))
        try await server.eventually("the query does not run") { try await running(server) == 1 }
        client = nil
        try await server.eventually("the query of the client goes on") { try await running(server) == 0 }
      }
      try await session.script("ROLLBACK")
    }
    #expect(try await reader.metrics("metric_type=pg_locks&limit=1").status == 200)
    await server.stop()
  }

  /// A time-out cancels a statement in the same way (57014), but its moment depends on the machine.
  @Test func `a statement that is cancelled midway cuts the body off, and the client notices it`() async throws {
    let (server, reader) = try await reader()
    try await reader.client.send(request(reader))
    try await server.eventually("the database does not wait") {
      try await server.integer(
        """
        SELECT count(*) FROM (SELECT pg_cancel_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'pganalytics queries' AND wait_event = 'ClientWrite' AND datname = current_database()) c
        """) == 1
    }
    await #expect(throws: TestClient.Failure.self) { try await reader.client.answer() }
    let page = try await server.client().request("GET", "/metrics")
    #expect(page.text.contains("pganalytics_streams_broken_total 1\n"))
    await server.stop()
  }

  @Test func `a query whose time is over before the first row is refused properly`() async throws {
    let (server, reader) = try await reader { $0.streamTimeout = .milliseconds(300) }
    try await server.database.lease { session throws(DatabaseError) in
      try await session.script("BEGIN; LOCK TABLE metrics.pg_locks")
      let answer = await Result { try await reader.metrics(query, accept: "text/csv") }
      #expect(throws: Never.self) {
        let answer = try answer.get()
        #expect(answer.status == 503 && answer.json["details"]?.text?.contains("stream_timeout") == true, "\(answer)")
      }
      try await session.script("ROLLBACK")
    }
    #expect(try await reader.metrics(query + "&limit=1", accept: "text/csv").status == 200)
    await server.stop()
  }
}

extension Result where Failure == any Error {
  fileprivate init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
