// A question that people ask of the fleet, declared once. The endpoint, its parameters, OpenAPI, JSON, CSV and NDJSON derive
// from the declaration. docs/READS.md describes how a read is answered.

import Protocol

/// A declared read.
struct Read: Sendable {
  /// What a read is about.
  enum Subject: Sendable {
    /// All servers that the filters select.
    case fleet
    /// The server of the path's `{id:int}`.
    case server
    /// The statement of the path's `{text_id}`, on all servers that the filters select.
    case statement
  }

  /// The filters that a read takes besides its own parameters.
  enum Filter: Sendable {
    /// `server` and `label`; only for reads of a fleet or a statement.
    case servers
    /// `database`, by name.
    case database
    /// `q`, one text.
    case words
    /// `at`, the time that a state is shown of.
    case moment
  }

  /// The operation's id in OpenAPI. Client generators and the command line make names of it.
  let id: String
  let path: PathPattern
  let subject: Subject
  /// The command of the command line, if it differs from the derived one.
  let command: CommandRule
  /// One line for the documentation.
  let summary: String
  /// A text of any length in CommonMark.
  let description: String
  /// The range if the request names none; nil: the read has no range and shows the present.
  let span: Duration?
  let filters: [Filter]
  /// Parameters of this read only.
  let parameters: [ReadParameter]
  /// The first section is the member `data`.
  let sections: [ReadSection]

  /// - Parameter path: for a server below `/api/v1/servers/{id:int}`, for a statement with `{text_id}`.
  init(
    _ id: String, _ path: PathPattern, about subject: Subject, command: CommandRule = .derived,
    summary: String, description: String = "",
    span: Duration? = .seconds(3600), filters: [Filter] = [], parameters: [ReadParameter] = [], sections: [ReadSection]
  ) {
    precondition(sections.first?.name == "data", "\(id): the first section is `data`")
    precondition(Set(sections.map(\.name)).count == sections.count, "\(id): two sections have one name")
    self.id = id
    self.path = path
    self.subject = subject
    self.command = command
    self.summary = summary
    self.description = description
    self.span = span
    self.filters = filters
    self.parameters = parameters
    self.sections = sections
  }

  var data: ReadSection { sections[0] }

  /// Whether a section is a series, so that the request may name the width of its buckets.
  var hasBuckets: Bool { sections.contains { $0.kind.isSeries } }

  /// The metric tables that the sections read, each once.
  var tables: [MetricTable] {
    var tables: [MetricTable] = []
    for table in sections.flatMap(\.tables) where !tables.contains(where: { $0.name == table.name }) {
      tables.append(table)
    }
    return tables
  }
}

/// One statement of a read, and the rows that it gives.
struct ReadSection: Sendable {
  enum Kind: Sendable {
    /// A list with pages. A request chooses the order among the columns that can be sorted by.
    /// - `by`: the order without a parameter `sort`: a column, with `-` before it for descending.
    case list(by: String)
    /// Rows by time. As the first section it has pages with a cursor.
    case series
    /// A short list in its own order, without pages: at most `read_section_rows` rows.
    case short

    var isSeries: Bool { if case .series = self { true } else { false } }
  }

  let name: String
  let summary: String
  let kind: Kind
  let columns: [ReadColumn]
  /// The metric tables that the statement reads.
  let tables: [MetricTable]
  /// The order of rows that are otherwise equal, as a SQL list over the section's columns. It makes the order total.
  let ties: String
  /// A SELECT. It gives the columns in their order, without those that are looked up, and then `data_from` and
  /// `data_until`: the times of the first and the last stored row that the row was computed from, possibly NULL. If it
  /// reads `ReadScope.parts`, it also gives `source`, the largest of those parts. It has no ORDER BY and no LIMIT of its own.
  let sql: @Sendable (ReadScope) -> String

  /// - Parameter tables: the names of the metric tables. An unknown name ends the process.
  init(
    _ name: String, _ summary: String, _ kind: Kind, from tables: [String], ties: String, columns: [ReadColumn],
    sql: @escaping @Sendable (ReadScope) -> String
  ) {
    self.name = name
    self.summary = summary
    self.kind = kind
    self.columns = columns
    self.tables = tables.map { name in
      guard let table = MetricCatalog.tables.first(where: { $0.name == name }) else {
        preconditionFailure("\(name) is no metric table")
      }
      return table
    }
    self.ties = ties
    self.sql = sql
    precondition(!kind.isSeries || columns.first?.name == "time", "\(name): the first column of a series is its time")
  }

