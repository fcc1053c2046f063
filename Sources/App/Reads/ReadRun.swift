// Answers one request for a read: it selects the servers, decides which roll-ups can be used, and runs the sections on one
// snapshot of the database.

import Ground
import Protocol

struct ReadRun: Sendable {
  let read: Read
  /// The connections for metrics queries. Reads share them and give way to pushes in the same way.
  let queries: Database
  let storage: StorageKind
  /// The server or the statement of the path; nil for a read of the fleet.
  let subject: Int64?
  let parameters: ReadParameters
  let format: MetricFormat
  let context: RequestContext

  /// What the sections of one answer have in common.
  private struct Frame {
    let range: (start: Timestamp, end: Timestamp)
    let position: MetricCursor.Position?
    let servers: [Int32]
    let lacking: ReadBorders.Lacking
    /// The width of the buckets, in seconds.
    let width: Int64
  }

  /// The answer in the format of the request.
  func answer() async throws(Problem) -> HTTPResponse {
    try await run { frame, session throws(DatabaseError) in
      var answer = start(frame)
      for section in read.sections where format == .json || section.name == parameters.section {
        let (statement, values, window) = statement(of: section, frame)
        let sink = SectionSink(section, format, limit: window.limit, after: window.position)
        try await session.stream(statement.description, values, to: sink)
        answer.add(section, sink.finish())
      }
      return answer.response()
    }
  }

  /// The statements of the answer as a script for psql, with the values that they have now.
  func script() async throws(Problem) -> HTTPResponse {
    try await run { frame, session throws(DatabaseError) in
      var script = StatementScript(read.id)
      for section in read.sections {
        let (statement, values, _) = statement(of: section, frame)
        try await script.append(section.name, statement.description, values, session)
      }
      return script.response()
    }
  }

