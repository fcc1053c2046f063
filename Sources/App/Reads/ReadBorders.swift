// Where the pieces of a range lie that stored rows and roll-ups answer:
//
//   start ──rows──▶ fineStart ──5 minutes──▶ coarseStart ──1 hour──▶ coarseEnd ──5 minutes──▶ fineEnd ──rows──▶ end
//
// A piece may be empty. Roll-ups are used only up to the time from which on they may lack rows.

import Ground
import Protocol

struct ReadBorders: Equatable, Sendable {
  let fineStart: Timestamp
  let coarseStart: Timestamp
  let coarseEnd: Timestamp
  let fineEnd: Timestamp

  /// The times from which on roll-ups may lack rows; nil: they lack none.
  struct Lacking: Sendable {
    var fine: Timestamp?
    var coarse: Timestamp?
  }

  /// The longest range that is read from stored rows only.
  static let rowsOnly = Duration.seconds(900)

  /// - Parameter bucketSeconds: the width of the buckets of a series, which must consist of whole roll-ups; nil: any
  ///   roll-up can be used.
  init(_ start: Timestamp, _ end: Timestamp, _ lacking: Lacking, bucketSeconds: Int64? = nil) {
    func isUsable(_ step: RollupStep) -> Bool { bucketSeconds.map { $0 % step.seconds == 0 } ?? true }
    let length = end.unixMicroseconds - start.unixMicroseconds
    let first = RollupStep.fiveMinutes.ceiling(start)
    let last = RollupStep.fiveMinutes.floor(min(end, lacking.fine ?? end))
    guard length > Self.rowsOnly.wholeNanoseconds / 1000, isUsable(.fiveMinutes), first < last else {
      (fineStart, coarseStart, coarseEnd, fineEnd) = (end, end, end, end)
      return
    }
    (fineStart, fineEnd) = (first, last)
    let firstHour = RollupStep.hour.ceiling(first)
    let lastHour = RollupStep.hour.floor(min(last, lacking.coarse ?? last))
    (coarseStart, coarseEnd) = isUsable(.hour) && firstHour < lastHour ? (firstHour, lastHour) : (last, last)
  }

  /// The coarsest source that the range can use.
  var source: MetricSource {
    if coarseStart < coarseEnd { return .hour }
    return fineStart < fineEnd ? .fiveMinutes : .raw
  }
}

enum ReadStatements {
  struct Lack: SQLRow {
    let fine: Timestamp?
    let coarse: Timestamp?

    init(from row: inout RowReader) throws(DatabaseError) {
      fine = try row.read("fine")
      coarse = try row.read("coarse")
    }
  }

  /// The times from which on roll-ups of some tables may lack rows of some servers. Parameters: servers; tables.
  static let lacking = Statement<[Int32], [String], Lack>(
    "read_lacking",
    """
    SELECT min(time) FILTER (WHERE step_seconds = 300) AS fine, min(time) AS coarse FROM (
      SELECT step_seconds, min(first_time) AS time FROM pganalytics.rollup_pending
      WHERE server_id = ANY ($1::int4[]) GROUP BY step_seconds
      UNION ALL
      SELECT step_seconds, min(start_time) FROM pganalytics.rollup_units
      WHERE server_id = ANY ($1) AND table_name = ANY ($2::text[]) GROUP BY step_seconds
    ) lacking
    """)

  /// Memory of one sort or hash table, for the rest of a transaction. Parameter: with its unit.
  static let sortMemory = Statement<String, SingleValue<String>>(
    "read_sort_memory", "SELECT set_config('work_mem', $1, true)")

  /// Whether any server has a text. Parameter: the text id.
  static let isKnown = Statement<Int64, SingleValue<Bool>>(
    "read_is_known",
    """
    SELECT EXISTS (SELECT FROM pganalytics.servers s CROSS JOIN LATERAL (
      SELECT FROM pganalytics.texts x WHERE x.server_id = s.id AND x.text_id = $1 OFFSET 0) x)
    """)

  static let all = [lacking.description, isKnown.description, sortMemory.description]
}
