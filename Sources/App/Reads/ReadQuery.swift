// The query parameters of a read, derived from its declaration.

import Ground
import Protocol

/// A read with an endpoint.
protocol Question: Sendable {
  static var read: Read { get }
}

/// The query parameters of a read.
struct ReadQuery<Asked: Question>: QueryParameters {
  let parameters: ReadParameters

  init(from query: inout QueryReader) { parameters = ReadParameters(Asked.read, from: &query) }
}

/// The values of a read's query parameters.
struct ReadParameters: Sendable {
  private static let day = Duration.seconds(86_400)
  private static let longestBucket = day * 31

  let start: TimeParameter?
  let end: TimeParameter?
  let moment: TimeParameter?
  let bucket: Duration?
  /// The selected servers; nil for a read of one server.
  let servers: ServerSelection?
  let database: String?
  let words: String?
  let own: [ReadParameter.Append]
  /// The order of the first section; nil unless it is a list with pages.
  let order: String?
  let page: PageSelection?
  let limit: Int?
  let cursor: String?
  /// The section that CSV and NDJSON have.
  let section: String

  init(_ read: Read, from query: inout QueryReader) {
    let isPaged = if case .list = read.data.kind { true } else { false }
    page = isPaged ? PageSelection(from: &query) : nil
    if let span = read.span {
      start = query.optional(
        "start_time", .time,
        "The first time, or a duration before the end: 24h, 7d. Default: \(DurationText.write(span)) before the end.")
      end = query.optional("end_time", .time, "The end, which is excluded, or how long ago it is. Default: now.")
    } else {
      (start, end) = (nil, nil)
    }
    moment =
      read.filters.contains(.moment)
      ? query.optional("at", .time, "The time of the state that is shown, or how long ago it was. Default: the end.")
      : nil
    bucket =
      read.hasBuckets
      ? query.optional(
        "bucket", .duration(.seconds(1)...Self.longestBucket),
        """
        Width of a bucket: 5m, 1h. Default: the smallest width with at most \(BucketWidth.mostBuckets) buckets that a source \
        with data serves: in a range of more than an hour that is rolled up, or whose rows are past their retention, at \
        least 5 minutes.
        """) : nil
    servers = read.filters.contains(.servers) ? ServerSelection(from: &query) : nil
    database =
      read.filters.contains(.database) ? query.optional("database", .name, "Of this database only.") : nil
    words = read.filters.contains(.words) ? query.optional("q", .string(1...255), "Words to search for.") : nil
    own = read.parameters.map { $0.read(&query) }
    let orders = read.data.orders
    order = orders.first.map { fallback in
      query.optional(
        "sort", .choice(of: orders), default: fallback, .string(fallback),
        "`-` before a name: descending; without a value: last.")
    }
    if read.data.kind.isSeries {
      limit = query.optional(
        "limit", .integer(1...1_000_000), "Largest number of rows of `data`. Default 1000; at most `query_rows`.")
      cursor = query.optional(
        "cursor", .string(1...256), "`next_cursor` of the previous page. All other parameters must be the same.")
    } else {
      (limit, cursor) = (nil, nil)
    }
    let names = read.sections.map(\.name)
    section =
      names.count > 1
      ? query.optional("section", .choice(of: names), default: "data", "data", "The rows of CSV and NDJSON.") : "data"
  }

  /// Everything that decides which rows a series has, for its cursor.
  func identity(_ subject: Int64?) -> String {
    var parameters = EncodedParameters()
    for append in own { append(&parameters) }
    let texts: [String?] = [
      "\(subject ?? 0)", start.map { "\($0)" }, end.map { "\($0)" }, moment.map { "\($0)" }, bucket.map { "\($0)" },
      database, words, "\(parameters.bytes) \(parameters.ranges)", servers.map { "\($0)" },
    ]
    return texts.map { $0 ?? "-" }.map { "\($0.utf8.count):\($0)" }.joined()
  }
}

extension Read.Filter: Equatable {}
