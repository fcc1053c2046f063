// How long to wait before the next attempt to connect. Doubling keeps a database that recovers from being trampled;
// the jitter keeps a fleet of servers from coming back in step.

struct ReconnectBackoff: Sendable {
  static let shortest: Duration = .milliseconds(100)
  static let longest: Duration = .seconds(10)

  private var next = Self.shortest

  /// After an attempt that failed: between half of the nominal wait and all of it; the nominal wait doubles.
  mutating func failed(using generator: inout some RandomNumberGenerator) -> Duration {
    let nominal = next
    next = min(nominal * 2, Self.longest)
    return nominal * Double.random(in: 0.5...1, using: &generator)
  }

  mutating func failed() -> Duration {
    var generator = SystemRandomNumberGenerator()
    return failed(using: &generator)
  }

  mutating func succeeded() { next = Self.shortest }
}