  /// Runs `body` in a transaction that reads one snapshot.
  private func run(
    _ body: @Sendable (Frame, DatabaseLease) async throws(DatabaseError) -> HTTPResponse
  ) async throws(Problem) -> HTTPResponse {
    let cursor = try position()
    let range: (start: Timestamp, end: Timestamp)
    if let cursor { range = (cursor.start, cursor.end) } else { range = try self.range() }
    let answer: HTTPResponse?
    do throws(DatabaseError) {
      answer = try await queries.lease { session throws(DatabaseError) in
        try await session.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") {
          session throws(DatabaseError) in
          guard let frame = try await self.frame(range, cursor?.position, session) else { return nil }
          return try await body(frame, session)
        }
      }
    } catch {
      throw Problem(error)
    }
    guard let answer else { throw Problem(.notFound, "there is no such statement") }
    return answer
  }

  /// - Returns: nil if the read is about a statement whose text no server has.
  private func frame(
    _ range: (start: Timestamp, end: Timestamp), _ position: MetricCursor.Position?, _ session: DatabaseLease
  ) async throws(DatabaseError) -> Frame? {
    let settings = context.settings
    session.allow(settings.queryTimeout)
    try await session.execute(
      SchemaStatements.limitWork, settings.queryTimeout.settingText, String(settings.queryWorkers))
    try await session.execute(ReadStatements.sortMemory, "\(settings.readSortBytes / 1024)kB")
    if read.subject == .statement, let subject {
      guard try await session.one(ReadStatements.isKnown, subject)?.value == true else { return nil }
    }
    let servers = try await selected(session)
    let tables = read.tables.map(\.name)
    let lack = tables.isEmpty ? nil : try await session.one(ReadStatements.lacking, servers, tables)
    let lacking = ReadBorders.Lacking(fine: lack?.fine, coarse: lack?.coarse)
    let width =
      parameters.bucket?.wholeSeconds ?? position?.keys[0]
      ?? BucketWidth.chosen(for: range, lacking, now: context.now, settings.storage)
    return Frame(range: range, position: position, servers: servers, lacking: lacking, width: width)
  }

  /// The answer before its first section.
  private func start(_ frame: Frame) -> ReadAnswer {
    ReadAnswer(
      read, format, range: frame.range, bucketSeconds: read.hasBuckets ? frame.width : nil,
      server: read.subject == .server ? frame.servers.first : nil, page: parameters.page,
      cursor: { position in
        let position = MetricCursor.Position(time: position.time, keys: [frame.width], seen: position.seen)
        return MetricCursor(start: frame.range.start, end: frame.range.end, position: position).encode(for: digest)
      })
  }

  /// The statement of a section, its parameters and its page.
  private func statement(
    of section: ReadSection, _ frame: Frame
  ) -> (ReadStatement, EncodedParameters, ReadStatement.Window) {
    // Only a series needs roll-ups of which its buckets consist.
    let borders = ReadBorders(
      frame.range.start, frame.range.end, frame.lacking, bucketSeconds: section.kind.isSeries ? frame.width : nil)
    let window = window(section, frame.position)
    let statement = ReadStatement(
      read, section, storage, order: section.name == "data" ? parameters.order : nil, window)
    let values = encoded(frame.servers, frame.range, frame.width, borders)
    return (statement, statement.appended(to: values), window)
  }

  // MARK: Parameters

  private func selected(_ session: DatabaseLease) async throws(DatabaseError) -> [Int32] {
    if read.subject == .server { return subject.flatMap { Int32(exactly: $0) }.map { [$0] } ?? [] }
    let selection = (parameters.servers ?? ServerSelection(servers: [], labels: [])).within(context)
    return try await session.rows(ServerSelection.statement, selection.servers, selection.labels.map(\.text))
      .map(\.value)
  }

  private func encoded(
    _ servers: [Int32], _ range: (start: Timestamp, end: Timestamp), _ width: Int64, _ borders: ReadBorders
  ) -> EncodedParameters {
    var values = EncodedParameters()
    let moment = parameters.moment?.resolved(before: context.now) ?? range.end
    for parameter in ReadScope.Parameter.allCases {
      switch parameter {
      case .servers: values.append(servers)
      case .start: values.append(range.start)
      case .end: values.append(range.end)
      case .now: values.append(context.now)
      case .moment: values.append(moment)
      case .database: values.append(parameters.database.map { TextID.of($0) })
      case .databaseName: values.append(parameters.database)
      case .words: values.append(parameters.words)
      case .statement: values.append(read.subject == .statement ? subject : nil)
      case .bucket: values.append(Double(width))
      case .fineStart: values.append(borders.fineStart)
      case .coarseStart: values.append(borders.coarseStart)
      case .coarseEnd: values.append(borders.coarseEnd)
      case .fineEnd: values.append(borders.fineEnd)
      }
    }
    for append in parameters.own { append(&values) }
    return values
  }

  private func window(_ section: ReadSection, _ position: MetricCursor.Position?) -> ReadStatement.Window {
    let settings = context.settings
    guard section.name == parameters.section || section.name == "data" else {
      return .init(limit: settings.readSectionRows)
    }
    if format != .json { return .init(limit: settings.queryRows) }
    switch section.kind {
    case .list:
      let page = parameters.page
      return .init(limit: page?.size ?? 20, offset: page?.offset ?? 0)
    case .series:
      return .init(limit: min(parameters.limit ?? 1000, settings.queryRows), position: position)
    case .short: return .init(limit: settings.readSectionRows)
    }
  }

  private func range() throws(Problem) -> (Timestamp, Timestamp) {
    let end = parameters.end?.resolved(before: context.now) ?? context.now
    let span = read.span ?? .seconds(3600)
    let start =
      parameters.start?.resolved(before: end)
      ?? Timestamp(unixMicroseconds: end.unixMicroseconds - span.wholeNanoseconds / 1000)
    if start >= end { throw Problem(.invalidQuery, "start_time: must be before end_time") }
    let longest = context.settings.readRangeMaximum
    if end.unixMicroseconds - start.unixMicroseconds > longest.wholeNanoseconds / 1000 {
      throw Problem(
        .invalidQuery, "start_time: the range is longer than \(DurationText.write(longest)) (read_range_maximum)")
    }
    return (start, end)
  }

  // MARK: Cursor

  /// The cursor of the request. Its key is the width of the buckets, which could else differ between two pages.
  private func position() throws(Problem) -> MetricCursor? {
    guard let text = parameters.cursor else { return nil }
    do throws(MetricCursor.Unusable) {
      let cursor = try MetricCursor(text, for: digest, keyCount: 1)
      let width = cursor.position.keys[0]
      guard parameters.bucket?.wholeSeconds == width || BucketWidth.widths.contains(width) else { throw .malformed }
      return cursor
    } catch {
      switch error {
      case .malformed: throw Problem(.invalidQuery, "cursor: is none of ours")
      case .foreign: throw Problem(.invalidQuery, "cursor: belongs to another query")
      }
    }
  }

  /// A digest of everything that decides which rows a series has and in which order.
  private var digest: UInt64 {
    let bytes = Digest.sha256(utf8: "\(read.id)\n\(parameters.identity(subject))")
    return UInt64(bigEndian: bytes.span, at: 0)
  }
}

/// The statement of a section: its SQL, with order and page.
struct ReadStatement: Sendable {
  /// Which rows of the section are wanted.
  struct Window: Sendable {
    let limit: Int
    var offset = 0
    /// For a series: the rows at and after this time, without those that were given.
    var position: MetricCursor.Position?
  }

  let description: StatementDescription
  private let window: Window

