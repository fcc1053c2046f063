// Chooses the timestamps of a collector's pushes. Each push must store its own rows, so no second is used twice by one
// collector. If the clock has not advanced far enough since the last push (a closed loop makes hundreds of pushes a
// second), the push gets timestamps before the oldest one. It does not get future ones, because a server may refuse
// them.

/// The timestamps that one collector has used.
struct PushClock: Sendable {
  private var used: ClosedRange<Int64>?

  /// Chooses the timestamps of the next push.
  /// - Parameters:
  ///   - now: unix seconds.
  ///   - spanSeconds: the difference between the oldest and the newest metric of the push, in seconds.
  /// - Returns: the timestamp of the newest metrics, in unix seconds. The `spanSeconds` before it belong to this push
  ///   too.
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
