// One push on its way from the last body byte to its answer.

import Protocol
import Reactor

/// Where an answer belongs: the exchange of a connection of this loop, by name and not by reference, so that a
/// connection that is gone in the meantime is simply not found.
struct Ticket: Equatable, Sendable {
  let connection: ConnectionID
  let exchange: UInt32
}

/// What became of a push.
enum PushOutcome: Sendable {
  /// Its rows are durable. `duplicate`: they were before; nothing was stored now.
  case stored(duplicate: Bool)
  /// PostgreSQL refused its rows for a reason of their own; they are kept in `dead_letters`.
  case parked(sqlstate: String)
  /// Not stored, and may be sent again.
  case unavailable(reason: String, retryAfterSeconds: Int)
}

/// A complete, validated push waiting for its commit. Pooled by the lane: `rows` keeps a bounded capacity.
final class Push {
  var rows: PushRows
  var ticket = Ticket(connection: ConnectionID(slot: 0, generation: 0), exchange: 0)
  var collectorID = UUID(high: 0, low: 0)
  var serverID: Int32 = 0
  /// It is the first of a collector that takes the place of others.
  var isSuccession = false
  var configVersion: Int32 = 0
  /// 128 bits of a digest over collector and idempotency key or content: the ledger's key.
  var id = UUID(high: 0, low: 0)
  /// Days since 2000-01-01: the ledger partition. From the push itself, so that a retry finds it.
  var day: Int32 = 0
  var summary = PushSummary()
  /// Of the body, as received.
  var wireBytes = 0
  /// What the lane's admission counts for this push: held, and announced by its head.
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
  /// Set after a batch failed for a reason that could not be pinned to one push.
  var mustTravelAlone = false
  var outcome: PushOutcome?
  /// The push of the same collector behind this one, while both wait in a `Batcher`.
  var next: Push?

  init(catalog: CompiledCatalog) { rows = PushRows(catalog: catalog) }

  /// Makes the push ready for reuse.
  func reset() {
    rows.reset()
    summary = PushSummary()
    wireBytes = 0
    heldBytes = 0
    announcedBytes = 0
    decodeTime = .zero
    inflateTime = .zero
    mustTravelAlone = false
    outcome = nil
  }

  /// Encoded bytes that wait to be copied.
  var encodedBytes: Int { rows.encodedBytes }

  /// Encoded bytes for one copy target.
  func byteCount(of target: Int) -> Int { rows.byteCount(of: target) }

  /// Lends the tuples for one copy target.
  func withTuples<R>(of target: Int, _ body: (Span<UInt8>) -> R) -> R { rows.withTuples(of: target, body) }
}
