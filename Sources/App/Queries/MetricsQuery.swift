import Ground
import Protocol

/// The parameters of a metrics query.
struct MetricsQuery: QueryParameters {
  static let defaultLimit = 1000
  private static let day = Duration.seconds(86_400)

  let metricType: String
  let columns: String?
  let start: TimeParameter?
  let end: TimeParameter?
  let bucket: Duration?
  let aggregate: Aggregate?
  let source: MetricSource?
  let database: String?
  let object: String?
  let hash: Int64?
  let limit: Int?
  let cursor: String?

  init(from query: inout QueryReader) {
    metricType = query.optional(
      "metric_type", .string(1...64), default: "pg_stats", "pg_stats",
      "A table, or a metric type, which selects the table with its name or else its first table: pg_stats, pg_stats_tables, sysstat."
    )
    columns = query.optional(
      "columns", .string(1...4096),
      "Names of columns, separated by commas. Default: all columns that have the aggregate. `extra` holds a row's undeclared members."
    )
    start = query.optional(
      "start_time", .time, "The first time, or a duration before the end: 24h, 7d. Default: an hour before the end.")
    end = query.optional(
      "end_time", .time, "The end, which is excluded, or how long ago it is. Default: now.")
    bucket = query.optional(
      "bucket", .duration(.seconds(1)...Self.day * 31),
      "Width of a bucket: 5m, 1h. Default: rows as stored. Buckets are counted from 2000-01-01 00:00 UTC.")
    aggregate = query.optional(
      "aggregate", .choice(),
      "How the values of a bucket are combined. Default: avg. Without a bucket only rate: the growth of each row's counters per second."
    )
    source = query.optional(
      "source", .choice(),
      "Read raw rows or roll-ups. Default: the coarsest source that gives the exact answer.")
    database = query.optional("database", .name, "Rows of this database only.")
    object = query.optional(
      "object", .name,
      """
      Rows of this object only: its names joined with dots, as in the member `object` of a row. A name with a dot, a quote or \
      `#` in it is in double quotes; `#2` after them means the second object with that name. For unknown_metrics: the metric's type.
      """)
    hash = query.optional("hash", .identifier, "Rows of this statement only, in tables whose rows have a `hash`.")
    limit = query.optional(
      "limit", .integer(1...1_000_000_000),
      "Largest number of rows. JSON: default 1000, at most `query_rows`. CSV and NDJSON: at most `stream_rows`.")
    cursor = query.optional(
      "cursor", .string(1...256), "`next_cursor` of the previous page. All parameters except `limit` must be the same.")
    query.require(
      bucket != nil || aggregate == nil || aggregate == .rate, "bucket",
      "is missing: without it, the only aggregate is rate")
    query.require(
      bucket != nil || source == nil || source == .raw, "bucket", "is missing: roll-ups hold no rows as stored")
  }

  /// Everything that decides which rows the query selects and in which order, as the client sent it.
  var identity: String {
    let shape = [
      bucket.map { String($0.wholeSeconds) }, aggregate?.rawValue, database, object, hash.map { String($0) },
    ]
    let range = [start, end].map { $0.map { "\($0)" } }
    return ([metricType, columns] + shape + range).map { $0 ?? "-" }.map { "\($0.utf8.count):\($0)" }.joined()
  }

  /// - Throws: `.invalidQuery`, with the name of the parameter that is wrong.
  func selection() throws(Problem) -> MetricSelection {
    guard let table = MetricSelection.table(named: metricType) else {
      throw Problem(.invalidQuery, "metric_type: there is no \(FieldErrors.quoted(metricType))")
    }
    let shape: MetricSelection.Shape
    if let bucket {
      shape = .buckets(aggregate ?? .avg, seconds: bucket.wholeSeconds)
    } else {
      shape = aggregate == .rate ? .rates : .samples
    }
    let names = columns?.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    return try MetricSelection(
      table: table, columns: names, shape: shape, database: database, object: object, identifier: hash)
  }
}
