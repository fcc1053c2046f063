// The monitored servers and their metrics.

import Protocol

struct ServerAnswer: ResponseBody {
  static let schemaName = "Server"
  let server: MonitoredServer

  static let example = ServerAnswer(
    server: MonitoredServer(
      id: 1, name: "db1", hostname: "db1.example.com", collectorID: UUID(high: 1, low: 2),
      createdAt: Timestamp(unixSeconds: 1_790_000_000), lastSeenAt: nil))

  func write(to object: inout ObjectWriter) {
    object.member("id", server.id)
    object.member("name", server.name)
    object.member("hostname", server.hostname)
    object.nullable("collector_id", server.collectorID)
    object.member("created_at", server.createdAt)
    object.nullable("last_seen_at", server.lastSeenAt)
  }
}

struct ServersQuery: QueryParameters {
  let page: PageSelection
  init(from query: inout QueryReader) { page = PageSelection(from: &query) }
}

struct MetricsQuery: QueryParameters {
  private static let day = Duration.seconds(86_400)

  let metricType: String
  let start: Timestamp?
  let end: Timestamp?
  let bucket: Duration?
  let aggregate: Aggregate
  let database: String?
  let object: String?
  let limit: Int
  let cursor: String?

  init(from query: inout QueryReader) {
    metricType = query.optional(
      "metric_type", .string(1...64), default: "pg_stats", "pg_stats",
      "A metric type or one of its tables, such as pg_stats, pg_stats_tables or sysstat.")
    start = query.optional("start_time", .instant, "First time; an hour before the end if it is left out.")
    end = query.optional("end_time", .instant, "The time before which to stop; now if it is left out.")
    bucket = query.optional(
      "bucket", .duration(.seconds(1)...Self.day * 31), "Width of a bucket: 5m, 1h. Without it the rows as stored.")
    aggregate = query.optional("aggregate", .choice(), default: .avg, "avg", "What a bucket's values become.")
    database = query.optional("database", .string(1...255), "Rows of this database only.")
    object = query.optional("object", .string(1...1024), "Rows of this object only: its names joined with dots.")
    limit = query.optional("limit", .integer(1...10_000), default: 1000, 1000, "Rows in an answer.")
    cursor = query.optional("cursor", .string(1...64), "`next_cursor` of the answer before.")
  }
}

/// Rows of a metric table, as they are or by buckets.
struct MetricsAnswer: ResponseBody {
  static let schemaName = "Metrics"
  let serverID: Int32
  let query: MetricQuery
  let start: Timestamp
  let end: Timestamp
  let bucket: Duration?
  let aggregate: Aggregate
  let rows: [MetricRow]
  let nextCursor: String?

  static let example = MetricsAnswer(
    serverID: 1, query: MetricQuery(MetricCatalog.tables[0]), start: Timestamp(unixSeconds: 1_790_000_000),
    end: Timestamp(unixSeconds: 1_790_003_600), bucket: .seconds(300), aggregate: .avg, rows: [], nextCursor: nil)

  func write(to object: inout ObjectWriter) {
    object.member("server_id", serverID)
    object.member("table", query.table.name)
    object.member("start_time", start)
    object.member("end_time", end)
    object.nullable("bucket_seconds", bucket.map { $0.wholeSeconds })
    object.nullable("aggregate", bucket == nil ? nil : aggregate)
    object.member("count", rows.count)
    object.member("data", rows, "One object a row: time, database (else database_name) and object, the columns.")
    object.nullable("next_cursor", nextCursor, "Where to go on; null at the end.")
  }
}

extension Aggregate: ResponseValue {}

extension MetricRow: ResponseValue {
  static var schema: Schema { .any }

  func write(to json: inout JSONWriter) {
    json.object { json in
      for (name, value) in values {
        json.key(name)
        switch value {
        case .null: json.null()
        case .integer(let number): json.value(number)
        // JSON has no infinities; what is not finite has no value.
        case .real(let number): if number.isFinite { json.value(number) } else { json.null() }
        case .flag(let flag): json.value(flag)
        case .text(let text): json.value(text)
        case .time(let time): json.value(time.rfc3339)
        }
      }
    }
  }
}

enum ServerEndpoints {
  static func all(_ services: Services) -> [Endpoint] { [list(services), one(services), metrics(services)] }

  private static func list(_ services: Services) -> Endpoint {
    Endpoint(
      .get, "/api/v1/servers", id: "listServers", tag: .servers, access: .user(.viewer),
      summary: "The monitored servers.", query: ServersQuery.self, returns: Page<ServerAnswer>.self
    ) { request, _ async throws(Problem) -> Page<ServerAnswer> in
      let selection = request.query.page
      let (servers, total) = try await services.query { database throws(DatabaseError) in
        let servers = try await database.rows(ServerStatements.page, Int64(selection.size), Int64(selection.offset))
        return (servers, try await database.one(ServerStatements.count)?.value ?? 0)
      }
      return Page(servers.map(ServerAnswer.init), of: Int(total), selection)
    }
  }

  private static func one(_ services: Services) -> Endpoint {
    Endpoint(
      .get, "/api/v1/servers/{id:int}", id: "getServer", tag: .servers, access: .user(.viewer),
      summary: "One monitored server.", returns: ServerAnswer.self, problems: [.notFound]
    ) { request, _ async throws(Problem) -> ServerAnswer in
      ServerAnswer(server: try await server(request.path.integer("id"), services))
    }
  }

  private static func metrics(_ services: Services) -> Endpoint {
    Endpoint(
      .get, "/api/v1/servers/{id:int}/metrics", id: "getServerMetrics", tag: .servers, access: .user(.viewer),
      summary: "Metrics of one server, as stored or aggregated by buckets.",
      query: MetricsQuery.self, returns: MetricsAnswer.self, problems: [.notFound]
    ) { request, context async throws(Problem) -> MetricsAnswer in
      let server = try await server(request.path.integer("id"), services)
      return try await MetricsRead(services: services, server: server.id, query: request.query, now: context.now).run()
    }
  }

  private static func server(_ id: Int64, _ services: Services) async throws(Problem) -> MonitoredServer {
    guard let id = Int32(exactly: id) else { throw Problem(.notFound, "there is no such server") }
    let server = try await services.query { database throws(DatabaseError) in
      try await database.one(ServerStatements.byID, id)
    }
    guard let server else { throw Problem(.notFound, "there is no such server") }
    return server
  }
}
