// One push, from the last byte of its body to its answer.

import Ground
import Protocol
import Reactor

/// The outcome of a push.
enum PushOutcome: Sendable {
  /// Its rows are durable. `duplicate`: they were stored before, and nothing was stored now.
  case stored(duplicate: Bool)
  /// Its `Idempotency-Key` belongs to a push with other metrics; nothing was stored.
  case keyReused
  /// PostgreSQL refused the push's own rows; they are kept in `dead_letters`.
  case parked(Refusal)
  /// The database did not answer in time. Whether the push was stored can be told only from the ledger, perhaps later.
  /// The client may send it again.
  case outcomeUnknown
  /// Not stored. The client may send it again.
  case unavailable(reason: String, retryAfterSeconds: Int)
}

/// A complete, validated push that waits for its commit. The lane pools these objects: `rows` keeps a bounded capacity.
final class Push {
  var rows: PushRows
  var ticket = PushTicket(slot: 0, generation: 0, exchange: 0)
  var collectorID = UUID(high: 0, low: 0)
  var serverID: Int32 = 0
  /// Whether the push is the first of a collector that replaces others.
  var isSuccession = false
  var configVersion: Int32 = 0
  /// 128 bits of a digest over server and metrics; the ledger identifies the push by it, see `PushBoundaries`.
  var id = UUID(high: 0, low: 0)
  /// A digest of the collector and the request's `Idempotency-Key`; nil without one.
  var key: UUID?
  /// The push's identity in the older ledger; nil if the server no longer reads that ledger.
  var legacy: LegacyIdentity?
  /// The day of the first metric with a readable time, in days since 2000-01-01; nil without such a metric. It depends
  /// on the metrics alone.
  var day: Int32?
  /// Whether the ledger has the push under its day, which is close to today. Otherwise the push is in the undated
  /// table.
  var isDated = false
  /// Whether the ledger knows a push that begins with the same metric. If so, the careful statement has to judge this
  /// push.
  var isRelated = false
  /// Whether the careful statement has to judge the push.
  var needsCare: Bool { isRelated || key != nil || !isDated }
  /// Days for which the push needs partitions, each once.
  var partitionDays: [Int32] {
    guard isDated, let day, !rows.days.contains(day) else { return rows.days }
    return rows.days + [day]
  }
  /// How often the push was put back because another transaction had its server's lock.
  var waits = 0
  /// How many of the push's first metrics are stored as another push. The ledger's answer sets it.
  var metricsRepeated = 0
  /// The rows that are to be stored: all of them until the ledger has answered.
  private var remainder = PushRemainder()
  var summary = PushSummary()
  /// Bytes of the body as received.
  var wireBytes = 0
  /// Bytes that the loop's admission has booked for this push: those held, and those announced by the head.
  var heldBytes = 0
  var announcedBytes = 0
  /// When the head arrived, for `processing_time_ms`.
  var startedAt = MonotonicTime(nanoseconds: 0)
  /// When the last byte of the body arrived.
  var receivedAt = MonotonicTime(nanoseconds: 0)
  /// Time that the loop spent on inflating, parsing and encoding the body; and the part spent on inflating.
  var decodeTime = Duration.zero
  var inflateTime = Duration.zero
  /// The time by which the push has to be committed.
  var deadline = MonotonicTime(nanoseconds: 0)
  /// Set while PostgreSQL refuses batches with this push for a lasting reason.
  var suspicion: Suspicion?
  var outcome: PushOutcome?
  /// Whether the client was answered that the outcome is unknown, while the batch is still in flight.
  var isAnswered = false
  /// The next push of the same collector while both wait in a `Batcher`.
  var next: Push?

  init(catalog: CompiledCatalog) { rows = PushRows(catalog: catalog) }

  /// Resets the push for its next use.
  func reset() {
    rows.reset()
    summary = PushSummary()
    key = nil
    legacy = nil
    day = nil
    isDated = false
    isRelated = false
    waits = 0
    storeAll()
    wireBytes = 0
    heldBytes = 0
    announcedBytes = 0
    decodeTime = .zero
    inflateTime = .zero
    suspicion = nil
    outcome = nil
    isAnswered = false
  }

  /// Bytes of the encoded rows.
  var encodedBytes: Int { rows.encodedBytes }

  /// Bytes of the encoded rows for one copy target.
  func byteCount(of target: Int) -> Int { rows.byteCount(of: target) }

  /// The first 64 bits of the digest of the first metric; 0 without a metric.
  var head: Int64 { rows.boundaries.count == 0 ? 0 : Int64(bitPattern: rows.boundaries.digest(after: 1).high) }

  /// Marks all rows as to be stored, as before the ledger has answered.
  func storeAll() {
    metricsRepeated = 0
    remainder = PushRemainder()
  }

  /// Excludes the rows of the first `metrics` metrics, which are stored already, and the log lines that the end of the
  /// stored log list contains.
  /// - Parameter logEnds: by database, the digests at that end.
  func skip(_ metrics: Int, logEnds: [UInt64: [UInt64]]) {
    metricsRepeated = metrics
    if metrics > 0 || !logEnds.isEmpty {
      remainder = PushRemainder(PushOutline(rows), after: metrics, logEnds: logEnds)
    }
  }

  /// The next range of a target's tuple bytes that is to be stored, at `offset` or after it. Empty if none is left.
  func newBytes(of target: Int, from offset: Int) -> Range<Int> {
    remainder.bytes(of: target, from: offset, to: byteCount(of: target))
  }

  /// The number of rows of a target that are to be stored.
  func newRows(of target: Int) -> Int { rows.rowCount(of: target) - remainder.rowsLeftOut(of: target) }

  /// The number of rows that are left out, either with their metrics or as repeated log lines.
  var rowsSkipped: Int { remainder.metricRowsLeftOut + remainder.logLinesLeftOut }

  /// The number of log lines that are left out because the end of the stored log list contains them.
  var logLinesRepeated: Int { remainder.logLinesLeftOut }

  /// Sets where in the ledger the push belongs. Its day depends on the metrics alone. The clock decides only whether the
  /// ledger keeps the push under that day or among the undated; a look-up reads both places.
  /// - Parameter retention: the age at which rows are dropped and refused.
  func date(today: Day, retention: Duration) {
    if let time = summary.firstTime {
      let day = PostgresBinary.day(of: time)
      self.day = day
      isDated = (today.advanced(by: -StorageSettings.ledgerDaysBack)...today.advanced(by: 1)).contains(Day(word: day))
    }
    if legacy == nil { return }
    let oldest = today.advanced(by: -Int32(retention.wholeSeconds / 86_400))
    legacy?.days = LegacyIdentity.days(timestamp: summary.timestamp, in: oldest...today.advanced(by: 1))
  }

  /// Calls `body` with the tuples for one copy target.
  func withTuples<R>(of target: Int, _ body: (Span<UInt8>) -> R) -> R { rows.withTuples(of: target, body) }
}
