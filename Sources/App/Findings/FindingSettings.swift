/// The settings of the evaluation and of backtests.
struct FindingSettings: Sendable {
  /// The time between two rounds.
  var interval: Duration
  /// `statement_timeout` of a check.
  var timeout: Duration
  /// The largest number of servers that one statement evaluates.
  var servers: Int
  /// For how long an ended finding is kept.
  var retention: Duration
}

extension Settings {
  var findings: FindingSettings {
    FindingSettings(
      interval: findingInterval, timeout: findingTimeout, servers: findingServers, retention: findingRetention)
  }
}
