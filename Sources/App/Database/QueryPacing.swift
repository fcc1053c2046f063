// Queries give way to pushes. They have connections of their own, so no push waits for one of them; but they share the
// processors with the ingest lane and with PostgreSQL's writers, and a storm of them takes all there is. So while
// collectors push, a connection that has run a query rests before the next, in proportion to what the query took, and a
// query has one processor at most; and where PostgreSQL runs beside us, who else wants that one has it first.
//
// Time is what is rationed and not the number of queries: it is what a query costs others, whatever it asks.

import Reactor
import Synchronization

/// Shared by the lanes, which say that there are pushes, and by the connections of queries, which ask how long to rest.
final class QueryPacing: Sendable {
  /// Rest that a connection has yet to take. What it idles anyway pays it off.
  struct Debt {
    fileprivate var paidAt = MonotonicTime(nanoseconds: 0)
  }

  struct Pace: Sendable {
    /// Rest per time at work, in percent; 0 is none.
    var percent: Int
    /// What a connection may owe without having to rest: the many small queries of one page of graphs are not slowed.
    var burst: Duration
    /// No rest is longer.
    var longest: Duration
  }

  /// So long after the last push, queries have the machine to themselves.
  static let quietAfter = Duration.seconds(2)

  private let pace: Live<Pace>
  private let lastPush = Atomic<UInt64>(0)

  init(_ pace: Live<Pace>) { self.pace = pace }

  /// A push has begun. From any thread; costs a store.
  func sawPush(at time: MonotonicTime) { lastPush.store(time.nanoseconds, ordering: .relaxed) }

  /// Whether queries give way at all.
  var isOn: Bool { pace.now.percent > 0 }

  private func arePushing(at time: MonotonicTime) -> Bool {
    let last = MonotonicTime(nanoseconds: lastPush.load(ordering: .relaxed))
    return last.nanoseconds > 0 && time - last <= Self.quietAfter
  }

  /// Whether a query that begins now has to leave others room.
  func isPacing(at time: MonotonicTime) -> Bool { isOn && arePushing(at: time) }

  /// How long the connection has to rest that was at work from `start` to `end`. Zero while nobody pushes.
  func rest(from start: MonotonicTime, to end: MonotonicTime, _ debt: inout Debt) -> Duration {
    if !arePushing(at: end) {
      debt.paidAt = end
      return .zero
    }
    let pace = pace.now
    let owed = max(debt.paidAt, end) - end + (end - start) * pace.percent / 100
    let rest = min(max(owed - pace.burst, .zero), pace.longest)
    debt.paidAt = end + min(owed, pace.burst + rest)
    return rest
  }
}
