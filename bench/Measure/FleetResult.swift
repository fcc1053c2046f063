// The result of a shard, a process or the whole fleet.

internal import Protocol
internal import Reactor

struct FleetResult: Sendable, Equatable {
  /// The counts before the measured part: enrolment, ramp and warm-up.
  var before = Tally()
  /// The counts of the measured part and the drain.
  var measured = Tally()
  /// Processor time of the measured part, summed over all processes.
  var cpu = Duration.zero
  /// The ids of the collectors that pushed. They are only filled in for verification.
  var collectors: [UUID] = []

  mutating func merge(_ other: FleetResult) {
    before.merge(other.before)
    measured.merge(other.measured)
    cpu += other.cpu
    collectors += other.collectors
  }

  /// The counts of the whole run.
  var whole: Tally {
    var sum = before
    sum.merge(measured)
    return sum
  }
}
