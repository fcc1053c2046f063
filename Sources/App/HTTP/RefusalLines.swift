// Limits the log lines for refused connections and for requests that violate HTTP. A client can cause such refusals
// without end, so each reason gets one line per second. The next line says how many refusals got none.

import Reactor

/// Counts refusals by reason. `ConnectionRecords` owns it. The reasons come from closed lists, so their number is
/// limited.
struct RefusalLines {
  /// The number of refusals of one reason that got no line.
  struct Unsaid: Equatable {
    let reason: String
    let count: Int
  }

  static let interval = Duration.seconds(1)

  private var reasons: [String: (saidAt: MonotonicTime, unsaid: Int)] = [:]

  /// Decides whether a refusal gets a line.
  /// - Returns: nil if it gets none; otherwise the number of refusals of the same reason without a line since the last
  ///   one.
  mutating func take(_ reason: String, now: MonotonicTime) -> Int? {
    if let last = reasons[reason], now - last.saidAt < Self.interval {
      reasons[reason]!.unsaid += 1
      return nil
    }
    let unsaid = reasons[reason]?.unsaid ?? 0
    reasons[reason] = (now, 0)
    return unsaid
  }

  /// Removes and returns the counts of reasons that had no line for an interval. Called once a second.
  mutating func takeUnsaid(now: MonotonicTime) -> [Unsaid] {
    var all: [Unsaid] = []
    for (reason, last) in reasons where now - last.saidAt >= Self.interval {
      if last.unsaid > 0 { all.append(Unsaid(reason: reason, count: last.unsaid)) }
      reasons[reason] = nil
    }
    return all.sorted { $0.reason < $1.reason }
  }
}
