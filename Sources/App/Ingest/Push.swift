// One push on its way from the last body byte to its answer.

import Protocol
import Reactor

/// What became of a push.
enum PushOutcome: Sendable {
  /// Its rows are durable. `duplicate`: they were before; nothing was stored now.
  case stored(duplicate: Bool)
  /// Its `Idempotency-Key` names a push of other metrics; nothing was stored.
  case keyReused
  /// PostgreSQL refused its rows for a reason of their own; they are kept in `dead_letters`.
  case parked(Refusal)
  /// The database has not answered in time: stored or not, only the ledger knows, perhaps later. It may be sent again.
  case outcomeUnknown
  /// Not stored, and may be sent again.
  case unavailable(reason: String, retryAfterSeconds: Int)
}

/// A complete, validated push waiting for its commit. Pooled: `rows` keeps a bounded capacity.
final class Push {
  var rows: PushRows
  var ticket = PushTicket(slot: 0, generation: 0, exchange: 0)
  var collectorID = UUID(high: 0, low: 0)
  var serverID: Int32 = 0
  /// It is the first of a collector that takes the place of others.
  var isSuccession = false
  var configVersion: Int32 = 0
  /// 128 bits of a digest over server and metrics: what the ledger knows it by, see `PushBoundaries`.
  var id = UUID(high: 0, low: 0)
  /// Of the collector and its `Idempotency-Key`; nil without one.
  var key: UUID?
  /// How the older ledger would know it; nil if that is not read any more.
  var legacy: LegacyIdentity?
  /// Of its first metric with a readable time, in days since 2000-01-01: a function of its metrics alone. Nil without any.
  var day: Int32?
  /// Whether it is entered under its day, which is near today's, or among the undated.
  var isDated = false
  /// The ledger knows a push that begins with the same metric: this one is to be looked at carefully.
  var isRelated = false
  /// Whether the ledger's quick statement is not enough for it.
  var needsCare: Bool { isRelated || key != nil || !isDated }
  /// Days for which it needs partitions, each once.
  var partitionDays: [Int32] {
    guard isDated, let day, !rows.days.contains(day) else { return rows.days }
    return rows.days + [day]
  }
  /// How often it was put back because another transaction had its server's lock.
  var waits = 0
  /// How many of its first metrics are stored as another push, once the ledger has said so.
  var metricsRepeated = 0
  /// Which of its rows are to be stored. All of them until the ledger has answered.
  private var remainder = PushRemainder()
  var summary = PushSummary()
  /// Of the body, as received.
  var wireBytes = 0
  /// What the loop's admission counts for this push: held, and announced by its head.
  var heldBytes = 0
  var announcedBytes = 0
  /// When the head came, for `processing_time_ms`.
  var startedAt = MonotonicTime(nanoseconds: 0)
  /// When its last byte had come.
  var receivedAt = MonotonicTime(nanoseconds: 0)
  /// Time of the loop that reading it took: inflating, parsing, encoding; and the first of these alone.
  var decodeTime = Duration.zero
  var inflateTime = Duration.zero
  /// When the commit must have happened.
  var deadline = MonotonicTime(nanoseconds: 0)
  /// Set while batches with this push are refused for a reason that lasts.
  var suspicion: Suspicion?
  var outcome: PushOutcome?
  /// Its client was told that the outcome is unknown, while its batch is still in flight.
  var isAnswered = false
  /// The push of the same collector behind this one, while both wait in a `Batcher`.
  var next: Push?

  init(catalog: CompiledCatalog) { rows = PushRows(catalog: catalog) }

  /// Makes the push ready for reuse.
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

  /// Encoded bytes that wait to be copied.
  var encodedBytes: Int { rows.encodedBytes }

  /// Encoded bytes for one copy target.
  func byteCount(of target: Int) -> Int { rows.byteCount(of: target) }

  /// The first 64 bits of what its first metric is known by; 0 without a metric.
  var head: Int64 { rows.boundaries.count == 0 ? 0 : Int64(bitPattern: rows.boundaries.digest(after: 1).high) }

  /// All its rows are to be stored, until the ledger says otherwise.
  func storeAll() {
    metricsRepeated = 0
    remainder = PushRemainder()
  }

  /// Leaves out the rows of the first `metrics` metrics, which are stored, and log lines that the end of the list before has.
  /// - Parameter logEnds: by database, the digests at that end.
  func skip(_ metrics: Int, logEnds: [UInt64: [UInt64]]) {
    metricsRepeated = metrics
    if metrics > 0 || !logEnds.isEmpty {
      remainder = PushRemainder(PushOutline(rows), after: metrics, logEnds: logEnds)
    }
  }

  /// The next stretch of a target's tuples that is to be stored, at an offset or behind it. Empty at the end.
  func newBytes(of target: Int, from offset: Int) -> Range<Int> {
    remainder.bytes(of: target, from: offset, to: byteCount(of: target))
  }

  /// How many rows of a target are to be stored.
  func newRows(of target: Int) -> Int { rows.rowCount(of: target) - remainder.rowsLeftOut(of: target) }

  /// Rows that are left out, for whichever reason.
  var rowsSkipped: Int { remainder.metricRowsLeftOut + remainder.logLinesLeftOut }

  /// Log lines that are left out because the end of the list before has them.
  var logLinesRepeated: Int { remainder.logLinesLeftOut }

  /// Finds where in the ledger the push belongs. The day is its own, whenever it comes; only whether it is kept under its day
  /// depends on the clock, and a search for it looks in both places.
  /// - Parameter retention: the age at which rows are dropped, and refused.
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

  /// Lends the tuples for one copy target.
  func withTuples<R>(of target: Int, _ body: (Span<UInt8>) -> R) -> R { rows.withTuples(of: target, body) }
}
