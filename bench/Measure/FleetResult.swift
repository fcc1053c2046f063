// What a shard, a process, a whole fleet brings home.

internal import Protocol
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

struct FleetResult: Sendable, Equatable {
  /// Before the measured part: enrolment, ramp and warm-up.
  var before = Tally()
  var measured = Tally()
  /// Processor time of the measured part, of all processes.
  var cpu = Duration.zero
  /// The identities that pushed: only asked for to verify.
  var collectors: [UUID] = []

  mutating func merge(_ other: FleetResult) {
    before.merge(other.before)
    measured.merge(other.measured)
    cpu += other.cpu
    collectors += other.collectors
  }

  var whole: Tally {
    var sum = before
    sum.merge(measured)
    return sum
  }
}
