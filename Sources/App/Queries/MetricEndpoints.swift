// The endpoints of the metrics API.

import Protocol

enum MetricEndpoints {
  /// - Parameters: `database` for what is asked of a server; `queries` for its rows.
  static func all(_ database: Database, queries: Database, _ storage: StorageKind) -> [Endpoint] {
    [types(), metrics(database, queries, storage)]
  }

  private static func types() -> Endpoint {
    let answer = MetricTypesAnswer.all
    return Endpoint(
      .get, "/api/v1/metric-types", id: "listMetricTypes", tag: .servers, access: .user(.viewer),
      reach: .constant,
      summary: "Every metric type, its tables, and what their columns mean and can be asked for.",
      returns: MetricTypesAnswer.self
    ) { _, _ async throws(Problem) -> MetricTypesAnswer in answer }
  }

  private static func metrics(_ database: Database, _ queries: Database, _ storage: StorageKind) -> Endpoint {
    let json = AnswerDeclaration.json(
      MetricsAnswer.self, prose: "The rows.",
      fields: [
        .init(name: MetricsAnswer.sourceField, schema: MetricSource.schema, prose: "As the member `source` of JSON."),
        .init(
          name: MetricRowStream.cursorField, schema: .string,
          prose: "CSV and NDJSON: the cursor of the next page, if there is one. A long answer has it as a trailer."),
      ])
    let csv = AnswerDeclaration(contents: [
      .init(type: .csv, schema: .string, example: "time,database,size_bytes\r\n2026-09-21T13:30:00Z,app,1234567.5\r\n")
    ])
    let lines = AnswerDeclaration(contents: [
      .init(
        type: .jsonLines, schema: .string,
        example: .string(#"{"time":"2026-09-21T13:30:00Z","database":"app","size_bytes":1234567.5}"# + "\n"))
    ])
    let id = "getServerMetrics"
    return Endpoint(
      .get, "/api/v1/servers/{id:int}/metrics", id: id, tag: .servers, access: .user(.viewer),
      reach: .server,
      summary: "Metrics of one server, as stored or aggregated by buckets.", description: description,
      query: MetricsQuery.self, returns: EndpointAnswer.self,
      answers: [json.or(csv).or(lines).or(StatementScript.declaration)], problems: [.notFound]
    ) { request, context async throws(Problem) -> EndpointAnswer in
      let server = try await ServerEndpoints.server(request.path.integer("id"), database)
      let type = try request.head.negotiate(MetricFormat.allCases.map(\.type) + [.sql])
      if type == .sql { try StatementScript.admit(context) }
      let read = MetricsRead(
        queries: queries, storage: storage, server: server.id, query: request.query,
        format: MetricFormat(type) ?? .json, isCompressed: request.head.acceptsGzip, context: context)
      return type == .sql ? .complete(try await read.script(id)) : try await read.answer()
    }
  }

  private static let description = """
    `Accept` chooses the format: JSON is in pages; CSV and NDJSON are streamed row by row, at most `stream_rows` (a setting) \
    of them. SQL is the statement with its present values. `Accept-Encoding` can ask for gzip. If the server cannot read all rows, it cuts the body off and closes the \
    connection: the last chunk is missing.

    Rows are ordered by time. Buckets of the same time are ordered by the ids of database and object; stored rows of the \
    same time have a fixed order, too. `next_cursor` is a position in that order, so pages neither repeat nor miss existing rows.

    **Buckets** have one row for each database and object (and each `series` column of the table). avg, sum and p95 use \
    all values that are not null; `last` is the value of the last row, even if it is null.

    **rate** is the increase of a counter per second between successive rows of one series: one database, object and \
    `series` column. A counter that falls was reset, and its new value is the increase. The rate is null for the first row of \
    a series in the range. In tables whose rows are added up it is also null if the row has another number of parts \
    (`statements`) than the previous row. A bucket's rate is the sum of the increases up to its rows, divided by their time.

    **Roll-ups** of 5 minutes and 1 hour are read if they give the same answer as the rows: the bucket is a multiple of \
    theirs, the aggregate is not p95, and all columns are counters or gauges. The rows supply what is not rolled up yet and \
    the ends of the range that are not whole buckets. `source` says what was read. (Sums of `real` columns can differ in the \
    last digits, because they are added in another order.) Roll-ups are kept longer than rows.
    """
}
