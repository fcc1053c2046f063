// What one loop counted. Loops and processes count apart; the report adds them up.

internal import Protocol
internal import Reactor

struct Tally: Sendable, Equatable {
  var enrolled = 0
  /// Collectors that have the identity of an earlier run.
  var reused = 0
  /// Collectors the server would not enrol, or that were not enrolled in time.
  var unenrolled = 0
  /// Collectors with a connection when the run began.
  var connected = 0
  var handshakes = 0

  var acknowledged = 0
  var rows = 0
  var metrics = 0
  /// Metrics the server rejected within pushes it acknowledged.
  var rejects = 0
  /// Acknowledged pushes the server had stored before. The repeats that a fault asked for are counted there.
  var duplicates = 0
  /// What the first try of those pushes must have stored: its answer was lost, and a duplicate's says 0 rows.
  var duplicateRows = 0
  /// Pushes the server keeps aside instead of storing them.
  var parked = 0
  /// Of acknowledged pushes.
  var wireBytes = 0
  var rawBytes = 0

  /// Answers other than 2xx, and broken connections, by `code slug`. Without those that a fault must have.
  var errors: [String: Int] = [:]
  /// Pushes the server will never take (4xx other than 401, 408, 425, 429). They are not sent again.
  var refusedPushes = 0
  /// Answers that put a push off: 503 and its like.
  var unavailable = 0
  /// Answers that put a push off for a reason of its own: 429, 401 after a refresh, …
  var deferred = 0
  /// Pushes made and not settled when the run was over.
  var unacknowledged = 0
  /// What those would store: the server may have, and could not say so.
  var unacknowledgedRows = 0
  /// Pushes that fell due while an earlier one of their collector was under way, and were never made.
  var unsent = 0
  /// Such pushes behind one whose body we sent slowly: our own doing.
  var heldUp = 0
  /// Connections that broke with a request unanswered or that failed to come about, after they were first needed.
  var lostConnections = 0
  var reconnects = 0
  var resent = 0
  var refreshes = 0
  var faults: [Fault: FaultCount] = [:]

  /// From the moment a push fell due to its acknowledgement. Those that were never made, or never acknowledged, are in it
  /// with the time they had waited in the end: less than they would have. Pushes with a fault are not.
  var pushLatency = DurationHistogram()
  /// From the moment a push was (last) sent to its acknowledgement: what a client that waits for its server would see.
  var serviceLatency = DurationHistogram()
  /// From the head of a push to its commit, as the server says it.
  var commitLatency = DurationHistogram()
  /// From the first packet to the TCP connection.
  var connectLatency = DurationHistogram()
  /// From the first packet to the end of the TLS handshake.
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
  /// Everything that is simply counted, by its name in the report. What is not in this list is not added up.
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
