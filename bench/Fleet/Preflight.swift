// Is there a server, and is it the one we trust? Asked once, before a fleet with all its retries sets out.

internal import HTTPClient
internal import Protocol
internal import Reactor

enum Preflight {
  /// Connects once, and says why that can't be done. Blocks, for `HTTPSDestination.handshakeLimit` at most.
  /// - Throws: `RunFailure`
  static func check(_ endpoint: HTTPSDestination) throws {
    let loop = try EventLoop()
    let connection = HTTPSConnection(
      loop: loop, destination: endpoint, buffers: HTTPSConnection.Buffers(), spread: 0)
    let outcome = Outcome()
    do {
      try connection.open(identity: nil, owner: outcome)
    } catch {
      outcome.loss = error
    }
    while !outcome.isOpen, outcome.loss == nil { loop.turn(waitingAtMost: Scoreboard.tick) }
    connection.close()
    guard let loss = outcome.loss else { return }
    throw RunFailure(description: "\(endpoint.url.authority): \(loss.reason)")
  }

  private final class Outcome: HTTPSConnectionOwner {
    var isOpen = false
    var loss: ConnectionLoss?

    func connectionOpened(connect: Duration, handshake: Duration) { isOpen = true }
    func connectionAnswered(_ answer: HTTPAnswer) {}
    func connectionLost(_ loss: ConnectionLoss) { self.loss = loss }
  }
}
