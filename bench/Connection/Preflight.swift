// Is there a server, and is it the one we trust? Asked once, before a fleet with all its retries sets out.

internal import Protocol
internal import Reactor

enum Preflight {
  /// Connects once, and says why that can't be done. Blocks, for `Endpoint.handshakeLimit` at most.
  /// - Throws: `FleetFailure`
  static func check(_ endpoint: Endpoint) throws {
    let loop = try EventLoop()
    let connection = ClientConnection(
      loop: loop, endpoint: endpoint, buffers: ClientConnection.Buffers(), spread: 0)
    let outcome = Outcome()
    do {
      try connection.open(identity: nil, owner: outcome)
    } catch {
      outcome.loss = error
    }
    while !outcome.isOpen, outcome.loss == nil { loop.turn(waitingAtMost: FleetShard.tick) }
    connection.close()
    guard let loss = outcome.loss else { return }
    throw FleetFailure(description: "\(endpoint.url.authority): \(loss.reason)")
  }

  private final class Outcome: ConnectionOwner {
    var isOpen = false
    var loss: ConnectionLoss?

    func connectionOpened(connect: Duration, handshake: Duration) { isOpen = true }
    func connectionAnswered(_ answer: Answer) {}
    func connectionLost(_ loss: ConnectionLoss) { self.loss = loss }
  }
}
