// The declaration of POST /api/v1/metrics/push. The loop does the work while the body arrives: PushIntake.swift, IngestDesk.swift.

import Protocol

struct RejectedMetricAnswer: ResponseBody {
  static let schemaName = "RejectedMetric"
  static let example = RejectedMetricAnswer()

  func write(to object: inout ObjectWriter) {
    object.member("index", 3, "Position in `metrics`, from 0.")
    object.nullable("row", 7 as Int?, "Position of the row in its list, from 0; null: the whole metric was not stored.")
    object.member("type", "pg_stats")
    object.member("path", "tables[7].name", "Where in the metric; empty for the metric itself.")
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
    object.member("path", "queries[51].text", "Where in the metric.")
    object.member("code", RejectCode.nulCharacter.rawValue, "Why it was not stored as it was sent.")
    object.member(
      "action", AlteredAction.mended,
      "mended: a text, of which U+FFFD stands for what is no character, cut to the limit; null: nothing was stored for it."
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
    object.member("push_id", UUID(high: 3, low: 4), "What the push is known by; a repeat has the same.")
    object.optional("sqlstate", String?.none, "Of a parked push: what PostgreSQL refused its rows with.")
    object.optional("table", String?.none, "Of a parked push: the table that refused them, if PostgreSQL told.")
    object.member("metrics_received", 84)
    object.member("metrics_inserted", 70)
    object.member(
      "metrics_repeated", 13, "So many of the first metrics were stored before, as a push that this one begins with.")
    object.member("rows_inserted", 412)
    object.member(
      "rows_repeated", 9,
      "Rows that repeated type, database, object and time of an earlier list of the push, and log lines that the end of the list before has."
    )
    object.member("rows_added_up", 3, "Rows that were added to another of their list: parts of one statement.")
    object.member("rows_rejected", 1, "Rows that were not stored, of metrics that were.")
    object.member("values_mended", 1, "Texts that were not stored as they were sent.")
    object.member("values_null", 2, "Values that their columns cannot hold: the row has none.")
    object.member("duplicate", false, "The push was stored before; nothing was stored now.")
    object.member("rejected_count", 1, "Metrics that were not stored.")
    object.member(
      "rejected", [RejectedMetricAnswer.example],
      "The first metrics and rows of them; `rejects_reported` says how many.")
    object.member("altered", [AlteredValueAnswer.example], "The first values of them, as many.")
    object.member("bytes_received", 52_001)
    object.member("processing_time_ms", 12)
    object.member("next_config_version", 1)
    object.member("next_check_in_seconds", 58, "Jittered.")
  }
}

enum PushEndpoint {
  static var declaration: Endpoint {
    Endpoint(
      ingest: .post, "/api/v1/metrics/push", id: "pushMetrics", access: .collector(certificate: .required),
      summary: "Deliver metrics. 200 means: committed.",
      description: """
        JSON, plain or gzip (the bytes decide, not the label). A push is stored exactly once: it is known by its metrics, \
        byte for byte, whatever else is in the envelope, and a repeat is answered 200 with `duplicate: true`. Of a push that \
        begins with all metrics of an earlier one, only the metrics behind them are stored; `metrics_repeated` counts those \
        before. An `Idempotency-Key` that was used for other metrics is 422. A value that \
        cannot be stored is mended or left out, a row without what it is about and a metric without type or time are rejected by \
        themselves; all of it is counted and listed, and the rest is stored. Whatever is not 200 was not stored and may be \
        sent again: 4xx but 429 after a change, 429 and 503 after `Retry-After`. Only 503 `outcome_unknown` may have been \
        stored: the same push sent again is stored once. `status: parked` means that PostgreSQL \
        refused the rows, took others' for the same table, and that they are kept aside for an operator. A table that refuses \
        everybody's rows parks nothing: its pushes get 503, whose details name SQLSTATE and table.
        """,
      fields: [
        Endpoint.RequestField(
          name: "Idempotency-Key", schema: .string,
          prose: "A name for these metrics, once: with other metrics it is refused, also later.")
      ],
      input: .stream(schema, example: example),
      answer: .json(PushAnswerExample.self),
      problems: [.idempotencyKeyReused, .rateLimited, .overloaded, .databaseUnavailable, .outcomeUnknown])
  }

  /// As a text: the type checker takes minutes for the same as a literal.
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
    // Anything: what is no metric is rejected by itself and does not make the push invalid.
    let metric = Schema.any.described(
      """
      An object with `type`, `timestamp` (RFC 3339) and the members of its type: \(types). One of another type is kept as \
      JSON. What cannot be stored is listed in the answer's `rejected`, and the rest is stored.
      """)
    var text = Schema.string
    text.pattern = Schema.withoutNUL
    // How long it may be is counted in bytes as they are in the body: no schema says that.
    text.description = "At most \(PushLimits().keyBytes) bytes as it is written in the body."
    let time = text.described("RFC 3339. It decides nothing: each metric has its own.")
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
