// The log as the settings want it.

import Logging

extension ServerLog {
  /// - Parameter writer: by default the standard error of the process.
  init(_ settings: Settings, to writer: LogWriter = .standardError) {
    self.init(settings.loggedLevel, to: writer)
  }

  /// Follows `log_level`.
  func apply(_ settings: Settings) { apply(settings.loggedLevel) }
}

extension Settings {
  fileprivate var loggedLevel: Logger.Level {
    guard let level = Logger.Level(rawValue: logLevel) else {
      preconditionFailure("log_level is checked when it is read")
    }
    return level
  }
}
