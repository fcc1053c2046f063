// What a lane counts. Plain integers of one thread; asked for by submitting to the lane and summed up by who asks.

struct LaneCounters: Sendable {
  var connectionsAccepted = 0
  var connectionsClosed = 0
  var handshakes = 0
  var tlsFailures = 0
  var framingErrors = 0
  var deadlines = 0
  var requests = 0
  var pushesReceived = 0
  var pushesStored = 0
  var pushesDuplicate = 0
  var pushesParked = 0
  var pushesRefused = 0
  var metricsRejected = 0
  var rowsStored = 0
  var rowsRepeated = 0
  var bytesReceived = 0
  /// Certificate, token, path and body did not name one collector.
  var identityMismatches = 0
  /// Requests of collectors that were revoked, or whose certificate was, is unknown or has ended.
  var collectorsRefused = 0
  /// Connections closed because their collector or certificate was revoked.
  var connectionsSevered = 0
}