  /// The values of `sort`, the default first; empty unless the section is a list with pages.
  var orders: [String] {
    guard case .list(let fallback) = kind else { return [] }
    let choices = columns.filter(\.isSortable).flatMap { ["-" + $0.name, $0.name] }
    precondition(choices.contains(fallback), "\(name): nothing is sorted by \(fallback)")
    return [fallback] + choices.filter { $0 != fallback }
  }
}

/// A column of a section.
struct ReadColumn: Sendable {
  let name: String
  let type: SQLType
  /// The unit of a number, as in the metric tables: `milliseconds`, `bytes`; empty: none.
  let unit: String
  let meaning: String
  /// Whether the number is an id that JSON writes as a text, because programs that read numbers as doubles would change it.
  var isIdentifier = false
  var isSortable = false
  /// The values of a text that has few.
  var values: [String] = []
  /// SQL over a row `r` of the section for a value that is looked up for the rows of the page only; nil: the section's
  /// statement gives the value.
  private(set) var lookup: (@Sendable (ReadScope) -> String)?

  private init(_ name: String, _ type: SQLType, _ unit: String, _ meaning: String) {
    self.name = name
    self.type = type
    self.unit = unit
    self.meaning = meaning
  }

  static func text(_ name: String, means meaning: String, of values: [String] = []) -> ReadColumn {
    var column = ReadColumn(name, .text, "", meaning)
    column.values = values
    return column
  }

  static func count(_ name: String, _ unit: String = "", means meaning: String) -> ReadColumn {
    ReadColumn(name, .int8, unit, meaning)
  }

  /// A number of any size, such as the sum of counters.
  static func total(_ name: String, _ unit: String = "", means meaning: String) -> ReadColumn {
    ReadColumn(name, .numeric, unit, meaning)
  }

  static func real(_ name: String, _ unit: String = "", means meaning: String) -> ReadColumn {
    ReadColumn(name, .float8, unit, meaning)
  }

  static func flag(_ name: String, means meaning: String) -> ReadColumn { ReadColumn(name, .bool, "", meaning) }
  static func time(_ name: String, means meaning: String) -> ReadColumn { ReadColumn(name, .timestamptz, "", meaning) }

  /// A list or an object.
  static func json(_ name: String, means meaning: String) -> ReadColumn { ReadColumn(name, .jsonb, "", meaning) }

  static func identifier(_ name: String, means meaning: String) -> ReadColumn {
    var column = ReadColumn(name, .int8, "", meaning)
    column.isIdentifier = true
    return column
  }

  /// The same column in a list that can be sorted by it.
  var sorted: ReadColumn {
    var column = self
    column.isSortable = true
    return column
  }

  /// The same column, whose value is looked up for the rows of the page only.
  /// - Parameter sql: an expression over a row `r` of the section, which may have columns for it besides the declared ones.
  func looked(up sql: @escaping @Sendable (ReadScope) -> String) -> ReadColumn {
    precondition(!isSortable, "\(name): all rows are sorted by it")
    var column = self
    column.lookup = sql
    return column
  }

  /// The schema of the value in JSON. Every value can be null.
  var schema: Schema {
    var schema: Schema =
      switch type {
      case .int8 where isIdentifier: .string
      case .int8: .integer(format: "int64")
      case .float8: .double
      case .numeric: .number
      case .bool: .boolean
      case .timestamptz: .string
      case .jsonb: .any
      default: values.isEmpty ? .string : .choice(values)
      }
    schema.unit = type == .timestamptz ? "time" : unit
    let prose = unit.isEmpty ? meaning : "\(meaning) Unit: \(unit)."
    return (type == .jsonb ? schema : schema.nullable).described(prose)
  }
}

/// A query parameter of one read.
struct ReadParameter: Sendable {
  let name: String
  let type: SQLType
  /// Appends the value of the request, or the fallback.
  typealias Append = @Sendable (inout EncodedParameters) -> Void

  let read: @Sendable (inout QueryReader) -> Append

  /// - Parameters:
  ///   - rule, prose: as in `QueryReader.optional`. Without a value the statement's parameter is `fallback`, or NULL.
  init<Value: SQLValue>(_ name: String, _ rule: FieldRule<Value>, default fallback: Value? = nil, _ prose: String) {
    self.name = name
    type = Value.type
    read = { query in
      let value = query.optional(name, rule, prose) ?? fallback
      return { parameters in parameters.append(value) }
    }
  }
}
