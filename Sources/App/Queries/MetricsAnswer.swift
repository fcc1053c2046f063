import Protocol

/// Rows of a metric table, as they are or by buckets, as JSON. `head` and `MetricRowEncoder` write it; this declares it.
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
    object.member("end_time", range.end, "The first time that is not in the answer.")
    object.nullable("bucket_seconds", selection.shape.bucketSeconds)
    object.nullable("aggregate", selection.shape.aggregate)
    object.member("source", range.source, "What was read: raw rows, or roll-ups of this width and rows for the rest.")
    object.member(
      "data", rows, "One object a row: time, database and object, the columns. See metric-types.")
    object.member("count", rows.count)
    object.nullable("next_cursor", nextCursor, "Where to go on; null at the end.")
  }

  /// The members before the rows, without the last brace.
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
