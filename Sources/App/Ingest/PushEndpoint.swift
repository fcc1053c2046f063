// The declaration of POST /api/v1/metrics/push. The work is the ingest lane's: Lane+Ingest.swift.

import Protocol

struct RejectedMetricAnswer: ResponseBody {
  static let schemaName = "RejectedMetric"
  static let example = RejectedMetricAnswer()

  func write(to object: inout ObjectWriter) {
    object.member("index", 3, "Position in `metrics`, from 0.")
    object.member("type", "pg_stats")
    object.member("code", RejectCode.outOfRange.rawValue, "Why it was not stored.")
    object.member("message", "tables[3].live_tuples: out of range")
  }
}

/// The answer as documented; `Push.answer` writes the real one.
struct PushAnswerExample: ResponseBody {
  static let schemaName = "PushAnswer"
  static let example = PushAnswerExample()

  func write(to object: inout ObjectWriter) {
    object.member("status", "partial", "success, partial (some metrics were rejected) or parked (see the prose).")
    object.member("collector_id", UUID(high: 1, low: 2))
    object.member("push_id", UUID(high: 3, low: 4), "What the push is known by; a repeat has the same.")
    object.member("metrics_received", 84)
    object.member("metrics_inserted", 83)
    object.member("rows_inserted", 412)
    object.member("rows_repeated", 9, "Rows that repeated type, database, object and time within the push.")
    object.member("duplicate", false, "The push was stored before; nothing was stored now.")
    object.member("rejected_count", 1)
    object.member("rejected", [RejectedMetricAnswer.example], "The first of them; `rejects_reported` says how many.")
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
        JSON, plain or gzip (the bytes decide, not the label). A push is stored exactly once: it is known by its \
        `Idempotency-Key`, else by its content, and a repeat is answered 200 with `duplicate: true`. A metric that cannot \
        be stored is rejected by itself and listed; the rest is stored. Whatever is not 200 was not stored and may be \
        sent again: 4xx but 429 after a change, 429 and 503 after `Retry-After`. Only 503 `outcome_unknown` may have been \
        stored: the same push sent again is stored once. `status: parked` means that PostgreSQL \
        refused the rows and that they are kept aside for an operator.
        """,
      fields: [
        Endpoint.RequestField(
          name: "Idempotency-Key", schema: .string, prose: "Names the push, instead of its content.")
      ],
      input: .stream(schema, example: example),
      answer: .json(PushAnswerExample.self),
      problems: [.rateLimited, .overloaded, .databaseUnavailable, .outcomeUnknown])
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
    let time = text.described("RFC 3339. Without one that can be read, the push is filed under the day it arrives.")
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
