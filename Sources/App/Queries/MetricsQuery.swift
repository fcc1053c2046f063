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
      "A table, or a metric type, which stands for the table of its name, else for its first: pg_stats, pg_stats_tables, sysstat."
    )
    columns = query.optional(
      "columns", .string(1...4096),
      "Names of columns, separated by commas. Without it all that have what is asked for. `extra` is what else a row said."
    )
    start = query.optional(
      "start_time", .time, "First time, or how long before the end: 24h, 7d. An hour before the end if it is left out.")
    end = query.optional(
      "end_time", .time, "The time before which to stop, or how long ago; now if it is left out.")
    bucket = query.optional(
      "bucket", .duration(.seconds(1)...Self.day * 31),
      "Width of a bucket: 5m, 1h. Without it the rows as stored. Buckets are counted from 2000-01-01 00:00 UTC.")
    aggregate = query.optional(
      "aggregate", .choice(),
      "What a bucket's values become; avg if it is left out. Without a bucket only rate: how fast each row's counters grew."
    )
    source = query.optional(
      "source", .choice(),
      "Where to read from: raw rows or roll-ups. Without it the coarsest that gives the exact answer.")
    database = query.optional("database", .name, "Rows of this database only.")
    object = query.optional(
      "object", .name,
      """
      Rows of this object only: its names joined with dots, as the member `object` of a row has it. A name with a dot, a quote or \
      `#` in it is in double quotes; `#2` behind them is the second one of that name. Of unknown_metrics: the metric's type.
      """)
    hash = query.optional("hash", .identifier, "Rows of this statement only, in tables whose rows have a `hash`.")
    limit = query.optional(
      "limit", .integer(1...1_000_000_000),
      "Rows in an answer. JSON: 1000 if it is left out, at most `query_rows`; CSV and NDJSON: at most `stream_rows`.")
    cursor = query.optional(
      "cursor", .string(1...256), "`next_cursor` of the answer before, to the same query; only `limit` may be another.")
    query.require(
      bucket != nil || aggregate == nil || aggregate == .rate, "bucket",
      "is missing: without it, the only aggregate is rate")
    query.require(
      bucket != nil || source == nil || source == .raw, "bucket", "is missing: roll-ups hold no rows as stored")
  }

  /// All that decides which rows there are and in which order, as given.
  var identity: String {
    let shape = [
      bucket.map { String($0.wholeSeconds) }, aggregate?.rawValue, database, object, hash.map { String($0) },
    ]
    let range = [start, end].map { $0.map { "\($0)" } }
    return ([metricType, columns] + shape + range).map { $0 ?? "-" }.map { "\($0.utf8.count):\($0)" }.joined()
  }

  /// - Throws: `.invalidQuery`, naming the parameter that names nothing.
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
