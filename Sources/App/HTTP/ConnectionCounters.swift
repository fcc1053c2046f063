// What a loop counts of its connections and of the requests on them.

import Protocol

/// Plain values of one thread.
struct ConnectionCounters: Sendable {
  var connectionsAccepted = 0
  var connectionsClosed = 0
  var handshakes = 0
  var tlsFailures = 0
  var framingErrors: [HTTPError.Reason: Int] = [:]
  /// Connections that were refused below HTTP, or had to make room for others.
  var connectionsRefused: [ConnectionRefusal: Int] = [:]
  var deadlines = 0
  /// Requests for endpoints other than the push, and those for none.
  var requests = 0
  /// Connections closed because their collector or certificate was revoked.
  var connectionsRevoked = 0
  /// Streamed answers that were cut off because the rest could not be read.
  var streamsBroken = 0
  /// Connections cut off because answers that their clients did not take had filled the budget.
  var answersCut = 0
  /// From accept to the end of a handshake that succeeded.
  var handshaking = LatencyBuckets()

  static func += (left: inout ConnectionCounters, right: ConnectionCounters) {
    for path in totals { left[keyPath: path] += right[keyPath: path] }
    left.handshaking += right.handshaking
    left.framingErrors.merge(right.framingErrors, uniquingKeysWith: +)
    left.connectionsRefused.merge(right.connectionsRefused, uniquingKeysWith: +)
  }

  private static let totals: [any WritableKeyPath<ConnectionCounters, Int> & Sendable] = [
    \.connectionsAccepted, \.connectionsClosed, \.handshakes, \.tlsFailures, \.deadlines, \.requests,
    \.connectionsRevoked, \.streamsBroken, \.answersCut,
  ]
}
