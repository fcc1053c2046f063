internal import Reactor

/// The times at which the parts of a run begin and end, by the clock that all processes of a machine share.
struct RunTimes: Sendable, Equatable {
  /// The time at which the first collector begins to push.
  let start: MonotonicTime
  /// The start of the measured part: ramp and warm-up are over.
  let measureStart: MonotonicTime
  /// The end of the measured part.
  let end: MonotonicTime

  init(start: MonotonicTime, plan: FleetPlan) {
    self.start = start
    measureStart = start + plan.ramp + plan.warmUp
    end = measureStart + plan.duration
  }
}
