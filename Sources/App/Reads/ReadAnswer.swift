// The answer of a read as JSON, CSV or NDJSON, and its schema.

import Protocol

/// Builds one answer from the rows of its sections.
struct ReadAnswer {
  static let sourceField = "X-Metrics-Source"

  private let read: Read
  private let format: MetricFormat
  /// The coarsest source that gave rows.
  private var source = MetricSource.raw
  private let page: PageSelection?
  private let cursor: (MetricCursor.Position) -> String
  /// The members before the sections, without the closing brace.
  private var json: [UInt8] = [UInt8(ascii: "{")]
  private var rows = SectionSink.Rows()
  private var sections: [UInt8] = []

  /// - Parameters:
  ///   - server: the server of a read of one server.
  ///   - cursor: encodes the position after the last row of a series.
  init(
    _ read: Read, _ format: MetricFormat, range: (start: Timestamp, end: Timestamp), bucketSeconds: Int64?,
    server: Int32?, page: PageSelection?, cursor: @escaping (MetricCursor.Position) -> String
  ) {
    self.read = read
    self.format = format
    self.page = page
    self.cursor = cursor
    if let server { member("server_id", "\(server)") }
    if read.span != nil {
      member("start_time", "\"\(range.start.rfc3339)\"")
      member("end_time", "\"\(range.end.rfc3339)\"")
    }
    if let bucketSeconds { member("bucket_seconds", "\(bucketSeconds)") }
  }

  private mutating func member(_ name: String, _ value: String) {
    if json.count > 1 { json.append(UInt8(ascii: ",")) }
    json.append(contentsOf: "\"\(name)\":\(value)".utf8)
  }

  /// Adds the rows of a section, in the order of the declaration.
  mutating func add(_ section: ReadSection, _ rows: SectionSink.Rows) {
    if section.name == "data" || format != .json { self.rows = rows }
    if source.isFiner(than: rows.source) { source = rows.source }
    guard format == .json else { return }
    sections.append(contentsOf: ",\"\(section.name)\":[".utf8)
    sections.append(contentsOf: rows.text)
    sections.append(contentsOf: "]".utf8)
    if section.name != "data" { sections.append(contentsOf: ",\"\(section.name)_truncated\":\(rows.hasMore)".utf8) }
  }

  func response() -> HTTPResponse {
    var fields = [HTTPField("Vary", "Accept")]
    if !read.tables.isEmpty { fields.append(HTTPField(Self.sourceField, source.rawValue)) }
    let type = format == .csv ? "text/csv; charset=utf-8; header=present" : format.type.description
    fields.insert(HTTPField("Content-Type", type), at: 0)
    return HTTPResponse(status: .ok, fields: fields, body: format == .json ? document() : rows.text)
  }

  private func document() -> [UInt8] {
    var json = json
    if !read.tables.isEmpty {
      json.append(contentsOf: "\(json.count > 1 ? "," : "")\"source\":\"\(source.rawValue)\"".utf8)
      json.append(contentsOf: ",\"data_from\":\(Self.time(rows.dataFrom))".utf8)
      json.append(contentsOf: ",\"data_until\":\(Self.time(rows.dataUntil))".utf8)
    }
    // A read about the present has no member before the sections.
    json.append(contentsOf: json.count == 1 ? sections.dropFirst() : sections[...])
    switch read.data.kind {
    case .list:
      let size = page?.size ?? 20
      let total = rows.total ?? 0
      json.append(
        contentsOf: ",\"total\":\(total),\"page\":\(page?.page ?? 1),\"page_size\":\(size)".utf8)
      json.append(contentsOf: ",\"total_pages\":\((total + Int64(size) - 1) / Int64(size))".utf8)
    case .series:
      let next = rows.hasMore ? rows.position.map { "\"\(cursor($0))\"" } : nil
      json.append(contentsOf: ",\"count\":\(rows.count),\"next_cursor\":\(next ?? "null")".utf8)
    case .short: json.append(contentsOf: ",\"data_truncated\":\(rows.hasMore)".utf8)
    }
    json.append(UInt8(ascii: "}"))
    return json
  }

