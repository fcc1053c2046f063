// What a shard, a process, a whole fleet brings home.

internal import Protocol
internal import Reactor

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
