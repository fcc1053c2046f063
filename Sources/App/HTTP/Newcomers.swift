// The connections of a loop that have shown no good certificate, by the network they come from and by how far they have come.
// A network has a share of them. The share binds nobody while there is room: it says whose connection has to go when there is
// none and another network waits. A connection with a good certificate is in none of the lists, so that a fleet behind one
// address is never crowded out by its own size.

import Reactor

struct Newcomers {
  enum Stage: Int, CaseIterable, Sendable {
    /// Nothing has come over the connection.
    case silent
    /// Bytes have come, and wait for the handshake to begin.
    case waiting
    /// The handshake has begun: it holds memory and has cost time.
    case handshaking
    /// The handshake has ended, and there is no good certificate.
    case anonymous
  }

  /// Connections of one network in one loop; beyond, they make room for others.
  struct Shares: Equatable, Sendable {
    /// Of `handshaking`.
    var handshakes: Int
    /// Of all stages together.
    var connections: Int
  }

  /// Anonymous connections that are looked at to find one that is idle.
  private static let looks = 64

  private var shares: Shares
  /// By stage.
  private var lists = Stage.allCases.map { _ in ArrivalLists() }
  /// Networks with more connections than their share, in the order in which they came to have so many.
  private var crowds: [ClientNetwork] = []
  /// The same for handshakes.
  private var handshakeCrowds: [ClientNetwork] = []

  init(shares: Shares) { self.shares = shares }

  /// Whether some network has more connections than its share.
  var hasCrowd: Bool { !crowds.isEmpty }

  func count(_ stage: Stage) -> Int { lists[stage.rawValue].count }

  func stage(of slot: UInt32) -> Stage? { Stage.allCases.first { lists[$0.rawValue].contains(slot) } }

  /// Follows the settings. Who is over a share that became smaller is noticed at the network's next connection.
  mutating func apply(_ shares: Shares) {
    self.shares = shares
    crowds = crowds.filter { total(of: $0) > shares.connections }
    handshakeCrowds = handshakeCrowds.filter { handshakes(of: $0) > shares.handshakes }
  }

  /// Puts a connection into a stage, whichever it was in before.
  mutating func put(_ slot: UInt32, of network: ClientNetwork, in stage: Stage) {
    remove(slot)
    lists[stage.rawValue].append(slot, of: network)
    review(network)
  }

  /// The connection is gone, or has shown a good certificate.
  mutating func remove(_ slot: UInt32) {
    for index in lists.indices {
      guard let network = lists[index].remove(slot) else { continue }
      review(network)
      return
    }
  }

  /// Whose connection makes room for one more of `newcomer` when there is none: the longest silent of the largest crowd, else
  /// one of it that is idle, else one that has not finished its handshake. A crowd makes room for itself only with those
  /// who have said nothing.
  /// - Parameter isIdle: whether an anonymous connection has no request.
  func connectionToEnd(for newcomer: ClientNetwork, isIdle: (UInt32) -> Bool) -> UInt32? {
    guard let crowd = largest(of: crowds, by: total) else { return nil }
    if let silent = lists[Stage.silent.rawValue].first(of: crowd) { return silent }
    if crowd == newcomer { return nil }
    return lists[Stage.anonymous.rawValue].first(of: crowd, among: Self.looks, where: isIdle)
      ?? lists[Stage.waiting.rawValue].first(of: crowd) ?? lists[Stage.handshaking.rawValue].first(of: crowd)
  }

  /// Whose handshake makes room for one of `newcomer`, if somebody's has to: the oldest of the network that has most, as long
  /// as the newcomer's own has clearly fewer.
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
    // Few at a time: what there is at most, divided by the share.
    let place = crowds.isEmpty ? nil : crowds.firstIndex(of: network)
    if isCrowd, place == nil { crowds.append(network) }
    if !isCrowd, let place { crowds.remove(at: place) }
  }
}

/// Connections with something to read for their handshake, and whose turn it is: networks take turns, and those that begin
/// take turns with those that go on.
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

  /// Takes a connection whose handshake goes on, unless it is the turn of one that begins.
  mutating func takeGoingOn(evenIfNotItsTurn: Bool) -> UInt32? {
    if isBeginnersTurn, !evenIfNotItsTurn { return nil }
    isBeginnersTurn = true
    return goingOn.takeFirst()
  }

  /// Takes the connection that begins next.
  mutating func takeBeginning() -> UInt32? {
    isBeginnersTurn = false
    return beginning.takeFirst()
  }

  /// Lets another network begin.
  mutating func passBeginning() { beginning.passTurn() }
}
