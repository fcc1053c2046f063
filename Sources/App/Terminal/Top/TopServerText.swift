// The view of one monitored server: figures with their course, findings, databases and file systems.

import Protocol

struct TopServerText {
  /// The members of the series that are shown, with their titles.
  private static let figures = [
    ("connections", "Connections"), ("active", "Active"), ("idle_in_transaction", "Idle in transaction"),
    ("transactions_per_second", "Transactions"), ("cache_hit", "Cache hit"),
    ("replication_lag_seconds", "Replication lag"), ("oldest_transaction_seconds", "Oldest transaction"),
    ("xid_age", "Transaction id age"), ("database_bytes", "Databases"), ("disk_used_percent", "Fullest disk"),
    ("load_1m", "Load"), ("cpu_user", "Processor, programs"), ("cpu_iowait", "Processor, waiting"),
    ("memory_used_percent", "Memory"),
  ]
  private static let valueEnd = 34
  private static let sparkStart = 36

  private let answer: JSONValue
  private let schemas: TopSchemas
  private let cells = CellText()

  init(_ answer: JSONValue, _ schemas: TopSchemas) { (self.answer, self.schemas) = (answer, schemas) }

  func lines(_ columns: Int) -> [TopLine] {
    let parts = [
      figures(columns), findings(columns), table("databases", Self.databases),
      table("file_systems", Self.fileSystems),
    ]
    return Array(parts.filter { !$0.isEmpty }.joined(separator: [TopLine()]))
  }

  private func rows(_ member: String) -> [JSONValue] {
    if case .array(let rows)? = answer[member: member] { rows } else { [] }
  }

  private func figures(_ columns: Int) -> [TopLine] {
    let series = rows("data")
    let lines = Self.figures.compactMap { name, title -> TopLine? in
      let values = series.map { $0[member: name]?.double }
      guard let last = series.last(where: { $0[member: name]?.double != nil })?[member: name] else { return nil }
      let column = schemas.column(name, of: .server)
      var text = cells.text(last, column)
      if name == "transactions_per_second" { text += " /s" }
      var line = TopLine(title)
      let end = min(Self.valueEnd, columns)
      line.put(text, at: max(line.width + 1, end - DisplayWidth.of(text)), .heading)
      if columns > Self.sparkStart + 8 {
        line.put(TopText.spark(values, width: min(60, columns - Self.sparkStart)), at: Self.sparkStart, .good)
      }
      return line
    }
    return lines.isEmpty
      ? [TopLine("The server has sent no figures in this range; t chooses a longer one.", .faint)] : lines
  }

  private func findings(_ columns: Int) -> [TopLine] {
    let rows = rows("findings")
    if rows.isEmpty { return [TopLine("No open findings.", .good)] }
    return [TopLine("Open findings", .heading)]
      + rows.flatMap { row -> [TopLine] in
        let severity = row[member: "severity"]?.string ?? ""
        let message = row[member: "message"]?.string ?? row[member: "check"]?.string ?? ""
        let known =
          row[member: "acknowledged_at"] == .null || row[member: "acknowledged_at"] == nil ? "" : " (acknowledged)"
        return TopText.wrapped(message + known, width: columns - 10).enumerated().map { index, text in
          var line = TopLine()
          if index == 0 { line.put(severity, at: 0, Screen.Style(state: severity)) }
          line.put(text, at: 10)
          return line
        }
      }
  }

  private static let databases: [(name: String, title: String)] = [
    ("database", "Database"), ("size_bytes", "Size"), ("transactions_per_second", "TPS"),
    ("rollback_percent", "Rollbacks"), ("xid_age", "XID age"),
  ]
  private static let fileSystems: [(name: String, title: String)] = [
    ("mount", "File system"), ("percent_used", "In use"), ("free_gb", "Free"), ("total_gb", "Size"),
    ("device", "Device"),
  ]

  private func table(_ member: String, _ names: [(name: String, title: String)]) -> [TopLine] {
    let rows = rows(member)
    if rows.isEmpty { return [] }
    let columns = names.map { schemas.column($0.name, of: .server, in: member) }
    var grid = TopGrid(zip(names, columns).map { .init(title: $0.title, isRight: $1.isNumber) })
    grid.rows = rows.map { row in columns.map { cells.text(row[member: $0.name] ?? .null, $0) } }
    return grid.lines()
  }
}
