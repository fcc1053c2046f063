// How long to wait before the next attempt to connect. The wait doubles, so that a recovering database is not flooded.
// The jitter keeps a fleet of servers from reconnecting at the same moment.

struct ReconnectBackoff: Sendable {
  static let shortest: Duration = .milliseconds(100)
  static let longest: Duration = .seconds(10)

  private var next = Self.shortest

  /// After a failed attempt: between half of the nominal wait and all of it. The nominal wait doubles.
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
