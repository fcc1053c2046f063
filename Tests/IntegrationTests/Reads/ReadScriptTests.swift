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
}
