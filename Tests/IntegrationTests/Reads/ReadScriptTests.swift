import Protocol
import Testing

@testable import App

/// The statements of reads, as scripts for psql.
@Suite struct ReadScriptTests {
  @Test func `the script of every read runs, for operators and above`() async throws {
    let server = try await RunningServer.people()
    let (viewer, user) = (try await server.person(.viewer), try await server.person(.operator))
    let collector = try await server.enrol()
    let text = TextID.of("SELECT 'a quote'")
    try await server.database.script(
      "INSERT INTO pganalytics.texts (server_id, text_id, value) VALUES (\(collector.serverID), \(text), 'SELECT ''a quote''')"
    )
    let sql = [("Accept", "application/sql")]
    for read in ReadEndpoints.reads {
      let path = read.path.template.replacing("{id:int}", with: "\(collector.serverID)")
        .replacing("{id}", with: "\(collector.serverID)").replacing("{text_id}", with: "\(text)")
      let answer = try await user.request("GET", path, nil, sql)
      try #require(answer.status == 200, "\(path): \(answer)")
      #expect(answer.field("content-type") == "application/sql; charset=utf-8")
      #expect(answer.text.ranges(of: "\nPREPARE ").count == read.sections.count)
      // The last value is the position of a series, which the first page does not have.
      #expect(answer.text.contains(", NULL);\nDEALLOCATE"), "\(path)")
      try await server.database.script(answer.text)
      #expect(try await viewer.request("GET", path, nil, sql).status == 403)
      #expect(try await user.request("GET", path).field("content-type")?.hasPrefix("application/json") == true)
    }
  }

  @Test func `the script of a metrics query runs, for operators and above`() async throws {
    let server = try await RunningServer.people()
    let (viewer, user) = (try await server.person(.viewer), try await server.person(.operator))
    let collector = try await server.enrol()
    let path = "/api/v1/servers/\(collector.serverID)/metrics"
    let sql = [("Accept", "application/sql")]
    for query in [
      "metric_type=sysstat", "metric_type=disk_usage&object=/dev/it's&bucket=5m&aggregate=last&limit=7",
      "metric_type=pg_stats&aggregate=rate&columns=transactions_committed", "metric_type=sysstat&bucket=1h&source=1h",
    ] {
      let answer = try await user.request("GET", "\(path)?\(query)", nil, sql)
      try #require(answer.status == 200, "\(query): \(answer)")
      #expect(answer.field("content-type") == "application/sql; charset=utf-8")
      #expect(
        answer.text.contains("PREPARE \"getServerMetrics_data\"")
          || answer.text.contains("PREPARE getServerMetrics_data"))
      try await server.database.script(answer.text)
      #expect(try await viewer.request("GET", "\(path)?\(query)", nil, sql).status == 403)
    }
    #expect(try await user.request("GET", "\(path)?metric_type=none", nil, sql).status == 400)
    #expect(try await user.request("GET", "\(path)?metric_type=sysstat&bucket=7m&source=1h", nil, sql).status == 400)
  }
}
