// The counters of one loop's pushes, and of the batches that store them.

import Protocol
import Reactor

/// Counts since the start of the process; times and sizes are histograms.
struct PushCounters: Sendable {
  /// Pushes whose head was complete. The sum is stored + duplicate + parked + refused + abandoned + those in work.
  var pushesReceived = 0
  var pushesStored = 0
  var pushesDuplicate = 0
  var pushesParked = 0
  /// Stored pushes without rows. The ledger does not record them.
  var pushesEmpty = 0
  /// Pushes whose commit got no answer, or none in time. A push that the server sends again counts as a duplicate if
  /// the commit did happen. It counts as refused if the database stays away, or if the client was told that the outcome
  /// is unknown.
  var pushesUnknown = 0
  var pushesRefused: [Problem.Kind: Int] = [:]
  /// Pushes whose client went away before they were complete.
  var pushesAbandoned = 0
  /// Rejected metrics in pushes that were stored, by their request or an earlier one.
  var metricsRejected: [RejectCode: Int] = [:]
  var rowsRejected: [RejectCode: Int] = [:]
  var valuesAltered: [AlteredValue.Kind: Int] = [:]
  /// Stored rows. The index is the copy target.
  var rowsStored: [Int]
  var rowsRepeated = 0
  var rowsAddedUp = 0
  /// Metrics at the start of a push that were stored before. Duplicates of whole pushes are not counted here.
  var metricsRepeated = 0
  /// Bytes of the bodies of complete pushes, as received.
  var bytesReceived = 0
  var batches = 0
  var batchFailures = 0
  /// The number of times that a table began to refuse the rows of all pushes.
  var tablesRefusing = 0

  /// Time from the head to the last byte of the body.
  var receiving = LatencyBuckets()
  /// Time that the loop spent on inflating a push.
  var inflating = LatencyBuckets()
  /// Time that the loop spent on the rest of a push: digest, parsing, validation, encoding of rows.
  var parsing = LatencyBuckets()
  /// Time from the last byte of the body to the start of the batch.
  var queueing = LatencyBuckets()
  /// Time from the start of a batch to the end of its last COPY on the server's side: ledger, names, rows.
  var copying = LatencyBuckets()
  /// Time from the end of the last COPY to the answer to the commit: PostgreSQL reads the rest of the rows and flushes
  /// its log.
  var committing = LatencyBuckets()
  /// Time from the head to the commit.
  var storing = LatencyBuckets()

  /// The pushes, rows and bytes of the batches whose transaction has begun.
  var batchPushes = SizeBuckets()
  var batchRows = SizeBuckets()
  var batchBytes = SizeBuckets()

  /// - Parameter targets: the number of tables that rows are copied into.
  init(targets: Int) { rowsStored = Array(repeating: 0, count: targets) }

  /// Adds the counts of another loop.
  static func += (left: inout PushCounters, right: PushCounters) {
    for path in totals { left[keyPath: path] += right[keyPath: path] }
    for path in latencies { left[keyPath: path] += right[keyPath: path] }
    for path in sizes { left[keyPath: path] += right[keyPath: path] }
    left.pushesRefused.merge(right.pushesRefused, uniquingKeysWith: +)
    left.metricsRejected.merge(right.metricsRejected, uniquingKeysWith: +)
    left.rowsRejected.merge(right.rowsRejected, uniquingKeysWith: +)
    left.valuesAltered.merge(right.valuesAltered, uniquingKeysWith: +)
    for index in left.rowsStored.indices { left.rowsStored[index] += right.rowsStored[index] }
  }

  private static let totals: [any WritableKeyPath<PushCounters, Int> & Sendable] = [
    \.pushesReceived, \.pushesStored, \.pushesDuplicate, \.pushesParked, \.pushesEmpty, \.pushesUnknown,
    \.pushesAbandoned, \.rowsRepeated, \.rowsAddedUp, \.metricsRepeated, \.bytesReceived, \.batches, \.batchFailures,
    \.tablesRefusing,
  ]
  private static let latencies: [any WritableKeyPath<PushCounters, LatencyBuckets> & Sendable] = [
    \.receiving, \.inflating, \.parsing, \.queueing, \.copying, \.committing, \.storing,
  ]
  private static let sizes: [any WritableKeyPath<PushCounters, SizeBuckets> & Sendable] = [
    \.batchPushes, \.batchRows, \.batchBytes,
  ]
}

extension PushCounters {
  var pushesRefusedTotal: Int { pushesRefused.values.reduce(0, +) }

  /// Pushes that have an outcome. Equals `pushesReceived` when none is in work.
  var pushesEnded: Int { pushesStored + pushesDuplicate + pushesParked + pushesRefusedTotal + pushesAbandoned }

  /// Counts a complete push, whatever its outcome will be.
  mutating func complete(_ push: Push) {
    bytesReceived += push.wireBytes
    receiving.observe(push.receivedAt - push.startedAt)
    inflating.observe(push.inflateTime)
    parsing.observe(push.decodeTime - push.inflateTime)
  }

  /// Counts a push that was committed and is no duplicate.
  mutating func stored(_ push: Push, now: MonotonicTime) {
    pushesStored += 1
    storing.observe(now - push.startedAt)
    metricsRepeated += push.metricsRepeated
    addRows(of: push)
    rowsRepeated += push.summary.rowsRepeated + push.logLinesRepeated
    rowsAddedUp += push.summary.rowsAddedUp
  }

  /// Counts the new rows of a stored push.
  mutating func addRows(of push: Push) {
    for target in rowsStored.indices { rowsStored[target] += push.newRows(of: target) }
  }

  /// Counts the rejected and altered parts of a push that is stored, by its request or an earlier one.
  mutating func addDefects(of push: Push) {
    metricsRejected.merge(push.summary.rejectedByCode, uniquingKeysWith: +)
    rowsRejected.merge(push.summary.rowsRejectedByCode, uniquingKeysWith: +)
    valuesAltered.merge(push.summary.alteredByKind, uniquingKeysWith: +)
  }

  /// Counts a batch whose transaction has begun.
  /// - Parameter now: the current reading of the clock; a push may have arrived in this turn.
  mutating func begun(_ batch: Batch, now: MonotonicTime) {
    batches += 1
    var (rows, bytes) = (0, 0)
    for push in batch.pushes {
      queueing.observe(now - push.receivedAt)
      rows += push.rows.rowCount
      bytes += push.encodedBytes
    }
    batchPushes.observe(batch.pushes.count)
    batchRows.observe(rows)
    batchBytes.observe(bytes)
  }
}
