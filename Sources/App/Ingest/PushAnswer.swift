// The answer to a push.

import Ground
import Protocol
import Reactor

extension Push {
  /// Status and fields of the answer. The date and the fields of the single request are added later.
  static let answerHead = HTTPResponse(
    status: .ok, fields: [HTTPField("Content-Type", MediaType.json.description)])

  /// The number of metrics that this push has added.
  private var metricsInserted: Int {
    summary.metricsStored - metricsRepeated + rows.boundaries.rejected(among: metricsRepeated)
  }

  /// Appends the answer's body to `buffer`.
  /// - Parameters:
  ///   - refusal: for a parked push, why PostgreSQL refused the rows.
  ///   - now: ends the interval of `processing_time_ms`.
  ///   - checkIn: seconds until the collector should push again; the caller has added the jitter.
  func answer(
    duplicate: Bool, parkedFor refusal: Refusal?, now: MonotonicTime, checkIn: Int, to buffer: consuming ByteBuffer
  ) -> ByteBuffer {
    let isStored = !duplicate && refusal == nil
    var json = JSONWriter(appendingTo: buffer)
    json.object { json in
      json.member("status", refusal != nil ? "parked" : summary.isPartial ? "partial" : "success")
      json.member("collector_id", collectorID)
      json.member("push_id", id)
      if let refusal {
        json.member("sqlstate", refusal.sqlstate)
        if let table = refusal.table { json.member("table", table) }
      }
      json.member("metrics_received", summary.metricsReceived)
      json.member("metrics_inserted", isStored ? metricsInserted : 0)
      json.member("metrics_repeated", duplicate ? summary.metricsReceived : isStored ? metricsRepeated : 0)
      json.member("rows_inserted", isStored ? summary.rows - rowsSkipped : 0)
      json.member("rows_repeated", summary.rowsRepeated + logLinesRepeated)
      json.member("rows_added_up", summary.rowsAddedUp)
      json.member("rows_rejected", summary.rowsRejected)
      json.member("values_mended", summary.valuesMended)
      json.member("values_null", summary.valuesNull)
      json.member("duplicate", duplicate)
      json.member("rejected_count", summary.rejectedTotal)
      json.key("rejected")
      json.array { json in
        for metric in summary.rejected {
          json.object { json in
            json.member("index", metric.index)
            json.position("row", metric.row)
            json.member("type", metric.type)
            json.member("path", metric.path)
            json.member("code", metric.code.rawValue)
            json.member("message", metric.message)
          }
        }
      }
      json.key("altered")
      json.array { json in
        for value in summary.altered {
          json.object { json in
            json.member("index", value.index)
            json.position("row", value.row)
            json.member("path", value.path)
            json.member("code", value.kind.code.rawValue)
            json.member("action", value.kind.action.rawValue)
          }
        }
      }
      json.member("bytes_received", wireBytes)
      json.member("processing_time_ms", startedAt.duration(to: now).wholeMilliseconds)
      json.member("next_config_version", configVersion)
      json.member("next_check_in_seconds", checkIn)
    }
    return json.finish()
  }
}

extension JSONWriter {
  fileprivate mutating func position(_ name: String, _ position: Int?) {
    key(name)
    if let position { value(position) } else { null() }
  }
}
