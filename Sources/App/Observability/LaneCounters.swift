// What a lane counts. Plain values of one thread; /metrics asks each lane for a copy and adds them up.

import Protocol

struct LaneCounters: Sendable {
  var connectionsAccepted = 0
  var connectionsClosed = 0
  var handshakes = 0
  var tlsFailures = 0
  var framingErrors: [HTTPError.Reason: Int] = [:]
  /// Connections that were refused below HTTP, or had to make room for others.
  var connectionsRefused: [ConnectionRefusal: Int] = [:]
  var deadlines = 0
  /// Requests for endpoints of the admin lane, and those for none.
  var requests = 0
  /// Certificate, token, path and body did not name one collector.
  var identityMismatches = 0
  /// Requests of collectors that were revoked, or whose certificate was, is unknown or has ended.
  var collectorsRefused = 0
  /// Connections closed because their collector or certificate was revoked.
  var connectionsSevered = 0
  /// Streamed answers that were cut off because the rest could not be read.
  var streamsBroken = 0
  /// Connections cut off because answers that their clients did not take had filled the budget.
  var answersCut = 0

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

  /// From accept to the end of a handshake that succeeded.
  var handshaking = LatencyHistogram()
  /// From the head to the last byte of the body.
  var receiving = LatencyHistogram()
  /// Time of the loop for a push: undoing gzip.
  var inflating = LatencyHistogram()
  /// The rest of it: digest, parsing, checking, encoding rows.
  var parsing = LatencyHistogram()
  /// From the last byte to the batch.
  var queueing = LatencyHistogram()
  /// From the batch's begin to the end of its last COPY as it leaves us: ledger, names, rows.
  var copying = LatencyHistogram()
  /// From there to the commit's answer: what the database still has to read, and its fsync.
  var committing = LatencyHistogram()
  /// From the head to the commit.
  var storing = LatencyHistogram()

  /// Of transactions that were begun.
  var batchPushes = SizeHistogram()
  var batchRows = SizeHistogram()
  var batchBytes = SizeHistogram()

  init(targets: Int) { rowsStored = Array(repeating: 0, count: targets) }

  static func += (left: inout LaneCounters, right: LaneCounters) {
    for path in totals { left[keyPath: path] += right[keyPath: path] }
    for path in latencies { left[keyPath: path] += right[keyPath: path] }
    for path in sizes { left[keyPath: path] += right[keyPath: path] }
    left.framingErrors.merge(right.framingErrors, uniquingKeysWith: +)
    left.connectionsRefused.merge(right.connectionsRefused, uniquingKeysWith: +)
    left.pushesRefused.merge(right.pushesRefused, uniquingKeysWith: +)
    left.metricsRejected.merge(right.metricsRejected, uniquingKeysWith: +)
    left.rowsRejected.merge(right.rowsRejected, uniquingKeysWith: +)
    left.valuesAltered.merge(right.valuesAltered, uniquingKeysWith: +)
    for index in left.rowsStored.indices { left.rowsStored[index] += right.rowsStored[index] }
  }

  private static let totals: [any WritableKeyPath<LaneCounters, Int> & Sendable] = [
    \.connectionsAccepted, \.connectionsClosed, \.handshakes, \.tlsFailures, \.deadlines, \.requests,
    \.identityMismatches, \.collectorsRefused, \.connectionsSevered, \.streamsBroken, \.answersCut, \.pushesReceived,
    \.pushesStored, \.pushesDuplicate, \.pushesParked, \.pushesEmpty, \.pushesUnknown, \.pushesAbandoned,
    \.rowsRepeated, \.rowsAddedUp, \.metricsRepeated, \.bytesReceived, \.batches, \.batchFailures, \.tablesRefusing,
  ]
  private static let latencies: [any WritableKeyPath<LaneCounters, LatencyHistogram> & Sendable] = [
    \.handshaking, \.receiving, \.inflating, \.parsing, \.queueing, \.copying, \.committing, \.storing,
  ]
  private static let sizes: [any WritableKeyPath<LaneCounters, SizeHistogram> & Sendable] = [
    \.batchPushes, \.batchRows, \.batchBytes,
  ]
}

extension LaneCounters {
  var pushesRefusedTotal: Int { pushesRefused.values.reduce(0, +) }

  /// Pushes that have come to an end; `pushesReceived` once none is in work.
  var pushesEnded: Int { pushesStored + pushesDuplicate + pushesParked + pushesRefusedTotal + pushesAbandoned }
}
