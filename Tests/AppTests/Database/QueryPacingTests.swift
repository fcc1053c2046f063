import Reactor
import Testing

@testable import App

@Suite struct QueryPacingTests {
  private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

  private func pacing(percent: Int = 2000, burst: Duration = .seconds(1), longest: Duration = .seconds(1))
    -> QueryPacing
  {
    let pacing = QueryPacing(Live(constant: .init(percent: percent, burst: burst, longest: longest)))
    pacing.sawPush(at: start)
    return pacing
  }

  @Test func `lets queries have the machine while nobody pushes`() {
    let pacing = QueryPacing(Live(constant: .init(percent: 2000, burst: .zero, longest: .seconds(1))))
    var debt = QueryPacing.Debt()
    #expect(pacing.rest(from: start, to: start + .seconds(1), &debt) == .zero)
    pacing.sawPush(at: start)
    let later = start + QueryPacing.quietAfter
    #expect(pacing.rest(from: start, to: later, &debt) == .seconds(1))
    #expect(pacing.rest(from: start, to: later + .nanoseconds(1), &debt) == .zero)
  }

  @Test func `makes a connection rest in proportion to what its query took`() {
    let pacing = pacing(burst: .zero)
    var debt = QueryPacing.Debt()
    let end = start + .milliseconds(5)
    #expect(pacing.rest(from: start, to: end, &debt) == .milliseconds(100))
    let next = end + .milliseconds(100)
    #expect(pacing.rest(from: next, to: next + .milliseconds(1), &debt) == .milliseconds(20))
  }

  @Test func `lets a page of small queries through, and idle time pays for the next`() {
    let pacing = pacing()
    var debt = QueryPacing.Debt()
    var now = start
    for _ in 0..<10 {
      #expect(pacing.rest(from: now, to: now + .milliseconds(5), &debt) == .zero)
      now = now + .milliseconds(5)
    }
    // 50 ms at work are owed 1000 ms, and 45 ms have passed.
    #expect(pacing.rest(from: now, to: now + .milliseconds(5), &debt) == .milliseconds(50))
    now = now + .milliseconds(1005)
    pacing.sawPush(at: now)
    #expect(pacing.rest(from: now, to: now + .milliseconds(5), &debt) == .zero)
  }

  @Test func `owes no more after a long query than after a shorter one`() {
    let pacing = pacing()
    var debt = QueryPacing.Debt()
    pacing.sawPush(at: start + .seconds(60))
    #expect(pacing.rest(from: start, to: start + .seconds(60), &debt) == .seconds(1))
    // What it owes now is the burst, so it rests for what it takes from here on.
    let next = start + .seconds(61)
    #expect(pacing.rest(from: next, to: next + .milliseconds(10), &debt) == .milliseconds(190))
  }

  @Test func `asks queries for consideration while collectors push`() {
    let pacing = pacing()
    #expect(pacing.isPacing(at: start))
    #expect(pacing.isPacing(at: start + QueryPacing.quietAfter))
    #expect(!pacing.isPacing(at: start + QueryPacing.quietAfter + .nanoseconds(1)))
    let idle = QueryPacing(Live(constant: .init(percent: 2000, burst: .zero, longest: .seconds(1))))
    #expect(!idle.isPacing(at: start))
  }

  @Test func `can be turned off`() {
    var debt = QueryPacing.Debt()
    let pacing = pacing(percent: 0, burst: .zero)
    #expect(pacing.rest(from: start, to: start + .seconds(1), &debt) == .zero)
    #expect(!pacing.isPacing(at: start))
  }
}
