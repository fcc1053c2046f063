// How a lane takes in who connects: quickly into its table, then by turns of their networks through the handshake, and out again
// when another network needs the room. The kernel's backlog knows no networks: whoever waits there waits behind everybody,
// so nobody is left in it while there is room, or room can be made.

import Protocol
import Reactor

extension Lane {
  /// Takes in the client at the other end of `link`.
  func adopt(_ link: any ClientLink, from peer: SocketAddress) {
    if !hasRoom, !makeRoom(for: peer.network) {
      refused(.connectionShare, from: peer)
      return link.willReset()
    }
    let connection = insert(link, from: peer)
    counters.connectionsAccepted += 1
    if connection.open() { arrived(connection) } else { forget(connection) }
    updateListening()
  }

  /// A connection is there, or it has turned out whose it is.
  func arrived(_ connection: HTTPConnection) {
    newcomers.put(connection.id.slot, of: connection.peerAddress.network, in: .silent)
  }

  /// Ends a connection of the largest crowd. - Returns: false if there is none to end for one of `network`.
  private func makeRoom(for network: ClientNetwork) -> Bool {
    let slot = newcomers.connectionToEnd(for: network) { connections[slot: $0]?.isIdle ?? false }
    return end(slot)
  }

  private func end(_ slot: UInt32?) -> Bool {
    guard let slot, let connection = connections[slot: slot] else { return false }
    refused(.addressShare, from: connection.peerAddress)
    connection.destroy()
    return true
  }

  // MARK: Handshakes

  /// There is something to read for the handshake of `connection`. It waits for its turn.
  func handshakeIsDue(_ connection: HTTPConnection) {
    let slot = connection.id.slot
    // Reported once more, before its turn came: it need not be reported every turn.
    if handshakeTurns.contains(slot) { return connection.setReading(false) }
    let network = connection.peerAddress.network
    let stage = newcomers.stage(of: slot)
    if stage == .silent { newcomers.put(slot, of: network, in: .waiting) }
    handshakeTurns.append(slot, of: network, hasBegun: stage == .handshaking)
    queueHandshakes()
  }

  func handshakeBegan(_ connection: HTTPConnection) {
    newcomers.put(connection.id.slot, of: connection.peerAddress.network, in: .handshaking)
  }

  /// A connection is established, or refused before it was.
  func handshakeEnded(_ connection: HTTPConnection, isVerified: Bool) {
    counters.handshakes += 1
    if isVerified {
      newcomers.remove(connection.id.slot)
    } else {
      newcomers.put(connection.id.slot, of: connection.peerAddress.network, in: .anonymous)
    }
    handshakeMayBegin()
  }

  /// Those who wait because too many handshakes are under way may go on now.
  func handshakeMayBegin() {
    if handshakeTurns.beginning.count > 0 { queueHandshakes() }
  }

  private func queueHandshakes() {
    if areHandshakesQueued { return }
    areHandshakesQueued = true
    loop.atTurnEnd(self)
  }

  /// When what the turn brought to established connections is done. One handshake costs as much as 65 requests, so a turn
  /// gives them a time, and goes on with the next turn.
  func turnEnding() {
    areHandshakesQueued = false
    let end = loop.readClock() + settings.handshakeBudget
    repeat {
      guard let connection = nextHandshake() else { return }
      connection.proceedWithHandshake()
    } while loop.readClock() < end
    if !handshakeTurns.isEmpty { queueHandshakes() }
  }

  private func nextHandshake() -> HTTPConnection? {
    let slot =
      handshakeTurns.takeGoingOn(evenIfNotItsTurn: false) ?? beginHandshake()
      ?? handshakeTurns.takeGoingOn(evenIfNotItsTurn: true)
    return slot.flatMap { connections[slot: $0] }
  }

  private func beginHandshake() -> UInt32? {
    for _ in 0..<handshakeTurns.beginning.networkCount {
      guard let network = handshakeTurns.beginning.networkOfTurn else { return nil }
      let hasRoom = newcomers.count(.handshaking) < settings.unfinishedHandshakes
      if hasRoom || end(newcomers.handshakeToEnd(for: network)) { return handshakeTurns.takeBeginning() }
      handshakeTurns.passBeginning()
    }
    return nil
  }
}

extension Settings {
  var shares: Newcomers.Shares {
    Newcomers.Shares(handshakes: handshakesPerAddress, connections: anonymousPerAddress)
  }
}
