import Protocol

/// Declares the JSON answer with rows or buckets of a metric table. `head` and `MetricRowEncoder` write the real
/// answer.
struct MetricsAnswer: ResponseBody {
  static let schemaName = "Metrics"
  static let sourceField = "X-Metrics-Source"

  let server: Int32
  let selection: MetricSelection
  let range: MetricRange
  let rows: [JSONValue]
  let nextCursor: String?

  func write(to object: inout ObjectWriter) {
    object.member("server_id", server)
    object.member("table", selection.table.name)
    object.member("start_time", range.start)
    object.member("end_time", range.end, "The end of the range, which is excluded.")
    object.nullable("bucket_seconds", selection.shape.bucketSeconds)
    object.nullable("aggregate", selection.shape.aggregate)
    object.member("source", range.source, "The source: raw rows, or roll-ups of this width with raw rows for the rest.")
    object.member(
      "data", rows, "One object per row: time, database, object and the columns. See metric-types.")
    object.member("count", rows.count)
    object.nullable("next_cursor", nextCursor, "The cursor of the next page; null at the end.")
  }

  /// The members before the rows, without the closing brace.
  static func head(_ server: Int32, _ selection: MetricSelection, _ range: MetricRange) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("server_id", server)
      json.member("table", selection.table.name)
      json.member("start_time", range.start.rfc3339)
      json.member("end_time", range.end.rfc3339)
      json.key("bucket_seconds")
      if let seconds = selection.shape.bucketSeconds { json.value(seconds) } else { json.null() }
      json.key("aggregate")
      if let aggregate = selection.shape.aggregate { json.value(aggregate.rawValue) } else { json.null() }
      json.member("source", range.source.rawValue)
    }
    return json.finish().withUnsafeBytes { Array($0.dropLast()) }
  }

  static let example = MetricsAnswer(
    server: 1, selection: exampleSelection,
    range: MetricRange(
      start: Timestamp(unixSeconds: 1_790_000_000), end: Timestamp(unixSeconds: 1_790_003_600)),
    rows: [["time": "2026-09-21T13:30:00Z", "database": "app", "size_bytes": 1_234_567.5]], nextCursor: nil)

  private static var exampleSelection: MetricSelection {
    let table = MetricCatalog.tables[0]
    let shape = MetricSelection.Shape.buckets(.avg, seconds: 300)
    let selection = Result { () throws(Problem) in
      try MetricSelection(table: table, columns: ["size_bytes"], shape: shape, database: nil, object: nil)
    }
    guard case .success(let selection) = selection else { preconditionFailure("the example of a query is none") }
    return selection
  }
}

extension MetricSelection.Shape {
  var bucketSeconds: Int64? {
    switch self {
    case .samples, .rates: nil
    case .buckets(_, let seconds): seconds
    }
  }

  var aggregate: Aggregate? {
    switch self {
    case .samples: nil
    case .rates: .rate
    case .buckets(let aggregate, _): aggregate
    }
  }
}
