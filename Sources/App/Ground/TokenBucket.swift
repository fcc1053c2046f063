// Token buckets limit how much a collector may send and how often an account may log in.

/// A bucket that refills at a constant rate up to its burst. The caller passes the time, so that tests control the
/// clock.
package struct TokenBucket<Instant: InstantProtocol>: Sendable where Instant: Sendable, Instant.Duration == Duration {
  @usableFromInline var tokens: Double
  @usableFromInline var updated: Instant

  /// A full bucket.
  @inlinable
  package init(burst: Double, now: Instant) {
    tokens = burst
    updated = now
  }

  /// Takes `count` tokens if the bucket holds at least one. A large request may overdraw the bucket; the requests after
  /// it then wait longer.
  /// - Returns: nil if the tokens are taken; otherwise the time until the bucket holds one.
  @inlinable
  package mutating func take(_ count: Double, perSecond rate: Double, burst: Double, now: Instant) -> Duration? {
    let elapsed = updated.duration(to: now)
    if elapsed > .zero {
      tokens = min(burst, tokens + rate * (Double(elapsed.wholeNanoseconds) / 1e9))
      updated = now
    }
    // The bucket must hold a whole token. With a fraction, the refill of one millisecond would admit another request.
    let needed = min(count, 1)
    if tokens < needed { return .nanoseconds(Int64(((needed - tokens) / rate * 1e9).rounded(.up)) + 1_000_000) }
    tokens -= count
    return nil
  }

  /// Whether the bucket has had time to fill up, so that forgetting it changes nothing.
  @inlinable
  package func isFull(perSecond rate: Double, burst: Double, now: Instant) -> Bool {
    tokens + rate * (Double(updated.duration(to: now).wholeNanoseconds) / 1e9) >= burst
  }
}
