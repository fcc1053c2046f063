// The connections of a loop whose clients have shown no valid certificate, by network and by progress.
//
// Each network has a share of them. The share limits a network only when there is no room: if a client of another
// network arrives then, a connection of a network that exceeds its share is closed. Connections with a valid
// certificate are in none of the lists, so the size of a fleet behind one address never costs it a connection.

import Reactor

/// The connections without a valid certificate of one loop.
struct Newcomers {
  /// The progress of such a connection.
  enum Stage: Int, CaseIterable, Sendable {
    /// The client has sent no byte.
    case silent
    /// The client has sent bytes, and the handshake waits for its turn.
    case waiting
    /// The handshake has begun. It holds memory and has cost time.
    case handshaking
    /// The handshake has ended, and the client has shown no valid certificate.
    case anonymous
  }

  /// The number of connections that one network may keep in one loop while other networks need room.
  struct Shares: Equatable, Sendable {
    /// The share of connections in the stage `handshaking`.
    var handshakes: Int
    /// The share of connections in all stages together.
    var connections: Int
  }

  /// The largest number of anonymous connections to examine in the search for an idle one.
  private static let looks = 64

  private var shares: Shares
  /// The index is the stage.
  private var lists = Stage.allCases.map { _ in ArrivalLists() }
  /// Networks with more connections than their share, in the order in which they exceeded it.
  private var crowds: [ClientNetwork] = []
  /// Networks with more handshakes than their share.
  private var handshakeCrowds: [ClientNetwork] = []

  init(shares: Shares) { self.shares = shares }

  /// Whether some network has more connections than its share.
  var hasCrowd: Bool { !crowds.isEmpty }

  func count(_ stage: Stage) -> Int { lists[stage.rawValue].count }

  func stage(of slot: UInt32) -> Stage? { Stage.allCases.first { lists[$0.rawValue].contains(slot) } }

  /// Uses new shares. A network that exceeds a smaller share counts as a crowd from its next connection on.
  mutating func apply(_ shares: Shares) {
    self.shares = shares
    crowds = crowds.filter { total(of: $0) > shares.connections }
    handshakeCrowds = handshakeCrowds.filter { handshakes(of: $0) > shares.handshakes }
  }

  /// Moves a connection to a stage, or adds it.
  mutating func put(_ slot: UInt32, of network: ClientNetwork, in stage: Stage) {
    remove(slot)
    lists[stage.rawValue].append(slot, of: network)
    review(network)
  }

  /// Removes a connection that has ended or whose client has shown a valid certificate.
  mutating func remove(_ slot: UInt32) {
    for index in lists.indices {
      guard let network = lists[index].remove(slot) else { continue }
      review(network)
      return
    }
  }

  /// Returns the connection to close when there is no room for a client of `newcomer`; nil if none may be closed. The
  /// connection belongs to the largest crowd. It is the one that has been silent for longest, otherwise an idle one,
  /// otherwise one with an unfinished handshake. For a client of the crowd itself, only a silent connection may be
  /// closed.
  /// - Parameter isIdle: whether an anonymous connection has no request.
  func connectionToEnd(for newcomer: ClientNetwork, isIdle: (UInt32) -> Bool) -> UInt32? {
    guard let crowd = largest(of: crowds, by: total) else { return nil }
    if let silent = lists[Stage.silent.rawValue].first(of: crowd) { return silent }
    if crowd == newcomer { return nil }
    return lists[Stage.anonymous.rawValue].first(of: crowd, among: Self.looks, where: isIdle)
      ?? lists[Stage.waiting.rawValue].first(of: crowd) ?? lists[Stage.handshaking.rawValue].first(of: crowd)
  }

  /// Returns the connection whose handshake ends so that `newcomer` may begin one; nil if none may be ended. It is the
  /// oldest handshake of the network that has most, if `newcomer` has at least two fewer.
  func handshakeToEnd(for newcomer: ClientNetwork) -> UInt32? {
    guard let crowd = largest(of: handshakeCrowds, by: handshakes), crowd != newcomer,
      handshakes(of: crowd) > handshakes(of: newcomer) + 1
    else { return nil }
    return lists[Stage.handshaking.rawValue].first(of: crowd)
  }

  private func total(of network: ClientNetwork) -> Int { lists.reduce(0) { $0 + $1.count(of: network) } }
  private func handshakes(of network: ClientNetwork) -> Int { lists[Stage.handshaking.rawValue].count(of: network) }

  private func largest(of crowds: [ClientNetwork], by size: (ClientNetwork) -> Int) -> ClientNetwork? {
    crowds.max { size($0) < size($1) }
  }

  private mutating func review(_ network: ClientNetwork) {
    Self.review(network, &crowds, total(of: network) > shares.connections)
    Self.review(network, &handshakeCrowds, handshakes(of: network) > shares.handshakes)
  }

  private static func review(_ network: ClientNetwork, _ crowds: inout [ClientNetwork], _ isCrowd: Bool) {
    // The list is short: at most the maximum of connections, divided by the share.
    let place = crowds.isEmpty ? nil : crowds.firstIndex(of: network)
    if isCrowd, place == nil { crowds.append(network) }
    if !isCrowd, let place { crowds.remove(at: place) }
  }
}

/// Connections whose handshake has bytes to process, in the order of their turns. Networks take turns, and handshakes
/// that begin take turns with handshakes that have begun.
struct HandshakeTurns {
  private(set) var beginning = ArrivalLists()
  private var goingOn = ArrivalLists()
  private var isBeginnersTurn = true

  var isEmpty: Bool { beginning.count == 0 && goingOn.count == 0 }

  func contains(_ slot: UInt32) -> Bool { beginning.contains(slot) || goingOn.contains(slot) }

  /// - Parameter hasBegun: whether the handshake has begun.
  mutating func append(_ slot: UInt32, of network: ClientNetwork, hasBegun: Bool) {
    if hasBegun { goingOn.append(slot, of: network) } else { beginning.append(slot, of: network) }
  }

  mutating func remove(_ slot: UInt32) {
    beginning.remove(slot)
    goingOn.remove(slot)
  }

  /// Removes and returns the next connection whose handshake has begun.
  /// - Parameter evenIfNotItsTurn: whether it may take the turn of a handshake that begins.
  mutating func takeGoingOn(evenIfNotItsTurn: Bool) -> UInt32? {
    if isBeginnersTurn, !evenIfNotItsTurn { return nil }
    isBeginnersTurn = true
    return goingOn.takeFirst()
  }

  /// Removes and returns the next connection whose handshake begins.
  mutating func takeBeginning() -> UInt32? {
    isBeginnersTurn = false
    return beginning.takeFirst()
  }

  /// Gives the turn to the next network whose handshakes wait to begin.
  mutating func passBeginning() { beginning.passTurn() }
}
