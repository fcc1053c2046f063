// The settings of the process as they are now: SIGHUP may change them while the server runs.

import Ground
import Synchronization

/// The process's settings, for code that does not run on a lane. Lanes hold their own copies, see `Lane.apply`.
final class LiveSettings: Sendable {
  private let state: Mutex<Settings>

  init(_ settings: Settings) { state = Mutex(settings) }

  var now: Settings { state.withLock { $0 } }

  func replace(with settings: Settings) { state.withLock { $0 = settings } }

  /// A value that is derived from the settings.
  func live<Value: Sendable>(_ value: @escaping @Sendable (Settings) -> Value) -> Live<Value> {
    Live { [self] in value(now) }
  }
}
