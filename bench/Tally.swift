// What one loop counted. Loops count apart; the report adds them up.

internal import Reactor

struct Tally: Sendable {
  var enrolled = 0
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
  /// Acknowledged pushes the server had stored before.
  var duplicates = 0
  /// Of acknowledged pushes.
  var wireBytes = 0
  var rawBytes = 0

  /// Answers other than 2xx, and broken connections, by `code slug`.
  var errors: [String: Int] = [:]
  /// Pushes the server will never take (4xx other than 401, 408, 425, 429). They are not sent again.
  var refusedPushes = 0
  /// Answers that put a push off: 503 and its like.
  var unavailable = 0
  /// Answers that put a push off for a reason of its own: 429, 401 after a refresh, …
  var deferred = 0
  /// Pushes made and not settled when the run was over.
  var unacknowledged = 0
  /// Pushes that fell due while an earlier one of their collector was under way, and were never made.
  var unsent = 0
  /// Connections that broke with a request unanswered or that failed to come about, after they were first needed.
  var lostConnections = 0
  var reconnects = 0
  var resent = 0
  var refreshes = 0

  /// From the moment a push fell due to its acknowledgement.
  var pushLatency = LatencyHistogram()
  /// From the first packet to the end of the TLS handshake.
  var handshakeLatency = LatencyHistogram()
  var enrolmentLatency = LatencyHistogram()
  var lastAcknowledgement: MonotonicTime?

  mutating func countError(code: String, slug: String) {
    errors[code + " " + slug, default: 0] += 1
  }

  mutating func merge(_ other: Tally) {
    enrolled += other.enrolled
    unenrolled += other.unenrolled
    connected += other.connected
    handshakes += other.handshakes
    acknowledged += other.acknowledged
    rows += other.rows
    metrics += other.metrics
    rejects += other.rejects
    duplicates += other.duplicates
    wireBytes += other.wireBytes
    rawBytes += other.rawBytes
    errors.merge(other.errors, uniquingKeysWith: +)
    refusedPushes += other.refusedPushes
    unavailable += other.unavailable
    deferred += other.deferred
    unacknowledged += other.unacknowledged
    unsent += other.unsent
    lostConnections += other.lostConnections
    reconnects += other.reconnects
    resent += other.resent
    refreshes += other.refreshes
    pushLatency.merge(other.pushLatency)
    handshakeLatency.merge(other.handshakeLatency)
    enrolmentLatency.merge(other.enrolmentLatency)
    if let time = other.lastAcknowledgement { lastAcknowledgement = max(lastAcknowledgement ?? time, time) }
  }
}
