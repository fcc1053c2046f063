// The declaration of POST /api/v1/metrics/push. The loop does the work while the body arrives: PushIntake.swift, IngestDesk.swift.

import Protocol

struct RejectedMetricAnswer: ResponseBody {
  static let schemaName = "RejectedMetric"
  static let example = RejectedMetricAnswer()

  func write(to object: inout ObjectWriter) {
    object.member("index", 3, "Position in `metrics`, from 0.")
    object.nullable("row", 7 as Int?, "Position of the row in its list, from 0; null: the whole metric was not stored.")
    object.member("type", "pg_stats")
    object.member("path", "tables[7].name", "The place within the metric; empty for the metric itself.")
    object.member("code", RejectCode.missingField.rawValue, "Why it was not stored.")
    object.member("message", "tables[7].name: missing")
  }
}

struct AlteredValueAnswer: ResponseBody {
  static let schemaName = "AlteredValue"
  static let example = AlteredValueAnswer()

  func write(to object: inout ObjectWriter) {
    object.member("index", 4, "Position in `metrics`, from 0.")
    object.nullable("row", 51 as Int?, "Position of the row in its list, from 0; null: the value is the metric's own.")
    object.member("path", "queries[51].text", "The place within the metric.")
    object.member("code", RejectCode.nulCharacter.rawValue, "Why it was not stored as sent.")
    object.member(
      "action", AlteredAction.mended,
      "mended: the text is stored with U+FFFD for each invalid character, or cut to the limit; null: NULL is stored."
    )
  }
}

enum AlteredAction: String, CaseIterable, Sendable, ResponseValue {
  case mended, null
}

/// The answer as documented; `Push.answer` writes the real one.
struct PushAnswerExample: ResponseBody {
  static let schemaName = "PushAnswer"
  static let example = PushAnswerExample()

  func write(to object: inout ObjectWriter) {
    object.member("status", "partial", "success, partial (metrics or rows were rejected) or parked (see the prose).")
    object.member("collector_id", UUID(high: 1, low: 2))
    object.member("push_id", UUID(high: 3, low: 4), "Identifies the push; a repeat has the same id.")
    object.optional("sqlstate", String?.none, "For a parked push: the SQLSTATE of PostgreSQL's error.")
    object.optional("table", String?.none, "For a parked push: the table that refused its rows, if known.")
    object.member("metrics_received", 84)
    object.member("metrics_inserted", 70)
    object.member(
      "metrics_repeated", 13, "How many of the first metrics were stored before, by a push that this one begins with.")
    object.member("rows_inserted", 412)
    object.member(
      "rows_repeated", 9,
      "Rows that repeat type, database, object and time of an earlier list of the push, and log lines that equal the end of the previous list."
    )
    object.member("rows_added_up", 3, "Rows that were added to another row of their list: parts of one statement.")
    object.member("rows_rejected", 1, "Rows that were not stored although their metric was.")
    object.member("values_mended", 1, "Texts that were stored in a changed form.")
    object.member("values_null", 2, "Values that their columns cannot hold: NULL is stored.")
    object.member("duplicate", false, "The push was stored before; nothing was stored now.")
    object.member("rejected_count", 1, "Metrics that were not stored.")
    object.member(
      "rejected", [RejectedMetricAnswer.example],
      "The first rejected metrics and rows, at most `rejects_reported`.")
    object.member("altered", [AlteredValueAnswer.example], "The first altered values, at most `rejects_reported`.")
    object.member("bytes_received", 52_001)
    object.member("processing_time_ms", 12)
    object.member("next_config_version", 1)
    object.member("next_check_in_seconds", 58, "Includes random jitter.")
  }
}

enum PushEndpoint {
  static var declaration: Endpoint {
    Endpoint(
      ingest: .post, "/api/v1/metrics/push", id: "pushMetrics", access: .collector(certificate: .required),
      summary: "Deliver metrics. 200 means: committed.",
      description: """
        The body is JSON, plain or gzip (the bytes decide, not the label). The server stores a push exactly once. It \
        identifies a push by its metrics, byte for byte; the rest of the envelope does not matter. A repeat is answered 200 \
        with `duplicate: true`. If a push begins with all metrics of an earlier push, only the metrics after them are \
        stored, and `metrics_repeated` counts the others. An `Idempotency-Key` that was used for other metrics is 422. \
        A value that cannot be stored is mended or becomes NULL. A row without its object's key and a metric without type \
        or time are rejected one by one. The answer counts and lists them, and the rest is stored. A push with any status \
        but 200 was not stored and may be sent again: after a change for 4xx except 429, and after `Retry-After` for 429 \
        and 503. The only exception is 503 `outcome_unknown`: the push may have been stored, and sending it again stores \
        it once. `status: parked` means that PostgreSQL refused this push's rows but took other pushes' rows for the same \
        table; the server keeps the rows for an operator. If a table refuses every push, nothing is parked: pushes with \
        rows for it get 503, whose details name SQLSTATE and table.
        """,
      fields: [
        Endpoint.RequestField(
          name: "Idempotency-Key", schema: .string,
          prose: "Names these metrics. Any later push with the same key and other metrics is refused.")
      ],
      input: .stream(schema, example: example),
      answer: .json(PushAnswerExample.self),
      problems: [.idempotencyKeyReused, .rateLimited, .overloaded, .databaseUnavailable, .outcomeUnknown])
  }

  /// Parsed from a text: the type checker needs minutes for the same value as a literal.
  private static var example: JSONValue {
    let text = #"""
      {"collector_id": "8b0c1f6e-2f2f-4a8e-9a53-0b6a4c0d1e2f", "hostname": "db1", "version": "3.0.0",
       "timestamp": "2026-11-22T19:33:07Z", "metrics_count": 1,
       "metrics": [{"type": "disk_usage", "timestamp": "2026-11-22T19:33:04Z", "filesystems": [
         {"device": "/dev/vda", "mount": "", "total_gb": 251, "used_gb": 21, "free_gb": 72, "percent_used": 8.6}]}]}
      """#
    guard case .success(let example) = Result(catching: { try JSONValue.parse(Array(text.utf8).span) }) else {
      preconditionFailure("the example is not JSON")
    }
    return example
  }

  private static var schema: Schema {
    let types = MetricCatalog.types.map(\.name).joined(separator: ", ")
    // Any value is valid here: an element that is not a metric is rejected by itself and does not make the push
    // invalid.
    let metric = Schema.any.described(
      """
      An object with `type`, `timestamp` (RFC 3339) and the members of its type: \(types). A metric of another type is kept \
      as JSON. The answer's `rejected` lists what cannot be stored; the rest is stored.
      """)
    var text = Schema.string
    text.pattern = Schema.withoutNUL
    // The limit counts bytes as they are in the body, which a schema cannot express.
    text.description = "At most \(PushLimits().keyBytes) bytes as it is written in the body."
    let time = text.described("RFC 3339. It has no effect: each metric has its own timestamp.")
    return .object(
      named: "Push",
      [
        .init(name: "collector_id", schema: .uuid, isRequired: true),
        .init(name: "hostname", schema: text.nullable, isRequired: false),
        .init(name: "timestamp", schema: time.nullable, isRequired: false),
        .init(name: "version", schema: text.nullable, isRequired: false),
        .init(name: "metrics_count", schema: Schema.integer.nullable, isRequired: false),
        .init(name: "metrics", schema: .array(of: metric), isRequired: true),
      ], isClosed: false)
  }
}
