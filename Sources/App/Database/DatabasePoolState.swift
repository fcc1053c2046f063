// The state of a database pool at one moment, for the status of the server.

/// Numbers of sessions and requests.
struct DatabasePoolState: Hashable, Sendable {
  /// The most sessions that the pool may connect.
  var sessions = 0
  /// Sessions that have a connection.
  var connected = 0
  /// Connected sessions that run a request, are lent, or are being prepared.
  var busy = 0
  /// Requests that wait for a session.
  var waiting = 0
  /// Sessions that were set aside because their commit got no answer.
  var unanswered = 0
}
