import Ground
import Protocol
import Testing

@testable import App

/// The dashboard on stored metrics, with the role that docs/CLIENTS.md describes.
@Suite struct DashboardTests {
  @Test func `every panel has rows for the role of the documentation, which can read nothing else`() async throws {
    let week = try await FleetWeek.make(servers: 6, step: 60)
    defer { week.database.shutDown() }
    let database = try await PlanReader.name(of: week.database)
    // Roles belong to the whole cluster, and the tables of the tests to the user `postgres`.
    let role = "grafana_\(database)"
    let owner = try PlanReader(database)
    for command in try commands() {
      let statement = command.replacing("grafana", with: role).replacing("ROLE pganalytics", with: "ROLE postgres")
      try owner.rows(statement.replacing("'…'", with: "'secret'"))
    }
    let reader = try PlanReader(database, user: role)
    let dashboard = try JSONValue.parse(Array(try Self.text("deploy/grafana/servers.json").utf8).span)
    let variables = (dashboard["templating"]?["list"]?.elements ?? []).filter { $0["type"]?.text == "query" }
    #expect(variables.compactMap { $0["name"]?.text } == ["server", "database"])
    for variable in variables {
      let sql = try #require(variable["query"]?.text)
      #expect(try !reader.rows(replaced(sql, week)).isEmpty, "\(sql)")
    }
    let panels = dashboard["panels"]?.elements ?? []
    #expect(panels.count >= 10)
    for panel in panels {
      let sql = try #require(panel["targets"]?[0]?["rawSql"]?.text)
      let text = replaced(sql, week)
      #expect(!text.contains("$"), "a macro that the test does not know: \(text)")
      #expect(try !reader.rows(text).isEmpty, "\(panel["title"]?.text ?? "")")
    }
    let allowed = try owner.rows(
      """
      SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname IN ('metrics', 'rollups', 'pganalytics') AND c.relkind IN ('r', 'p')
        AND has_table_privilege('\(role)', c.oid, 'SELECT')
      """)
    #expect(allowed == [["0"]])
    try owner.rows("DROP OWNED BY \(role)")
    try owner.rows("DROP ROLE \(role)")
  }

  /// The statements of the section "Grafana" that make the role.
  private func commands() throws -> [String] {
    let section = try #require(try Self.text("docs/CLIENTS.md").split(separator: "\n## Grafana\n").last)
    let commands = section.split(separator: "\n").map { $0.drop { $0 == " " } }.filter { line in
      ["CREATE ROLE", "GRANT", "ALTER"].contains { line.hasPrefix($0) }
    }
    try #require(commands.count == 5, "\(commands)")
    return commands.map(String.init)
  }

  /// The text of a file of the project.
  private static func text(_ path: String) throws -> String {
    let root = "\(#filePath)".split(separator: "/").dropLast(4).map { "/" + $0 }.joined()
    return String(decoding: try LocalFile.require("\(root)/\(path)"), as: UTF8.self)
  }

  /// The SQL as Grafana's PostgreSQL data source sends it, with the variables of a request for all servers.
  private func replaced(_ sql: String, _ week: FleetWeek) -> String {
    let (from, to) = (week.time(hours: 96).rfc3339, week.time(hours: 120).rfc3339)
    return
      sql
      .replacing(/\$__timeFilter\(([a-z_]+)\)/) { "\($0.1) BETWEEN '\(from)' AND '\(to)'" }
      .replacing(/\$__timeGroupAlias\(([a-z_]+), \$__interval\)/) {
        "floor(extract(epoch from \($0.1)) / 300) * 300 AS \"time\""
      }
      .replacing("$server", with: week.servers.map { "'\($0)'" }.joined(separator: ","))
      .replacing("$database", with: "'app','postgres'")
  }
}
