// Values that may change while the server runs. A copy of such a value becomes outdated; a `Live` returns the current
// value each time.

import Synchronization

/// Returns the current value.
struct Live<Value: Sendable>: Sendable {
  private let read: @Sendable () -> Value

  init(_ read: @escaping @Sendable () -> Value) { self.read = read }

  /// A value that never changes.
  init(constant value: Value) { read = { value } }

  var now: Value { read() }
}

extension Live where Value == Duration {
  /// The longest time until a wait notices that its length has changed.
  private static var step: Duration { .seconds(1) }

  /// Waits for the current value's length. If the value changes during the wait, the new length counts, from the
  /// beginning of the wait. - Throws: `CancellationError`
  func sleep() async throws {
    let clock = ContinuousClock()
    let begin = clock.now
    while true {
      let left = now - begin.duration(to: clock.now)
      if left <= .zero { return }
      try await Task.sleep(for: min(left, Self.step))
    }
  }
}

/// Access to the process's settings for objects that are built at the start and have to follow changes. It does not
/// allow copying all settings.
struct FollowedSettings: Sendable {
  private let settings: LiveSettings

  init(_ settings: LiveSettings) { self.settings = settings }

  /// A value that is derived from the settings.
  func live<Value: Sendable>(_ value: @escaping @Sendable (Settings) -> Value) -> Live<Value> { settings.live(value) }
}

/// The process's settings, for code that does not run on a lane. Lanes hold their own copies, see `Lane.use`.
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
