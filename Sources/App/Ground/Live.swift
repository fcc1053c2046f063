// Values that may change while the server runs, such as settings. A copy of such a value does not change; a `Live`
// returns the current value each time.

/// Access to the current value. Any thread may call it.
package struct Live<Value: Sendable>: Sendable {
  @usableFromInline let read: @Sendable () -> Value

  /// Reads the value by calling `read` each time.
  @inlinable
  package init(_ read: @escaping @Sendable () -> Value) { self.read = read }

  /// A value that never changes.
  @inlinable
  package init(constant value: Value) { read = { value } }

  /// The current value.
  @inlinable
  package var now: Value { read() }
}

extension Live where Value == Duration {
  /// The time within which a sleep notices a changed length.
  private static var step: Duration { .seconds(1) }

  /// Sleeps for the current value. If the value changes meanwhile, the length of the sleep changes with it.
  /// - Throws: `CancellationError`
  package func sleep() async throws {
    let clock = ContinuousClock()
    let begin = clock.now
    while true {
      let left = now - begin.duration(to: clock.now)
      if left <= .zero { return }
      try await Task.sleep(for: min(left, Self.step))
    }
  }
}