  /// - Parameter order: the value of `sort`; nil for the section's own order.
  init(_ read: Read, _ section: ReadSection, _ storage: StorageKind, order: String?, _ window: Window) {
    self.window = window
    let scope = ReadScope(read, storage)
    var types = scope.parameterTypes
    let sql = section.sql(scope)
    // Only the roll-ups are coarser than rows, so a statement that reads none has no `source`.
    let source = sql.contains("rollups.") ? "max(r.source) OVER ()::int8" : "NULL::int8"
    // Every parameter has its type here, also those that the section does not use.
    let asked = types.enumerated().map { "$\($0 + 1)::\($1)" }.joined(separator: ", ")
    let names = section.columns.map { column in
      let name = quotedIdentifier(column.name)
      return column.lookup.map { "\($0(scope)) AS \(name)" } ?? "r.\(name)"
    }.joined(separator: ", ")
    func parameter(_ type: SQLType) -> String {
      types.append(type)
      return "$\(types.count)::\(type)"
    }
    let (limit, offset) = (parameter(.int8), parameter(.int8))
    let earliest = parameter(.timestamptz)
    let condition = section.kind.isSeries ? "\nWHERE \(earliest) IS NULL OR r.time >= \(earliest)" : ""
    description = StatementDescription(
      name: "read_\(read.id)_\(section.name)",
      sql: """
        WITH asked AS (SELECT \(asked), \(limit), \(offset), \(earliest))
        SELECT \(names), count(*) OVER () AS total, min(r.data_from) OVER () AS data_from,
          max(r.data_until) OVER () AS data_until, \(source) AS source
        FROM (
        \(sql)
        ) r\(condition)
        ORDER BY \(Self.terms(section, order))\(section.ties)
        LIMIT \(limit) OFFSET \(offset)
        """,
      parameterTypes: types, columns: [], isOpen: true)
  }

  private static func terms(_ section: ReadSection, _ order: String?) -> String {
    switch section.kind {
    case .series: return "r.time, "
    case .short: return ""
    case .list(let fallback):
      let order = order ?? fallback
      let isDescending = order.hasPrefix("-")
      let name = isDescending ? String(order.dropFirst()) : order
      return "r.\(quotedIdentifier(name))\(isDescending ? " DESC" : "") NULLS LAST, "
    }
  }

  /// The parameters of the read, followed by those of the window. One row more than the limit shows that there are more.
  func appended(to values: EncodedParameters) -> EncodedParameters {
    var values = values
    values.append(Int64(window.limit) + 1)
    values.append(window.position?.seen ?? Int64(window.offset))
    values.append(window.position?.time)
    return values
  }
}

/// Collects the rows of one section as text.
final class SectionSink: RowSink {
  /// The rows of a section.
  struct Rows: Sendable {
    var text: [UInt8] = []
    var count = 0
    /// The number of rows of all pages; nil if the page has no rows.
    var total: Int64?
    var dataFrom: Timestamp?
    var dataUntil: Timestamp?
    /// The coarsest source of the rows of all pages.
    var source = MetricSource.raw
    var hasMore = false
    /// The position after the last row of a series.
    var position: MetricCursor.Position?
  }

  // Safety: the pool's loop calls `receive` for one row after the other, and `finish` follows the statement's end.
  private nonisolated(unsafe) var text: RowText  // Safety: the calls come one after the other
  private nonisolated(unsafe) var rows = Rows()  // Safety: as above
  private let limit: Int

  init(_ section: ReadSection, _ format: MetricFormat, limit: Int, after position: MetricCursor.Position?) {
    self.limit = limit
    let identifiers = Set(section.columns.filter(\.isIdentifier).map(\.name))
    text = RowText(section.columns.map(\.name), identifiers: identifiers, format)
    rows.position = position
  }

  func receive(_ row: borrowing DatabaseRows) -> RowDemand {
    func word(_ column: Int) -> Int64? {
      row.withValue(row: 0, column: column) { bytes in
        guard let bytes, bytes.count == 8 else { return nil }
        return Int64(bigEndian: bytes, at: 0)
      }
    }
    let width = text.width
    rows.total = word(width)
    rows.dataFrom = word(width + 1).map { Timestamp(word: $0) }
    rows.dataUntil = word(width + 2).map { Timestamp(word: $0) }
    rows.source = word(width + 3).map { MetricSource.allCases[Int($0)] } ?? .raw
    if rows.count == limit {
      rows.hasMore = true
      return .more
    }
    text.append(row)
    rows.count += 1
    guard let time = word(0).map({ Timestamp(word: $0) }) else { return .more }
    if rows.position?.time == time {
      rows.position?.seen += 1
    } else {
      rows.position = MetricCursor.Position(time: time, keys: [])
    }
    return .more
  }

  /// The rows that were received. To be called once, after the last row.
  func finish() -> Rows {
    rows.text = text.take()
    return rows
  }
}
