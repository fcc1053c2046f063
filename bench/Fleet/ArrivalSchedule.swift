// Computes the due times of one collector's pushes. It has no clock: the caller passes times, so that tests control
// them.
//
// The due times of an open loop depend only on the schedule. If a server stops for a second, all pushes that fall due
// in that second are late, and the latency of each counts from its due time. A latency that counts from the time of
// sending would hide that (Gil Tene calls this "coordinated omission").

internal import Glibc
internal import Ground
internal import Reactor

/// The schedule of one collector.
struct ArrivalSchedule: Sendable {
  private let pace: Pace
  /// 0 to 1. For intervals: the largest delay of a due time, as a share of the interval. For a think time: its largest
  /// deviation, as a share of it.
  private let jitter: Double
  /// The start of the run. Beats count from here, so that they are spread evenly, whenever each collector joins.
  private let origin: MonotonicTime
  private let joinedAt: MonotonicTime
  /// The position of this collector's beat in the interval, from 0 up to but not including 1.
  private let phase: Double
  private var beats = 0
  private var last: MonotonicTime
  private var random: QuickRandom

  /// - Parameters: `origin`: the start of the run; `joinedAt`: the time at which the collector begins to push, not
  ///   before `origin`.
  init(
    pace: Pace, jitter: Double, origin: MonotonicTime, joinedAt: MonotonicTime, phase: Double, seed: UInt64
  ) {
    self.pace = pace
    self.jitter = jitter
    self.origin = origin
    self.joinedAt = joinedAt
    self.phase = phase
    last = joinedAt
    random = QuickRandom(seed: seed)
  }

  /// Makes the schedule of one collector of the fleet. The golden ratio determines the collector's place in the ramp.
  /// So the collectors that have joined by any moment are spread over the whole interval, and the rate grows evenly.
  init(of collector: Int, in plan: FleetPlan, start: MonotonicTime) {
    let joining = (Double(collector) * 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1)
    self.init(
      pace: plan.pace, jitter: plan.jitter, origin: start, joinedAt: start + plan.ramp.scaled(by: joining),
      phase: Double(collector) / Double(plan.collectors), seed: plan.seed ^ 0x5EED &+ UInt64(collector))
  }

  /// Returns the first due time.
  mutating func first() -> MonotonicTime {
    switch pace {
    case .interval(let interval):
      let missed = (origin.duration(to: joinedAt) / interval - phase).rounded(.up)
      beats = max(0, Int(missed))
      last = beat(interval)
    case .poisson(let mean): last = joinedAt + exponential(mean)
    // The first pauses differ, so that the collectors do not push in step.
    case .closedLoop(let think): last = joinedAt + think.scaled(by: phase)
    }
    return last
  }

  /// Returns the due time after the last one.
  /// - Parameter answeredAt: the time at which the previous push was settled.
  mutating func next(answeredAt: MonotonicTime) -> MonotonicTime {
    switch pace {
    case .interval(let interval): last = beat(interval)
    case .poisson(let mean): last = last + exponential(mean)
    case .closedLoop(let think):
      last = answeredAt + think.scaled(by: 1 + jitter * (2 * random.fraction() - 1))
    }
    return last
  }

  /// Each beat is computed from the first one, so that neither jitter nor rounding adds up.
  private mutating func beat(_ interval: Duration) -> MonotonicTime {
    defer { beats += 1 }
    return origin + interval.scaled(by: Double(beats) + phase + jitter * random.fraction())
  }

  private mutating func exponential(_ mean: Duration) -> Duration {
    mean.scaled(by: -log(1 - random.fraction()))
  }
}
