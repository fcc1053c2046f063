// Answers one metrics query: it chooses the source, runs the statement and passes the rows on.

import Protocol
import Reactor

struct MetricsRead: Sendable {
  /// The connections for metrics queries, and for nothing else.
  let queries: Database
  let storage: StorageKind
  let server: Int32
  let query: MetricsQuery
  let format: MetricFormat
  /// Whether the client accepts gzip.
  let isCompressed: Bool
  let context: RequestContext

  private static let defaultSpan: Int64 = 3_600_000_000

  func answer() async throws(Problem) -> EndpointAnswer {
    let selection = try selection()
    let (range, position) = try range(selection)
    let limit = try limit()
    let stream = MetricRowStream(capacity: context.settings.streamUnsentBytes, isCompressed: isCompressed)
    context.departure.onDeparture { stream.pipe.cancel() }
    Task {
      do throws(DatabaseError) {
        try await run(selection, range, position, limit, stream)
        stream.finish()
      } catch {
        stream.fail(error)
      }
    }
    switch await stream.opening() {
    case .failed(let error): throw problem(error)
    case .whole(let body, let cursor):
      var response = head(stream.source)
      response.body = body
      if format != .json, let cursor { response.fields.append(HTTPField(MetricRowStream.cursorField, cursor)) }
      return .complete(response)
    case .flowing:
      var response = head(stream.source)
      if format != .json { response.fields.append(HTTPField("Trailer", MetricRowStream.cursorField)) }
      return .streamed(head: response, stream.pipe)
    }
  }

  private func run(
    _ selection: MetricSelection, _ asked: MetricRange, _ position: MetricCursor.Position?, _ limit: Int,
    _ stream: MetricRowStream
  ) async throws(DatabaseError) {
    let settings = context.settings
    let timeout = format == .json ? settings.queryTimeout : settings.streamTimeout
    try await queries.lease { session throws(DatabaseError) in
      if stream.pipe.isCancelled { throw DatabaseError(.cancelled, "the client went away") }
      stream.pipe.produce(onRoom: { session.resumeRows() }, onCancel: { session.abandon() })
      // One snapshot: the transaction has to see roll-ups and pending times of the same moment.
      try await session.transaction(Self.begin) { session throws(DatabaseError) in
        session.allow(timeout)
        try await session.execute(SchemaStatements.limitWork, timeout.settingText, String(settings.queryWorkers))
        let range = try await sourced(asked, selection, session)
        let statement = statement(selection, range, position, limit)
        stream.begin(plan(selection, range, position, limit, statement), from: range.source)
        try await session.stream(statement.description, statement.parameters, to: stream)
      }
    }
  }

  private static let begin: StaticString = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

  /// One row more than the limit shows whether there is a next page.
  private func statement(
    _ selection: MetricSelection, _ range: MetricRange, _ position: MetricCursor.Position?, _ limit: Int
  ) -> MetricStatement {
    MetricStatementWriter.statement(
      selection, storage, server: server, range: range, after: position, limit: Int64(limit) + 1)
  }

  /// The statement as a script for psql, with the values that it has now.
  /// - Parameter operation: the id of the endpoint.
  func script(_ operation: String) async throws(Problem) -> HTTPResponse {
    let (selection, limit) = (try selection(), try limit())
    let (asked, position) = try range(selection)
    do throws(DatabaseError) {
      return try await queries.lease { session throws(DatabaseError) in
        try await session.transaction(Self.begin) { session throws(DatabaseError) in
          session.allow(context.settings.queryTimeout)
          let range = try await sourced(asked, selection, session)
          let statement = statement(selection, range, position, limit)
          var script = StatementScript(operation)
          try await script.append("data", statement.description, statement.parameters, session)
          return script.response()
        }
      }
    } catch {
      throw Problem(error)
    }
  }

  /// What the query selects. - Throws: `.invalidQuery`
  private func selection() throws(Problem) -> MetricSelection {
    let selection = try query.selection()
    if let step = query.source?.step, !selection.isComposable(of: step) {
      throw Problem(
        .invalidQuery,
        "source: roll-ups of \(step.rawValue) hold no \(selection.shape.name) of these columns and buckets")
    }
    return selection
  }

