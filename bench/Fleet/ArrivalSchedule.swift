// When the pushes of one collector fall due. No clock in here: times come in and go out, so that the arithmetic can be
// tested with a clock moved by hand.
//
// An open loop's due times depend on nothing but the schedule. That is what makes its latencies honest: a server that
// stops for a second delays all that fell due in that second, and each of them is counted from when it was due (Gil
// Tene's "coordinated omission" is what happens when it is counted from when it could be sent).

internal import Glibc
internal import Ground
internal import Reactor

struct ArrivalSchedule: Sendable {
  private let pace: Pace
  /// 0 to 1. Of an interval: how far behind its beat a push may fall due. Of a think time: how far it may deviate.
  private let jitter: Double
  /// When the run begins: beats are counted from here, so that they lie evenly whoever joined when.
  private let origin: MonotonicTime
  private let joinedAt: MonotonicTime
  /// 0 up to 1: where in the interval this collector's beat lies.
  private let phase: Double
  private var beats = 0
  private var last: MonotonicTime
  private var random: QuickRandom

  /// - Parameters: `origin`: when the run begins; `joinedAt`: when the collector begins to push, not before that.
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

  /// That of one collector. Its beat has its place in the interval, and it joins at another in the ramp: by the golden
  /// ratio, so that those who have joined by any moment are spread over the whole interval, and the rate grows evenly.
  init(of collector: Int, in plan: FleetPlan, start: MonotonicTime) {
    let joining = (Double(collector) * 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1)
    self.init(
      pace: plan.pace, jitter: plan.jitter, origin: start, joinedAt: start + plan.ramp.scaled(by: joining),
      phase: Double(collector) / Double(plan.collectors), seed: plan.seed ^ 0x5EED &+ UInt64(collector))
  }

  mutating func first() -> MonotonicTime {
    switch pace {
    case .interval(let interval):
      let missed = (origin.duration(to: joinedAt) / interval - phase).rounded(.up)
      beats = max(0, Int(missed))
      last = beat(interval)
    case .poisson(let mean): last = joinedAt + exponential(mean)
    // A fleet that thinks must not think in step.
    case .closedLoop(let think): last = joinedAt + think.scaled(by: phase)
    }
    return last
  }

  /// The due time after the last one given. - Parameter answeredAt: when the push before it was settled.
  mutating func next(answeredAt: MonotonicTime) -> MonotonicTime {
    switch pace {
    case .interval(let interval): last = beat(interval)
    case .poisson(let mean): last = last + exponential(mean)
    case .closedLoop(let think):
      last = answeredAt + think.scaled(by: 1 + jitter * (2 * random.fraction() - 1))
    }
    return last
  }

  /// Each beat is counted from the first, so that neither jitter nor rounding adds up to a drift.
  private mutating func beat(_ interval: Duration) -> MonotonicTime {
    defer { beats += 1 }
    return origin + interval.scaled(by: Double(beats) + phase + jitter * random.fraction())
  }

  private mutating func exponential(_ mean: Duration) -> Duration {
    mean.scaled(by: -log(1 - random.fraction()))
  }
}
