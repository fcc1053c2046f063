// Decides which pushes of a loop get a line in the log. Stored pushes get one line in every `push_log_sample`; refused
// pushes get a limited number of lines a second. So a thousand collectors that are refused each minute, or one that is
// refused a thousand times, neither go unnoticed nor fill the disk. Pushes without a line are counted by reason, and
// the counts are logged.

import Ground
import Reactor

/// `PushRecords` owns it. The caller passes the time, so that tests control the clock.
struct PushLog {
  /// Why a push was not stored completely.
  enum Reason: Hashable {
    case refused(Problem.Kind)
    /// The push was stored, but metrics were rejected.
    case partial

    var slug: String {
      switch self {
      case .refused(let kind): kind.slug
      case .partial: "partial"
      }
    }
  }

  /// The number of pushes with one reason that got no line.
  struct Unwritten: Equatable {
    let reason: Reason
    let count: Int
  }

  /// The longest time until refusals without a line are logged as a count.
  static let interval = Duration.seconds(10)

  /// One line is written for this many stored pushes; 0 for none.
  private var sample = 0
  /// The loop's share of the lines per second.
  private var perSecond = 0.0
  private var unsampled = 0
  private var bucket: TokenBucket<MonotonicTime>
  private var unwritten: [Reason: Int] = [:]
  private var saidAt: MonotonicTime

  init(settings: Settings, loops: Int, now: MonotonicTime) {
    bucket = TokenBucket(burst: Self.burst(Double(settings.pushLogRefusalsPerSecond) / Double(loops)), now: now)
    saidAt = now
    apply(settings, loops: loops)
  }

  /// Applies changed settings.
  mutating func apply(_ settings: Settings, loops: Int) {
    sample = settings.pushLogSample
    perSecond = Double(settings.pushLogRefusalsPerSecond) / Double(loops)
  }

  /// Counts a stored push. - Returns: whether it gets a line.
  mutating func stored() -> Bool {
    if sample == 0 { return false }
    unsampled += 1
    if unsampled < sample { return false }
    unsampled = 0
    return true
  }

  /// Counts a push that was refused or not stored completely.
  /// - Returns: nil if it gets no line; else the number of pushes with this reason without a line since the last line.
  mutating func faulty(_ reason: Reason, now: MonotonicTime) -> Int? {
    guard perSecond > 0, bucket.take(1, perSecond: perSecond, burst: Self.burst(perSecond), now: now) == nil else {
      unwritten[reason, default: 0] += 1
      return nil
    }
    return unwritten.removeValue(forKey: reason) ?? 0
  }

  /// The counts that no line has stated for `interval`, which are then reset. Called periodically.
  mutating func takeUnwritten(now: MonotonicTime) -> [Unwritten] {
    if now - saidAt < Self.interval { return [] }
    saidAt = now
    defer { unwritten.removeAll(keepingCapacity: true) }
    return unwritten.sorted { $0.key.slug < $1.key.slug }.map { Unwritten(reason: $0.key, count: $0.value) }
  }

  private static func burst(_ perSecond: Double) -> Double { max(1, perSecond) }
}
