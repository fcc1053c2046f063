// Which pushes of a loop get a line in the log: of those that were stored one in so many, of those that were refused so many
// a second. A thousand collectors that are refused once a minute, or one that is refused a thousand times, must neither
// hide in the log nor fill the disk with it: what gets no line is counted, by reason, and the counts are said.

import Reactor

/// Owned by the records of pushes. Times are the caller's, so that tests hold the clock.
struct PushLog {
  /// What a line is about, beside the pushes that were stored whole.
  enum Reason: Hashable {
    case refused(Problem.Kind)
    /// Stored, but for metrics that were rejected.
    case partial

    var slug: String {
      switch self {
      case .refused(let kind): kind.slug
      case .partial: "partial"
      }
    }
  }

  /// Pushes for one reason that got no line.
  struct Unwritten: Equatable {
    let reason: Reason
    let count: Int
  }

  /// How long a refusal that got no line stays unsaid.
  static let interval = Duration.seconds(10)

  /// One line in so many stored pushes; 0: none.
  private var sample = 0
  /// The loop's share of the lines a second.
  private var perSecond = 0.0
  private var unsampled = 0
  private var bucket: TokenBucket
  private var unwritten: [Reason: Int] = [:]
  private var saidAt: MonotonicTime

  init(settings: Settings, loops: Int, now: MonotonicTime) {
    bucket = TokenBucket(burst: Self.burst(Double(settings.pushLogRefusalsPerSecond) / Double(loops)), now: now)
    saidAt = now
    apply(settings, loops: loops)
  }

  /// Follows the settings.
  mutating func apply(_ settings: Settings, loops: Int) {
    sample = settings.pushLogSample
    perSecond = Double(settings.pushLogRefusalsPerSecond) / Double(loops)
  }

  /// A push was stored. - Returns: whether it gets a line.
  mutating func stored() -> Bool {
    if sample == 0 { return false }
    unsampled += 1
    if unsampled < sample { return false }
    unsampled = 0
    return true
  }

  /// A push was refused, or was not stored whole.
  /// - Returns: nil: it gets no line; else how many like it got none since the last that did.
  mutating func faulty(_ reason: Reason, now: MonotonicTime) -> Int? {
    guard perSecond > 0, bucket.take(1, perSecond: perSecond, burst: Self.burst(perSecond), now: now) == nil else {
      unwritten[reason, default: 0] += 1
      return nil
    }
    return unwritten.removeValue(forKey: reason) ?? 0
  }

  /// What no line has said for an interval; called now and then.
  mutating func takeUnwritten(now: MonotonicTime) -> [Unwritten] {
    if now - saidAt < Self.interval { return [] }
    saidAt = now
    defer { unwritten.removeAll(keepingCapacity: true) }
    return unwritten.sorted { $0.key.slug < $1.key.slug }.map { Unwritten(reason: $0.key, count: $0.value) }
  }

  private static func burst(_ perSecond: Double) -> Double { max(1, perSecond) }
}
