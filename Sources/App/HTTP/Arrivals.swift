// How a loop takes connections in: quickly into its table, then by turns of their networks through the handshake, and out again
// when another network needs the room. The kernel's backlog knows no networks: a client that waits there waits behind all
// others, so none is left in it while there is room, or room can be made.

import Protocol
import Reactor

/// Owns the listeners of one loop, and the place of each connection until it has shown a good certificate.
final class Arrivals: AcceptHandler, TurnEndHandler {
  /// Called when the last connection is gone, if there is nothing to listen at any more.
  var whenEmpty: () -> Void = {}
  private let desk: RequestDesk
  private let loop: EventLoop
  private let connections: ConnectionTable
  private let records: ConnectionRecords
  private let loops: Int
  private var settings: Settings
  private var connectionsMaximum: Int
  private var listeners: [Listener] = []
  private var isClosed = false
  private var newcomers: Newcomers
  private var handshakeTurns = HandshakeTurns()
  private var areHandshakesQueued = false

  /// - Parameters:
  ///   - desk: of the requests on the connections.
  ///   - loops: how many loops share the connections that the settings permit.
  init(desk: RequestDesk, settings: Settings, loops: Int) {
    self.desk = desk
    self.settings = settings
    self.loops = loops
    loop = desk.loop
    connections = desk.connections
    records = desk.records
    connectionsMaximum = settings.connectionsMaximum(loops: loops)
    newcomers = Newcomers(shares: settings.shares)
  }

  /// Takes in those who come to `listeners`, which report to this object.
  func listen(_ listeners: [Listener]) { self.listeners = listeners }

  /// Takes nobody in any more. Connections that are here stay.
  func close() {
    isClosed = true
    for listener in listeners { listener.close() }
    listeners = []
  }

  func apply(_ settings: Settings) {
    self.settings = settings
    connectionsMaximum = settings.connectionsMaximum(loops: loops)
    newcomers.apply(settings.shares)
    for listener in listeners { listener.accept(atMost: settings.acceptsPerTurn) }
    updateListening()
    handshakeMayBegin()
  }

  // MARK: Connections

  func accepted(_ socket: consuming StreamSocket, from peer: SocketAddress) {
    adopt(TLSLink(socket), from: peer)
  }

  /// Takes in the client at the other end of `link`.
  func adopt(_ link: any ClientLink, from peer: SocketAddress) {
    if !hasRoom, !makeRoom(for: peer.network) {
      records.refused(.connectionShare, from: peer)
      return link.willReset()
    }
    let connection = connections.insert {
      HTTPConnection(id: $0, link: link, peer: peer, desk: desk, arrivals: self)
    }
    records.count(.accepted)
    moved(connection, to: connection.open() ? .arrived : .gone)
    updateListening()
  }

  /// Whether one more connection may come in without another one having to go.
  private var hasRoom: Bool { connections.count < connectionsMaximum }

  /// What waits in the kernel's backlog costs us nothing, but it waits behind everybody. It is left there only while there is
  /// no room, and nobody who would have to make room.
  private func updateListening() {
    let isListening = !isClosed && (hasRoom || newcomers.hasCrowd)
    for listener in listeners { if isListening { listener.resume() } else { listener.pause() } }
  }

  /// How far a connection has come.
  enum Step {
    /// It is here, or the address of its client has become known.
    case arrived
    /// There is something to read for its handshake, which waits for its turn.
    case handshakeDue
    case handshakeBegun
    /// It is established, or refused before it was.
    case handshakeEnded(isVerified: Bool)
    case gone
  }

  /// Follows a connection on its way.
  func moved(_ connection: HTTPConnection, to step: Step) {
    let (slot, network) = (connection.id.slot, connection.peerAddress.network)
    switch step {
    case .arrived: newcomers.put(slot, of: network, in: .silent)
    case .handshakeDue: queueHandshake(of: connection)
    case .handshakeBegun: newcomers.put(slot, of: network, in: .handshaking)
    case .handshakeEnded(let isVerified):
      records.count(.handshakeEnded)
      if isVerified { newcomers.remove(slot) } else { newcomers.put(slot, of: network, in: .anonymous) }
      handshakeMayBegin()
    case .gone: forget(connection)
    }
  }

  private func forget(_ connection: HTTPConnection) {
    newcomers.remove(connection.id.slot)
    handshakeTurns.remove(connection.id.slot)
    connections.remove(connection.id)
    records.count(.closed)
    updateListening()
    handshakeMayBegin()
    if isClosed, connections.count == 0 { whenEmpty() }
  }

  /// Ends a connection of the largest crowd. - Returns: false if there is none to end for one of `network`.
  private func makeRoom(for network: ClientNetwork) -> Bool {
    let slot = newcomers.connectionToEnd(for: network) { connections[slot: $0]?.isIdle ?? false }
    return end(slot)
  }

  private func end(_ slot: UInt32?) -> Bool {
    guard let slot, let connection = connections[slot: slot] else { return false }
    records.refused(.addressShare, from: connection.peerAddress)
    connection.destroy()
    return true
  }

  // MARK: Handshakes

  private func queueHandshake(of connection: HTTPConnection) {
    let slot = connection.id.slot
    // Reported once more, before its turn came: it need not be reported every turn.
    if handshakeTurns.contains(slot) { return connection.socket.setReading(false) }
    let network = connection.peerAddress.network
    let stage = newcomers.stage(of: slot)
    if stage == .silent { newcomers.put(slot, of: network, in: .waiting) }
    handshakeTurns.append(slot, of: network, hasBegun: stage == .handshaking)
    queueHandshakes()
  }

  /// Those who wait because too many handshakes are under way may go on now.
  private func handshakeMayBegin() {
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
