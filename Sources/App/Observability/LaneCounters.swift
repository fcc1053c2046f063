// What a lane counts. Plain values of one thread; /metrics asks each lane for a copy and adds them up.

struct LaneCounters: Sendable {
  var connectionsAccepted = 0
  var connectionsClosed = 0
  var handshakes = 0
  var tlsFailures = 0
  var framingErrors = 0
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

  /// Requests to push whose head was complete. What becomes of them: stored + duplicate + parked + refused + abandoned
  /// + those in work.
  var pushesReceived = 0
  var pushesStored = 0
  var pushesDuplicate = 0
  var pushesParked = 0
  var pushesRefused: [Problem.Kind: Int] = [:]
  /// The client went away before its push was complete.
  var pushesAbandoned = 0
  var metricsRejected = 0
  /// By copy target.
  var rowsStored: [Int]
  var rowsRepeated = 0
  /// Bodies of complete pushes, as received.
  var bytesReceived = 0
  var batches = 0
  var batchFailures = 0

  /// From the head to the last byte of the body.
  var receiving = LatencyHistogram()
  /// Processor time of a push: inflating, parsing, encoding.
  var decoding = LatencyHistogram()
  /// From the last byte to the batch.
  var queueing = LatencyHistogram()
  /// From the batch's first byte to the answer to its last.
  var committing = LatencyHistogram()
  /// From the head to the commit.
  var storing = LatencyHistogram()

  init(targets: Int) { rowsStored = Array(repeating: 0, count: targets) }

  static func += (left: inout LaneCounters, right: LaneCounters) {
    for path in totals { left[keyPath: path] += right[keyPath: path] }
    for path in latencies { left[keyPath: path] += right[keyPath: path] }
    left.pushesRefused.merge(right.pushesRefused, uniquingKeysWith: +)
    for index in left.rowsStored.indices { left.rowsStored[index] += right.rowsStored[index] }
  }

  private static let totals: [any WritableKeyPath<LaneCounters, Int> & Sendable] = [
    \.connectionsAccepted, \.connectionsClosed, \.handshakes, \.tlsFailures, \.framingErrors, \.deadlines, \.requests,
    \.identityMismatches, \.collectorsRefused, \.connectionsSevered, \.streamsBroken, \.pushesReceived, \.pushesStored,
    \.pushesDuplicate, \.pushesParked, \.pushesAbandoned, \.metricsRejected,
    \.rowsRepeated, \.bytesReceived, \.batches, \.batchFailures,
  ]
  private static let latencies: [any WritableKeyPath<LaneCounters, LatencyHistogram> & Sendable] = [
    \.receiving, \.decoding, \.queueing, \.committing, \.storing,
  ]
}
