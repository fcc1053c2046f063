// Values that may change while the server runs. A copy of such a value stays as it was; a `Live` is asked each time.

/// A value as it is now.
package struct Live<Value: Sendable>: Sendable {
  @usableFromInline let read: @Sendable () -> Value

  @inlinable
  package init(_ read: @escaping @Sendable () -> Value) { self.read = read }

  /// One that stays as it is.
  @inlinable
  package init(constant value: Value) { read = { value } }

  @inlinable
  package var now: Value { read() }
}

extension Live where Value == Duration {
  /// A wait notices a changed length within this time.
  private static var step: Duration { .seconds(1) }

  /// Waits that long from now; when the value changes meanwhile, the wait follows it.
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
