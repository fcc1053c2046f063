// Accepts the connections of one loop. A new connection goes into the loop's table at once. Its handshake waits for the
// turn of its network. If another network needs the room, the connection may be closed.
//
// The kernel's backlog does not distinguish networks: a client in the backlog waits behind all other clients. So the
// server leaves a client in the backlog only while there is no room and none can be made.

import Protocol
import Reactor

/// Owns the listeners of one loop, and keeps the place of each connection until its client has shown a valid
/// certificate.
final class Arrivals: AcceptHandler, TurnEndHandler {
  /// Called when the last connection is closed, if the listeners are closed.
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
  ///   - desk: the desk that receives the requests of the connections.
  ///   - loops: the number of loops that share the connections that the settings permit.
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

  /// Accepts the clients of `listeners`, which report to this object.
  func listen(_ listeners: [Listener]) { self.listeners = listeners }

  /// Closes the listeners. Connections that are open stay open.
  func close() {
    isClosed = true
    for listener in listeners { listener.close() }
    listeners = []
  }

  /// Uses `settings` from now on.
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

  /// Accepts the client at the other end of `link`, or resets the connection if there is no room for it.
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

  /// Whether another connection fits without closing one that is open.
  private var hasRoom: Bool { connections.count < connectionsMaximum }

  /// Pauses or resumes the listeners. A client in the kernel's backlog costs the server nothing, but it waits behind
  /// all other clients. So the listeners pause only while there is no room and no network has more connections than its
  /// share.
  private func updateListening() {
    let isListening = !isClosed && (hasRoom || newcomers.hasCrowd)
    for listener in listeners { if isListening { listener.resume() } else { listener.pause() } }
  }

  /// The progress of a connection from accept to its end.
  enum Step {
    /// The connection is accepted, or the address of its client has become known.
    case arrived
    /// Bytes of the handshake can be read. The handshake waits for its turn.
    case handshakeDue
    case handshakeBegun
    /// The session is established, or the connection is refused before that. `isVerified`: the client has shown a valid
    /// certificate.
    case handshakeEnded(isVerified: Bool)
    case gone
  }

  /// Records the progress of a connection.
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

  /// Closes a connection of the network that exceeds its share most, to make room for a client of `network`.
  /// - Returns: false if no connection may be closed for that client.
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
    // The loop reports the socket again although the handshake already waits for its turn. Further reports are not
    // needed.
    if handshakeTurns.contains(slot) { return connection.socket.setReading(false) }
    let network = connection.peerAddress.network
    let stage = newcomers.stage(of: slot)
    if stage == .silent { newcomers.put(slot, of: network, in: .waiting) }
    handshakeTurns.append(slot, of: network, hasBegun: stage == .handshaking)
    queueHandshakes()
  }

  /// Lets handshakes begin that wait because too many are unfinished.
  private func handshakeMayBegin() {
    if handshakeTurns.beginning.count > 0 { queueHandshakes() }
  }

  private func queueHandshakes() {
    if areHandshakesQueued { return }
    areHandshakesQueued = true
    loop.atTurnEnd(self)
  }

  /// Proceeds with handshakes once the work of established connections is done. One handshake costs as much as 65
  /// requests, so each turn spends at most `handshakeBudget` on handshakes. The remaining ones continue in the next
  /// turn.
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
