// A view of each metric table that shows names in place of ids. People, dashboards and the server's own queries read
// it.

internal import Protocol

/// The view's definition, derived from the declaration of its table.
struct NamedView: Sendable {
  let name: String
  /// The view's SELECT.
  let query: String
  /// The names of the view's columns, in order.
  let columns: [String]

  /// Resolves name clashes. A metric's own column keeps its name. A key of the object gets the prefix `object_` if its
  /// name is taken. The metric's database is `database`; no column of such a table has that name. The server's hostname
  /// is `server`, or `server_hostname` if that is taken.
  init(_ table: StoredTable) {
    name = table.name
    var joins = ["LEFT JOIN pganalytics.servers s ON s.id = m.server_id"]
    let own = table.declaration?.columns ?? []
    var taken = Set(own.map(\.name)).union(["time", "server_id", "object_id", "extra"])

    /// `wanted` if it is free, else `otherwise`, which no declaration may use.
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

  /// The view's comment. It holds a digest of the query, which shows whether the view is up to date.
  var comment: String {
    let digest = Digest.sha256(utf8: query).prefix(8).map { byte in
      let hex = String(byte, radix: 16)
      return hex.count == 2 ? hex : "0" + hex
    }
    return "metrics.\(name) by names; definition \(digest.joined())"
  }

  var creation: String { "CREATE OR REPLACE VIEW \(qualifiedName) AS\n\(query);\n\(commenting)" }
  /// For a change that CREATE OR REPLACE refuses: a column was renamed, moved or removed.
  var recreation: String { "DROP VIEW \(qualifiedName);\nCREATE VIEW \(qualifiedName) AS\n\(query);\n\(commenting)" }

  private var commenting: String { "COMMENT ON VIEW \(qualifiedName) IS \(quotedLiteral(comment));" }
}
