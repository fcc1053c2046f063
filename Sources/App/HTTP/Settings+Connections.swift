import Protocol
import Reactor

extension Settings {
  /// Of one of `loops` loops.
  func connectionsMaximum(loops: Int) -> Int {
    max(1, (connections > 0 ? connections : ProcessLimits.descriptorLimit - 64) / loops)
  }

  var httpLimits: HTTPLimits {
    var limits = HTTPLimits()
    limits.headBytes = headBytes
    limits.fieldCount = headFields
    limits.bodyBytes = bodyBytes
    return limits
  }

  /// What an address may have of them, if others need the room.
  var shares: Newcomers.Shares {
    Newcomers.Shares(handshakes: handshakesPerAddress, connections: anonymousPerAddress)
  }
}
