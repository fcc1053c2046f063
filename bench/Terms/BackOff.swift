import Ground

/// Growing pauses with jitter, so that collectors that lost their server together do not return together.
struct BackOff: Sendable {
  struct Limits: Sendable {
    var first: Duration = .milliseconds(100)
    var longest: Duration = .seconds(5)
  }

  private let limits: Limits
  private var failures = 0
  private var random: QuickRandom

  init(limits: Limits, seed: UInt64) {
    self.limits = limits
    random = QuickRandom(seed: seed)
  }

  /// Returns the next pause. The full pause doubles with each failure up to `longest`; the result is between half of it
  /// and all of it.
  mutating func next() -> Duration {
    let whole = min(limits.first * (1 << min(failures, 20)), limits.longest)
    failures += 1
    return whole.scaled(by: 0.5 + 0.5 * random.fraction())
  }

  mutating func reset() { failures = 0 }
}
