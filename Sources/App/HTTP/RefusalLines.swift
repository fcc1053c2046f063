// Which connections that are refused, and which requests that break HTTP, get a line in the log. A client that sends nonsense can
// send it without end, so each reason gets one line a second; how many more there were is said with the next.

import Reactor

/// Owned by the records of connections. Reasons are of closed lists.
struct RefusalLines {
  struct Unsaid: Equatable {
    let reason: String
    let count: Int
  }

  static let interval = Duration.seconds(1)

  private var reasons: [String: (saidAt: MonotonicTime, unsaid: Int)] = [:]

  /// - Returns: nil: there is no line; else how many like it had none since the last line.
  mutating func take(_ reason: String, now: MonotonicTime) -> Int? {
    if let last = reasons[reason], now - last.saidAt < Self.interval {
      reasons[reason]!.unsaid += 1
      return nil
    }
    let unsaid = reasons[reason]?.unsaid ?? 0
    reasons[reason] = (now, 0)
    return unsaid
  }

  /// What no line has said for an interval; called now and then.
  mutating func takeUnsaid(now: MonotonicTime) -> [Unsaid] {
    var all: [Unsaid] = []
    for (reason, last) in reasons where now - last.saidAt >= Self.interval {
      if last.unsaid > 0 { all.append(Unsaid(reason: reason, count: last.unsaid)) }
      reasons[reason] = nil
    }
    return all.sorted { $0.reason < $1.reason }
  }
}
