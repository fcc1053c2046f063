// Checks once, before the fleet starts with all its retries, whether the server can be reached and trusted.

internal import HTTPClient
internal import Protocol
internal import Reactor

enum Preflight {
  /// Connects once. It blocks for at most `HTTPSDestination.handshakeLimit`.
  /// - Throws: `RunFailure` with the reason why it cannot connect.
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
