import Ground
import Reactor
import Testing

@testable import App

@Suite struct TokenBucketTests {
  private let start = MonotonicTime(nanoseconds: 1_000_000_000)

  @Test func `a burst passes, then the rate rules, and the stated wait suffices`() {
    var bucket = TokenBucket(burst: 3, now: start)
    for _ in 0..<3 { #expect(bucket.take(1, perSecond: 2, burst: 3, now: start) == nil) }
    guard let wait = bucket.take(1, perSecond: 2, burst: 3, now: start) else {
      Issue.record("a fourth went through")
      return
    }
    #expect(bucket.take(1, perSecond: 2, burst: 3, now: start + wait) == nil)
  }

  @Test func `one large request may overdraw, and later requests wait for it`() {
    var bucket = TokenBucket(burst: 10, now: start)
    #expect(bucket.take(100, perSecond: 10, burst: 10, now: start) == nil)
    #expect(bucket.take(1, perSecond: 10, burst: 10, now: start + .seconds(8)) != nil)
    #expect(bucket.take(1, perSecond: 10, burst: 10, now: start + .milliseconds(9100)) == nil)
  }

  @Test func `a bucket never holds more than its burst, and gains nothing while the clock stands`() {
    var bucket = TokenBucket(burst: 1, now: start)
    let later = start + .seconds(3600)
    #expect(bucket.isFull(perSecond: 1, burst: 1, now: later))
    #expect(bucket.take(1, perSecond: 1, burst: 1, now: later) == nil)
    #expect(bucket.take(1, perSecond: 1, burst: 1, now: later) != nil)
    #expect(!bucket.isFull(perSecond: 1, burst: 1, now: later))
  }
}
