// What a loop counts of pushes and of the batches that store them.

import Protocol
import Reactor

/// Plain values of one thread; times and sizes as histograms.
struct PushCounters: Sendable {
  /// Requests to push whose head was complete. What becomes of them: stored + duplicate + parked + refused + abandoned
  /// + those in work.
  var pushesReceived = 0
  var pushesStored = 0
  var pushesDuplicate = 0
  var pushesParked = 0
  /// Of those stored, the ones that had nothing to store: the ledger does not know them.
  var pushesEmpty = 0
  /// Whose commit's answer was lost or did not come in time. Should it have happened, those sent again by us count as
  /// duplicates; they count as refused if the database stays away, as do those whose clients were told that nobody knows.
  var pushesUnknown = 0
  var pushesRefused: [Problem.Kind: Int] = [:]
  /// The client went away before its push was complete.
  var pushesAbandoned = 0
  /// In pushes that were stored, now or before.
  var metricsRejected: [RejectCode: Int] = [:]
  var rowsRejected: [RejectCode: Int] = [:]
  var valuesAltered: [AlteredValue.Kind: Int] = [:]
  /// By copy target.
  var rowsStored: [Int]
  var rowsRepeated = 0
  var rowsAddedUp = 0
  /// Metrics that pushes began with and that were stored before; whole duplicates are not counted here.
  var metricsRepeated = 0
  /// Bodies of complete pushes, as received.
  var bytesReceived = 0
  var batches = 0
  var batchFailures = 0
  /// How often a table was found to refuse everybody's rows.
  var tablesRefusing = 0

  /// From the head to the last byte of the body.
  var receiving = LatencyBuckets()
  /// Time of the loop for a push: undoing gzip.
  var inflating = LatencyBuckets()
  /// The rest of it: digest, parsing, checking, encoding rows.
  var parsing = LatencyBuckets()
  /// From the last byte to the batch.
  var queueing = LatencyBuckets()
  /// From the batch's begin to the end of its last COPY as it leaves us: ledger, names, rows.
  var copying = LatencyBuckets()
  /// From there to the commit's answer: what the database still has to read, and its fsync.
  var committing = LatencyBuckets()
  /// From the head to the commit.
  var storing = LatencyBuckets()

  /// Of transactions that were begun.
  var batchPushes = SizeBuckets()
  var batchRows = SizeBuckets()
  var batchBytes = SizeBuckets()

  /// - Parameter targets: how many tables there are to copy into.
  init(targets: Int) { rowsStored = Array(repeating: 0, count: targets) }

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

  /// Pushes that have come to an end; `pushesReceived` once none is in work.
  var pushesEnded: Int { pushesStored + pushesDuplicate + pushesParked + pushesRefusedTotal + pushesAbandoned }

  /// A push is complete, whatever becomes of it.
  mutating func complete(_ push: Push) {
    bytesReceived += push.wireBytes
    receiving.observe(push.receivedAt - push.startedAt)
    inflating.observe(push.inflateTime)
    parsing.observe(push.decodeTime - push.inflateTime)
  }

  /// A push was committed, for the first time.
  mutating func stored(_ push: Push, now: MonotonicTime) {
    pushesStored += 1
    storing.observe(now - push.startedAt)
    metricsRepeated += push.metricsRepeated
    addRows(of: push)
    rowsRepeated += push.summary.rowsRepeated + push.logLinesRepeated
    rowsAddedUp += push.summary.rowsAddedUp
  }

  mutating func addRows(of push: Push) {
    for target in rowsStored.indices { rowsStored[target] += push.newRows(of: target) }
  }

  /// What was rejected and altered in a push that is stored, now or before.
  mutating func addDefects(of push: Push) {
    metricsRejected.merge(push.summary.rejectedByCode, uniquingKeysWith: +)
    rowsRejected.merge(push.summary.rowsRejectedByCode, uniquingKeysWith: +)
    valuesAltered.merge(push.summary.alteredByKind, uniquingKeysWith: +)
  }

  /// A batch was begun. - Parameter now: the clock itself: a push may have come in this turn.
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
