// The plan of a run: the parsed and checked command line.

internal import HTTPClient
internal import Protocol
internal import Reactor

/// All parameters of a run.
struct FleetPlan: Sendable {
  /// The shards of the fleet that belong to this process. Shards are numbered through all processes.
  struct Division: Sendable, Equatable {
    var process = 0
    var processes = 1
  }

  var endpoint: HTTPSDestination
  var registrationSecret: String
  /// The number of collectors in all processes.
  var collectors: Int
  /// The length of the measured part of the run.
  var duration: Duration
  var pace: Pace
  /// The templates of the pushes. Not empty.
  var templates: [PushTemplate]
  /// A description of the templates for people.
  var payload = "given bodies"
  /// The jitter of due times, 0 to 1; see `ArrivalSchedule`.
  var jitter = 0.0
  /// The time over which the collectors begin to push, one after the other, before the measured part.
  var ramp: Duration = .zero
  /// The time after the ramp in which all collectors push and nothing is measured.
  var warmUp: Duration = .zero
  var compression = Compression.prepared(level: 1)
  var faults = FaultMix()
  /// The time over which a slow body is sent.
  var slowBodyTime: Duration = .seconds(3)
  /// The time over which enrolments are spread.
  var enrolmentSpread: Duration = .zero
  /// The limit of the time for enrolling and connecting. The run begins without collectors that are not ready then.
  var startLimit: Duration = .seconds(300)
  /// The limit of the time for the last pushes after the run.
  var drainLimit: Duration = .seconds(30)
  /// The number of loops in each process.
  var loops = 1
  var division = Division()
  var seed: UInt64 = 1
  /// Registrations at a time in the whole fleet.
  var registrationsInFlight = 16
  /// Handshakes at a time in the whole fleet.
  var handshakesInFlight = 64
  var backOff = BackOff.Limits()
  /// The identities of earlier runs, by the collector's number.
  var identities: [Int: StoredIdentity] = [:]
  /// The path of the file for new identities; nil if they are not kept.
  var identityPath: String?
  /// The path of the log of acknowledged pushes; nil for none.
  var acknowledgementPath: String?
  /// Whether the result contains the ids of the collectors.
  var namesCollectors = false

  var shards: Int { loops * division.processes }

  /// - Parameter loop: the number of the loop in this process, from 0.
  func shardNumber(loop: Int) -> Int { division.process * loops + loop }

  /// Returns one shard's part of a number for the whole fleet; at least 1.
  func share(of total: Int) -> Int { max(1, total / shards) }

  /// The pushes that fall due in a second; nil in a closed loop.
  var offeredRate: Double? {
    switch pace {
    case .interval(let interval), .poisson(let interval): Double(collectors) / interval.inSeconds
    case .closedLoop: nil
    }
  }
}
