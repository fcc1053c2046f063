// What a run is to be: the command line after it was understood.

internal import Protocol
internal import Reactor

struct FleetPlan: Sendable {
  /// When pushes fall due.
  enum Pace: Sendable, Equatable {
    /// Each collector every so often, whatever the server does (open loop).
    case interval(Duration)
    /// Each collector as soon as its previous push was answered.
    case closedLoop
  }

  var endpoint: Endpoint
  var registrationSecret: String
  var collectors: Int
  var duration: Duration
  var pace: Pace
  /// Not empty.
  var templates: [PushTemplate]
  /// 0 for no compression, else 1 to 9.
  var gzipLevel = 1
  /// Over which enrolments are spread.
  var ramp: Duration = .zero
  /// For enrolling and connecting; who is not ready then is left behind.
  var startLimit: Duration = .seconds(300)
  /// For bringing the last pushes to their end, after the run.
  var drainLimit: Duration = .seconds(30)
  var loops = 1
  var seed: UInt64 = 1
  /// In the whole fleet.
  var registrationsInFlight = 16
  /// In the whole fleet.
  var handshakesInFlight = 64
  var backOff = BackOff.Limits()
  /// Where to note each acknowledged push.
  var acknowledgementPath: String?

  /// One loop's share of a number that the fleet has in all; at least 1.
  func share(of total: Int) -> Int { max(1, total / loops) }
}
