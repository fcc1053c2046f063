import Protocol
import Reactor

extension Settings {
  /// The number of connections that each of `loops` loops may hold.
  func connectionsMaximum(loops: Int) -> Int {
    max(1, (connections > 0 ? connections : ProcessLimits.descriptorLimit - 64) / loops)
  }

  /// The limits of requests.
  var httpLimits: HTTPLimits {
    var limits = HTTPLimits()
    limits.headBytes = headBytes
    limits.fieldCount = headFields
    limits.bodyBytes = bodyBytes
    return limits
  }

  /// The shares of connections that one client network may keep while other networks need room.
  var shares: Newcomers.Shares {
    Newcomers.Shares(handshakes: handshakesPerAddress, connections: anonymousPerAddress)
  }
}