  /// The coarsest source that gives the exact answer, unless the query names one.
  private func sourced(
    _ range: MetricRange, _ selection: MetricSelection, _ session: DatabaseLease
  ) async throws(DatabaseError) -> MetricRange {
    let steps: [RollupStep]
    switch query.source {
    case nil: steps = RollupStep.allCases.reversed().filter { selection.isComposable(of: $0) }
    case .raw: return range
    case .fiveMinutes: steps = [.fiveMinutes]
    case .hour: steps = [.hour]
    }
    for step in steps {
      let covered = try await range.covered(by: step, server: server, table: selection.table.name, session)
      if let covered { return covered }
    }
    return range
  }

  private func plan(
    _ selection: MetricSelection, _ range: MetricRange, _ position: MetricCursor.Position?, _ limit: Int,
    _ statement: MetricStatement
  ) -> MetricRowEncoder.Plan {
    let digest = digest
    return MetricRowEncoder.Plan(
      format: format, names: selection.names, identifiers: selection.identifiers,
      head: MetricsAnswer.head(server, selection, range), limit: limit,
      keyCount: statement.keyCount, start: position,
      cursor: { MetricCursor(start: range.start, end: range.end, position: $0).encode(for: digest) })
  }

  private func head(_ source: MetricSource) -> HTTPResponse {
    let type = format == .csv ? "text/csv; charset=utf-8; header=present" : format.type.description
    return HTTPResponse(
      status: .ok,
      fields: [
        HTTPField("Content-Type", type), HTTPField(MetricsAnswer.sourceField, source.rawValue),
        HTTPField("Vary", "Accept, Accept-Encoding"),
      ] + (isCompressed ? [HTTPField("Content-Encoding", "gzip")] : []))
  }

  private func limit() throws(Problem) -> Int {
    let settings = context.settings
    switch format {
    case .json:
      let limit = query.limit ?? min(MetricsQuery.defaultLimit, settings.queryRows)
      if limit <= settings.queryRows { return limit }
      throw Problem(.invalidQuery, "limit: an answer in JSON has at most \(settings.queryRows) rows (query_rows)")
    case .csv, .lines:
      let limit = query.limit ?? settings.streamRows
      if limit <= settings.streamRows { return limit }
      throw Problem(.invalidQuery, "limit: an answer has at most \(settings.streamRows) rows (stream_rows)")
    }
  }

  /// The range of the first page, or that of the cursor.
  private func range(_ selection: MetricSelection) throws(Problem) -> (MetricRange, MetricCursor.Position?) {
    if let text = query.cursor {
      do throws(MetricCursor.Unusable) {
        let cursor = try MetricCursor(text, for: digest, keyCount: selection.keyCount)
        return (MetricRange(start: cursor.start, end: cursor.end), cursor.position)
      } catch {
        switch error {
        case .malformed: throw Problem(.invalidQuery, "cursor: is none of ours")
        case .foreign: throw Problem(.invalidQuery, "cursor: belongs to another query")
        }
      }
    }
    let end = query.end?.resolved(before: context.now) ?? context.now
    let start =
      query.start?.resolved(before: end) ?? Timestamp(unixMicroseconds: end.unixMicroseconds - Self.defaultSpan)
    if start >= end { throw Problem(.invalidQuery, "start_time: must be before end_time") }
    return (MetricRange(start: start, end: end), nil)
  }

  /// A digest of everything that decides which rows the query selects and in which order.
  private var digest: UInt64 {
    let bytes = Digest.sha256(utf8: "\(server)\n\(query.identity)")
    return UInt64(bigEndian: bytes.span, at: 0)
  }

  private func problem(_ error: DatabaseError) -> Problem {
    if format != .json, error.sqlstate == SQLState.queryCanceled {
      return Problem(.overloaded, "the query took too long (stream_timeout)", retryAfterSeconds: 5)
    }
    return Problem(error)
  }
}
