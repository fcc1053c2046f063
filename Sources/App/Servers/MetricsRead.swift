import Protocol

/// One page of a metrics query.
struct MetricsRead {
  let services: Services
  let server: Int32
  let query: MetricsQuery
  let now: Timestamp

  private static let defaultSpan: Int64 = 3_600_000_000

  func run() async throws(Problem) -> MetricsAnswer {
    guard let metric = MetricQueries.query(named: query.metricType) else {
      throw Problem(.invalidQuery, "metric_type: there is no \"\(query.metricType)\"")
    }
    let end = query.end ?? now
    let start = query.start ?? Timestamp(unixMicroseconds: end.unixMicroseconds - Self.defaultSpan)
    if start >= end { throw Problem(.invalidQuery, "start_time: must be before end_time") }
    let offset = try offset()
    let limit = min(query.limit, services.settings.queryRows)
    // One row more than is shown tells whether there is more.
    let rows = try await services.query { client throws(DatabaseError) in
      guard let bucket = query.bucket, let statement = metric.bucketed[query.aggregate] else {
        return try await client.rows(
          metric.raw, server, start, end, query.database, query.object, Int64(limit + 1), offset)
      }
      return try await client.rows(
        statement, server, start, end, query.database, query.object, Double(bucket.wholeSeconds), Int64(limit + 1),
        offset)
    }
    return MetricsAnswer(
      serverID: server, query: metric, start: start, end: end, bucket: query.bucket, aggregate: query.aggregate,
      rows: Array(rows.prefix(limit)), nextCursor: rows.count > limit ? "o\(offset + Int64(limit))" : nil)
  }

  /// Rows to skip. The text is opaque to clients.
  private func offset() throws(Problem) -> Int64 {
    guard let cursor = query.cursor else { return 0 }
    guard cursor.first == "o", let offset = Int64(cursor.dropFirst()), offset >= 0 else {
      throw Problem(.invalidQuery, "cursor: is none of ours")
    }
    return offset
  }
}
