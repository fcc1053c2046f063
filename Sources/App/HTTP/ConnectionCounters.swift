// The counters of one loop's connections, and of the requests on them.

import Protocol

/// Counts since the start of the process.
struct ConnectionCounters: Sendable {
  var connectionsAccepted = 0
  var connectionsClosed = 0
  var handshakes = 0
  var tlsFailures = 0
  var framingErrors: [HTTPError.Reason: Int] = [:]
  /// Connections that were refused below HTTP, or closed to make room for others.
  var connectionsRefused: [ConnectionRefusal: Int] = [:]
  var deadlines = 0
  /// Requests other than pushes, including those that match no endpoint.
  var requests = 0
  /// Connections closed because their collector or certificate was revoked.
  var connectionsRevoked = 0
  /// Streamed answers that ended too early because the rest of the body could not be produced.
  var streamsBroken = 0
  /// Connections that were cut off because unsent answers had filled their budget.
  var answersCut = 0
  /// Time from accept to the end of a successful handshake.
  var handshaking = LatencyBuckets()

  /// Adds the counts of another loop.
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
