// Plain SQL over a connection of its own, and the scans of a plan that PostgreSQL reports with EXPLAIN.

import CEpoll.Postgres
import Protocol
import Testing

@testable import App

/// A connection to a database of the test cluster.
final class PlanReader {
  /// A scan of a table or partition in an executed plan.
  struct Scan: CustomStringConvertible {
    let node: String
    let relation: String
    /// How often the scan was executed; 0: never.
    let loops: Double
    /// The rows that the scan gave, and those that its filter removed, over all executions.
    let rows, removed: Double
    /// The conditions that PostgreSQL looked up in an index.
    let indexCondition: String

    var description: String {
      "\(node) on \(relation): \(rows) rows, \(removed) removed, \(loops) loops, index condition \(indexCondition)"
    }
  }

  private let session: OpaquePointer

  /// - Parameters: `settings`: as `TestCluster.makeDatabase` gives them; `user`: the role to connect as.
  init(_ database: String, user: String = "postgres") throws {
    let directory = try TestCluster.shared.get().directory
    session = try #require(PQconnectdb("host=\(directory) user=\(user) dbname=\(database)"))
    try #require(PQstatus(session) == CONNECTION_OK, "\(String(cString: PQerrorMessage(session)))")
  }

  /// The name of the database that `database` is connected to.
  static func name(of database: Database) async throws -> String {
    let name = Statement<SingleValue<String>>("name_of_database", "SELECT current_database()::text AS name")
    return try #require(try await database.one(name)).value
  }

  deinit { PQfinish(session) }

  /// The rows of a statement, as texts; "" for NULL. - Throws: if the database refuses it.
  @discardableResult
  func rows(_ sql: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [[String]] {
    let result = PQexec(session, sql)
    defer { PQclear(result) }
    let status = PQresultStatus(result)
    try #require(
      status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK, "\(String(cString: PQerrorMessage(session)))\n\(sql)",
      sourceLocation: sourceLocation)
    return (0..<PQntuples(result)).map { row in
      (0..<PQnfields(result)).map { String(cString: PQgetvalue(result, row, $0)) }
    }
  }

  /// Executes a SELECT and returns all scans of its plan.
  func scans(_ sql: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [Scan] {
    let text = try rows("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) \(sql)", sourceLocation: sourceLocation)[0][0]
    var limits = JSONValueLimits()
    (limits.bytes, limits.depth) = (64 << 20, 256)
    let answer = try JSONValue.parse(Array(text.utf8).span, limits: limits)
    return scans(below: try #require(answer[0]?["Plan"]))
  }

  private func scans(below node: JSONValue) -> [Scan] {
    let children = node["Plans"]?.elements ?? []
    guard let relation = node["Relation Name"]?.text else { return children.flatMap { scans(below: $0) } }
    let loops = node["Actual Loops"]?.number ?? 0
    let removed = ["Rows Removed by Filter", "Rows Removed by Index Recheck"].reduce(0) { $0 + (node[$1]?.number ?? 0) }
    return [
      Scan(
        node: node["Node Type"]?.text ?? "", relation: relation, loops: loops,
        rows: (node["Actual Rows"]?.number ?? 0) * loops, removed: removed * loops,
        indexCondition: conditions(node))
    ]
  }

  /// The index conditions of a scan; those of a bitmap scan are below it.
  private func conditions(_ node: JSONValue) -> String {
    (node["Index Cond"]?.text ?? "") + (node["Plans"]?.elements ?? []).map { conditions($0) }.joined()
  }
}