  private static func time(_ time: Timestamp?) -> String { time.map { "\"\($0.rfc3339)\"" } ?? "null" }
}

// MARK: Schema

extension ReadAnswer {
  /// The answers that an endpoint of the read declares.
  static func declaration(_ read: Read) -> AnswerDeclaration {
    let name = read.id.prefix(1).uppercased() + read.id.dropFirst()
    let field = AnswerDeclaration.Field(
      name: sourceField, schema: MetricSource.schema, prose: "As the member `source` of JSON.")
    let json = AnswerDeclaration(
      prose: read.data.summary,
      contents: [.init(type: .json, schema: .object(named: name, members(read, name)), example: example(read))],
      fields: read.tables.isEmpty ? [] : [field])
    let header = read.data.columns.map(\.name).joined(separator: ",") + "\r\n"
    let csv = AnswerDeclaration(contents: [.init(type: .csv, schema: .string, example: .string(header))])
    let lines = AnswerDeclaration(contents: [.init(type: .jsonLines, schema: .string, example: .string("{}\n"))])
    return json.or(csv).or(lines)
  }

  private static func members(_ read: Read, _ name: String) -> [Schema.Property] {
    var members: [Schema.Property] = []
    func add(_ name: String, _ schema: Schema, _ prose: String = "") {
      members.append(.init(name: name, schema: schema.described(prose)))
    }
    if read.subject == .server { add("server_id", .integer(format: "int32")) }
    if read.span != nil {
      add("start_time", .instant)
      add("end_time", .instant, "The end of the range, which is excluded.")
    }
    if read.hasBuckets { add("bucket_seconds", .integer(format: "int64"), "The width of the buckets of a series.") }
    if !read.tables.isEmpty {
      add(
        "source", MetricSource.schema,
        """
        The coarsest source that gave rows to any section of the answer: stored rows (`raw`), or roll-ups of 5 minutes or \
        of an hour, with finer sources for the rest of the range. `raw` if there are no rows.
        """)
      add("data_from", Schema.instant.nullable, "The time of the first stored row that `data` was computed from.")
      add("data_until", Schema.instant.nullable, "The time of the last stored row that `data` was computed from.")
    }
    for section in read.sections {
      let row = Schema.object(
        named: section.name == "data" ? name + "Row" : name + camelCase(section.name),
        section.columns.map { .init(name: $0.name, schema: $0.schema) })
      add(section.name, .array(of: row), section.summary)
      if section.name != "data" {
        add("\(section.name)_truncated", .boolean, "Whether there are more than `read_section_rows` rows.")
      }
    }
    switch read.data.kind {
    case .list:
      add("total", .integer(format: "int64"), "Entries in all pages; 0 if the page has no entries.")
      for name in ["page", "page_size", "total_pages"] { add(name, .integer(format: "int64")) }
    case .series:
      add("count", .integer(format: "int64"))
      add("next_cursor", Schema.string.nullable, "The cursor of the next page; null at the end.")
    case .short: add("data_truncated", .boolean, "Whether there are more than `read_section_rows` rows.")
    }
    return members
  }

  private static func camelCase(_ name: String) -> String {
    name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }

  /// An answer without rows.
  private static func example(_ read: Read) -> JSONValue {
    let (start, end) = (Timestamp(unixSeconds: 1_790_000_000), Timestamp(unixSeconds: 1_790_003_600))
    var answer = ReadAnswer(
      read, .json, range: (start, end), bucketSeconds: read.hasBuckets ? 60 : nil,
      server: read.subject == .server ? 1 : nil, page: nil, cursor: { _ in "" })
    for section in read.sections { answer.add(section, SectionSink.Rows()) }
    guard case .success(let value) = Result(catching: { try JSONValue.parse(answer.document().span) }) else {
      preconditionFailure("\(read.id): the example is no JSON")
    }
    return value
  }
}
