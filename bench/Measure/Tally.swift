// The counts of one loop. Each loop and process counts by itself, and the report adds the counts.

internal import Protocol
internal import Reactor

struct Tally: Sendable, Equatable {
  var enrolled = 0
  /// Collectors that use the identity of an earlier run.
  var reused = 0
  /// Collectors that the server refused to enrol, or that were not enrolled in time.
  var unenrolled = 0
  /// Collectors with a connection when the run began.
  var connected = 0
  var handshakes = 0

  var acknowledged = 0
  var rows = 0
  var metrics = 0
  /// Metrics that the server rejected within pushes that it acknowledged.
  var rejects = 0
  /// Acknowledged pushes that the server had stored before. The repeats of the fault `duplicate` are counted as faults
  /// instead.
  var duplicates = 0
  /// Rows that the first try of those pushes must have stored. Its answer was lost, and the answer to a duplicate says
  /// 0 rows.
  var duplicateRows = 0
  /// Pushes that the server parked instead of storing them.
  var parked = 0
  /// Bytes of the bodies of acknowledged pushes: as sent, and before compression.
  var wireBytes = 0
  var rawBytes = 0

  /// Answers other than 2xx and broken connections, by `code slug`. Errors that a fault has to cause are not counted.
  var errors: [String: Int] = [:]
  /// Pushes that the server will never take (4xx other than 401, 408, 425, 429). They are not sent again.
  var refusedPushes = 0
  /// Answers with status 503, after which the push is sent again later.
  var unavailable = 0
  /// Other answers after which the push is sent again later: 408, 425, 429, other 5xx.
  var deferred = 0
  /// Pushes that were made and not settled at the end of the run.
  var unacknowledged = 0
  /// Rows of those pushes. The server may have stored them without being able to answer.
  var unacknowledgedRows = 0
  /// Pushes that fell due while an earlier push of their collector was unanswered, and that were never made.
  var unsent = 0
  /// The same behind a push with a slow body, which the client caused itself.
  var heldUp = 0
  /// Connections that broke while a request was unanswered, and later connection attempts that failed.
  var lostConnections = 0
  var reconnects = 0
  var resent = 0
  var refreshes = 0
  var faults: [Fault: FaultCount] = [:]

  /// Time from the due time of a push to its acknowledgement. Pushes that were never made or never acknowledged count
  /// with the time that they had waited at the end of the run, which is less than their real latency. Pushes with a
  /// fault are not counted.
  var pushLatency = DurationHistogram()
  /// Time from the last sending of a push to its acknowledgement: the latency that a client sees that waits for its
  /// server.
  var serviceLatency = DurationHistogram()
  /// Time from the head of a push to its commit, as the server reports it.
  var commitLatency = DurationHistogram()
  /// Time from the first packet to the TCP connection.
  var connectLatency = DurationHistogram()
  /// Time from the first packet to the end of the TLS handshake.
  var handshakeLatency = DurationHistogram()
  var enrolmentLatency = DurationHistogram()
  var series = TimeSeries()
  var lastAcknowledgement: MonotonicTime?

  mutating func countError(code: String, slug: String) {
    errors[code + " " + slug, default: 0] += 1
  }

  mutating func judge(_ fault: Fault, _ verdict: FaultVerdict) {
    switch verdict {
    case .right: faults[fault, default: FaultCount()].right += 1
    case .wrong(let what): faults[fault, default: FaultCount()].wrong[what, default: 0] += 1
    case .open: faults[fault, default: FaultCount()].open += 1
    }
  }

  mutating func merge(_ other: Tally) {
    for count in Self.counts { self[keyPath: count.path] += other[keyPath: count.path] }
    for histogram in Self.histograms { self[keyPath: histogram.path].merge(other[keyPath: histogram.path]) }
    errors.merge(other.errors, uniquingKeysWith: +)
    faults.merge(other.faults) { left, right in
      var sum = left
      sum.merge(right)
      return sum
    }
    series.merge(other.series)
    if let time = other.lastAcknowledgement { lastAcknowledgement = max(lastAcknowledgement ?? time, time) }
  }
}

extension Tally {
  /// All plain counts, by their name in the report. A count that is missing in this list is not added up.
  static var counts: [(name: String, path: WritableKeyPath<Tally, Int>)] {
    [
      ("enrolled", \.enrolled), ("reused", \.reused), ("unenrolled", \.unenrolled), ("connected", \.connected),
      ("handshakes", \.handshakes), ("acknowledged", \.acknowledged), ("rows", \.rows), ("metrics", \.metrics),
      ("rejects", \.rejects), ("duplicates", \.duplicates), ("duplicate_rows", \.duplicateRows),
      ("parked", \.parked), ("wire_bytes", \.wireBytes), ("raw_bytes", \.rawBytes), ("refused", \.refusedPushes),
      ("unavailable", \.unavailable), ("deferred", \.deferred), ("unacknowledged", \.unacknowledged),
      ("unacknowledged_rows", \.unacknowledgedRows), ("unsent", \.unsent), ("held_up", \.heldUp),
      ("lost_connections", \.lostConnections),
      ("reconnects", \.reconnects), ("resent", \.resent), ("refreshes", \.refreshes),
    ]
  }

  /// All latencies, by their name in the report.
  static var histograms: [(name: String, path: WritableKeyPath<Tally, DurationHistogram>)] {
    [
      ("push_latency_ms", \.pushLatency), ("service_latency_ms", \.serviceLatency),
      ("commit_latency_ms", \.commitLatency), ("connect_latency_ms", \.connectLatency),
      ("handshake_latency_ms", \.handshakeLatency), ("enrolment_latency_ms", \.enrolmentLatency),
    ]
  }
}
