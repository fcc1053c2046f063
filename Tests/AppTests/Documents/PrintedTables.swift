import Protocol

@testable import App

/// The metric tables for docs/TABLES.md: each view of schema `named` with its columns.
enum PrintedTables {
  static var document: PrintedDocument {
    let stored = Dictionary(uniqueKeysWithValues: StoredTable.all.map { ($0.name, $0) })
    let sections = (MetricCatalog.types + [MetricCatalog.catchAllType]).map { type in
      let tables = type.tables.map { table in section(table, stored[table.name]!) }
      return "## Type `\(type.name)`\n\n\(type.summary)\n\n\(tables.joined(separator: "\n\n"))"
    }
    return PrintedDocument(
      name: "TABLES.md",
      text: """
        # Metric tables

        What the collectors report, as it is stored: \(StoredTable.all.count) tables. The file is printed from the declarations in
        `Sources/Protocol/Metrics/Catalog`; a test compares it with them.

        Read the views of schema `named`, which are described here. The tables of the same names in schema `metrics` have ids
        in place of names: `server_id` and `database_id`, `object_id` in place of the object's names, and for a text marked
        *interned* its id in `<column>_id`, with the text in `pganalytics.texts`. A whole number of type `numeric` is in `<column>`
        where 64 bits hold it, else in `<column>_numeric`.

        A *counter* only grows, until what counts it is reset: take differences of neighbouring rows. A *gauge* is a value of the
        moment. A *label* is a name, a state or a text, and is not aggregated. A value that the collector did not send, or
        that could not be stored, is NULL.

        \(sections.joined(separator: "\n\n"))

        """)
  }

  private static func section(_ table: MetricTable, _ stored: StoredTable) -> String {
    let own = Dictionary(uniqueKeysWithValues: table.columns.map { ($0.name, $0) })
    var printed = PrintedTable(header: ["Column", "Type", "Kind", "Unit", "Meaning"])
    for name in NamedView(stored).columns {
      if let column = own[name] {
        printed.rows.append(["`\(name)`", type(of: column), kind(of: column), unit(of: column), column.summary])
      } else {
        let (type, meaning) = common(name, table)
        printed.rows.append(["`\(name)`", type, "label", "", meaning])
      }
    }
    return "### `\(table.name)`\n\n\(table.summary)\n\n\(printed.text)"
  }

  /// A column that every view adds to those of its table.
  private static func common(_ name: String, _ table: MetricTable) -> (type: String, meaning: String) {
    switch name {
    case "time": ("timestamptz", "When the collector took the row.")
    case "server_id": ("int4", "The monitored server: `pganalytics.servers`.")
    case "server", "server_hostname": ("text", "Host name of the server.")
    case "database": ("text", "The database that the row is about.")
    case "object_id": ("int8", "The object that the row is about, as a number made of its names.")
    case MetricColumn.extra.name: ("jsonb", MetricColumn.extra.summary)
    default:
      ("text", "The object's `\(table.object.first { name == $0 || name == "object_\($0)" } ?? name)`.")
    }
  }

  private static func type(of column: MetricColumn) -> String {
    switch column.kind {
    case .int8: "int8"
    case .numeric: "numeric"
    case .float8: "float8"
    case .bool: "bool"
    case .text: "text"
    case .interned: "text, interned"
    case .json: "jsonb"
    case .timestamp: "timestamptz"
    }
  }

  private static func kind(of column: MetricColumn) -> String {
    switch column.meaning {
    case .counter: "counter"
    case .gauge: "gauge"
    case .label: "label"
    }
  }

  private static func unit(of column: MetricColumn) -> String { column.unit.rawValue.replacing("_", with: " ") }
}
