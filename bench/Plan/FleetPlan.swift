// What a run is to be: the command line after it was understood.

internal import HTTPClient
internal import Protocol
internal import Reactor

struct FleetPlan: Sendable {
  /// Which shards of the fleet are this process's. Shards are numbered through all processes.
  struct Division: Sendable, Equatable {
    var process = 0
    var processes = 1
  }

  var endpoint: HTTPSDestination
  var registrationSecret: String
  /// In the whole fleet, all processes together.
  var collectors: Int
  /// Of the measured part of the run.
  var duration: Duration
  var pace: Pace
  /// Not empty.
  var templates: [PushTemplate]
  /// What the templates are, for people.
  var payload = "given bodies"
  /// 0 to 1; see `ArrivalSchedule`.
  var jitter = 0.0
  /// Over which the collectors begin to push, one after the other, before the measured part.
  var ramp: Duration = .zero
  /// All push and nothing is measured yet.
  var warmUp: Duration = .zero
  var compression = Compression.prepared(level: 1)
  var faults = FaultMix()
  /// Over which a slow body is sent.
  var slowBodyTime: Duration = .seconds(3)
  /// Over which enrolments are spread.
  var enrolmentSpread: Duration = .zero
  /// For enrolling and connecting; who is not ready then is left behind.
  var startLimit: Duration = .seconds(300)
  /// For bringing the last pushes to their end, after the run.
  var drainLimit: Duration = .seconds(30)
  /// In each process.
  var loops = 1
  var division = Division()
  var seed: UInt64 = 1
  /// In the whole fleet.
  var registrationsInFlight = 16
  /// In the whole fleet.
  var handshakesInFlight = 64
  var backOff = BackOff.Limits()
  /// Identities of earlier runs, by the collector's number.
  var identities: [Int: StoredIdentity] = [:]
  /// Where to keep new ones.
  var identityPath: String?
  /// Where to note each acknowledged push.
  var acknowledgementPath: String?
  /// Whether the result names the collectors.
  var namesCollectors = false

  var shards: Int { loops * division.processes }

  /// - Parameter loop: of this process, 0 and up.
  func shardNumber(loop: Int) -> Int { division.process * loops + loop }

  /// One shard's part of a number that the fleet has in all; at least 1.
  func share(of total: Int) -> Int { max(1, total / shards) }

  /// What a schedule of this fleet makes due, pushes a second; nil in a closed loop.
  var offeredRate: Double? {
    switch pace {
    case .interval(let interval), .poisson(let interval): Double(collectors) / interval.inSeconds
    case .closedLoop: nil
    }
  }
}
