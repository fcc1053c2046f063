// A view of each metric table with names in place of ids: what a person, a dashboard and our own queries read.

internal import Protocol

struct NamedView: Sendable {
  let name: String
  /// The SELECT.
  let query: String
  /// The view's columns, in order, with the table's they come from or that they resolve.
  let columns: [String]

  /// Names clash like this: a metric's own column keeps its name; then a key of the object, which else gets the prefix
  /// `object_`; then the metric's database, which is `database` (no column of such a table is called that); then the server's
  /// hostname, which is `server`, else `server_hostname`.
  init(_ table: StoredTable) {
    name = table.name
    var joins = ["LEFT JOIN pganalytics.servers s ON s.id = m.server_id"]
    let own = table.declaration?.columns ?? []
    var taken = Set(own.map(\.name)).union(["time", "server_id", "object_id", "extra"])

    /// `wanted` if it is free, else `otherwise`, which nothing in a declaration may be called.
    func free(_ wanted: String, else otherwise: String) -> String {
      let name = taken.insert(wanted).inserted ? wanted : otherwise
      taken.insert(name)
      return name
    }

    let keys = (table.declaration?.object ?? []).map { free($0, else: "object_\($0)") }
    let hasDatabase = table.columns.contains { $0.name == "database_id" }
    precondition(!hasDatabase || taken.insert("database").inserted, "\(name): two columns are the database")
    let database = hasDatabase ? "database" : nil
    let server = free("server", else: "server_hostname")

    var selected = [("time", "m.time"), ("server_id", "m.server_id"), (server, "s.hostname")]
    if let database {
      selected.append((database, "d.value"))
      joins.append(Self.text("d", "database_id"))
    }
    if table.hasObject {
      selected.append(("object_id", "m.object_id"))
      selected += keys.enumerated().map { ($1, "o.key[\($0 + 1)]") }
      joins.append("LEFT JOIN pganalytics.objects o ON o.server_id = m.server_id AND o.object_id = m.object_id")
    }
    if table.declaration == nil {
      selected += [("metric_type", "m.metric_type"), ("payload", "m.payload")]
    } else {
      selected.append(("extra", "m.extra"))
    }
    // The declared columns come last: CREATE OR REPLACE VIEW takes a new column only at the end.
    for (index, column) in own.enumerated() {
      switch column.kind {
      case .interned:
        selected.append((column.name, "t\(index).value"))
        joins.append(Self.text("t\(index)", column.storedName))
      case .numeric:
        let wide = "m.\(quotedIdentifier(column.wideName))"
        selected.append((column.name, "coalesce(\(wide), m.\(quotedIdentifier(column.storedName)))"))
      case .int8, .float8, .bool, .text, .timestamp, .json:
        selected.append((column.name, "m.\(quotedIdentifier(column.storedName))"))
      }
    }
    columns = selected.map(\.0)
    let list = selected.map { "  \($1) AS \(quotedIdentifier($0))" }.joined(separator: ",\n")
    query = "SELECT\n\(list)\nFROM \(table.qualifiedName) m\n\(joins.joined(separator: "\n"))"
  }

  private static func text(_ alias: String, _ column: String) -> String {
    "LEFT JOIN pganalytics.texts \(alias) ON \(alias).server_id = m.server_id"
      + " AND \(alias).text_id = m.\(quotedIdentifier(column))"
  }

  var qualifiedName: String { "named.\(quotedIdentifier(name))" }

  /// The view's comment. It holds a digest of the query, by which a view that is out of date is found.
  var comment: String {
    let digest = Digest.sha256(utf8: query).prefix(8).map { byte in
      let hex = String(byte, radix: 16)
      return hex.count == 2 ? hex : "0" + hex
    }
    return "metrics.\(name) by names; definition \(digest.joined())"
  }

  var creation: String { "CREATE OR REPLACE VIEW \(qualifiedName) AS\n\(query);\n\(commenting)" }
  /// For a change that CREATE OR REPLACE refuses: a column renamed, moved or removed.
  var recreation: String { "DROP VIEW \(qualifiedName);\nCREATE VIEW \(qualifiedName) AS\n\(query);\n\(commenting)" }

  private var commenting: String { "COMMENT ON VIEW \(qualifiedName) IS \(quotedLiteral(comment));" }
}
