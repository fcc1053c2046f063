// Values that may change while the server runs. Who keeps a copy of one keeps it for ever; who keeps this asks each time.

import Synchronization

/// A value as it is now.
struct Live<Value: Sendable>: Sendable {
  private let read: @Sendable () -> Value

  init(_ read: @escaping @Sendable () -> Value) { self.read = read }

  /// One that stays as it is.
  init(constant value: Value) { read = { value } }

  var now: Value { read() }
}

extension Live where Value == Duration {
  /// A wait notices a changed length within this time.
  private static var step: Duration { .seconds(1) }

  /// Waits that long from now, by what it is meanwhile. - Throws: `CancellationError`
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

/// The settings of the process, for whoever is built at the start and must follow them: it can't take a copy of them all.
struct FollowedSettings: Sendable {
  private let settings: LiveSettings

  init(_ settings: LiveSettings) { self.settings = settings }

  /// What follows from them, or one of them.
  func live<Value: Sendable>(_ value: @escaping @Sendable (Settings) -> Value) -> Live<Value> { settings.live(value) }
}

/// The settings of the process, for whoever is on no lane. The lanes hold copies of their own: see `Lane.apply`.
final class LiveSettings: Sendable {
  private let state: Mutex<Settings>

  init(_ settings: Settings) { state = Mutex(settings) }

  var now: Settings { state.withLock { $0 } }

  func replace(with settings: Settings) { state.withLock { $0 = settings } }

  /// What follows from them, or one of them.
  func live<Value: Sendable>(_ value: @escaping @Sendable (Settings) -> Value) -> Live<Value> {
    Live { [self] in value(now) }
  }
}
