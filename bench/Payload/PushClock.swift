// Which timestamps a collector's pushes carry. Every push must store rows of its own, so no second is used twice by one
// collector: if the clock has not moved on far enough since the last push (a closed loop makes hundreds a second), the
// push is stamped before the oldest one instead. Backwards, because a server has reason to refuse the future.

/// Hands out the timestamps of one collector.
struct PushClock: Sendable {
  private var used: ClosedRange<Int64>?

  /// - Parameters:
  ///   - now: unix seconds.
  ///   - spanSeconds: how much older the push's oldest metric is than its newest.
  /// - Returns: unix seconds for the newest metrics. The `spanSeconds` before it are this push's as well.
  mutating func next(now: Int64, spanSeconds: Int64) -> Int64 {
    guard let used else {
      self.used = now - spanSeconds...now
      return now
    }
    if now - spanSeconds > used.upperBound {
      self.used = used.lowerBound...now
      return now
    }
    let newest = used.lowerBound - 1
    self.used = newest - spanSeconds...used.upperBound
    return newest
  }
}
