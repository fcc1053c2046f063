internal import Reactor

/// When the parts of a run begin and end, on the clock that all processes of a machine share.
struct RunTimes: Sendable, Equatable {
  /// The first collector begins to push.
  let start: MonotonicTime
  /// All push, and the warm-up is over: what follows is the figures'.
  let measureStart: MonotonicTime
  let end: MonotonicTime

  init(start: MonotonicTime, plan: FleetPlan) {
    self.start = start
    measureStart = start + plan.ramp + plan.warmUp
    end = measureStart + plan.duration
  }
}
