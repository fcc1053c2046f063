// Lists of connections in the order of their arrival, one list per client network. The shares of networks and the turns
// of handshakes use them. The cost of each operation does not depend on the number of connections or networks.

import Reactor

/// Holds connections by their slot in the `ConnectionTable`. A connection is in at most one list. The owner has to
/// `remove` a connection before its slot is used again.
struct ArrivalLists {
  /// The list of one connection and its neighbours in that list.
  private struct Place {
    var list = nowhere
    var previous = nowhere
    var next = nowhere
  }

  /// The connections of one network, and the network's neighbours in the ring of networks.
  private struct List {
    let network: ClientNetwork
    var first = nowhere
    var last = nowhere
    var count = 0
    var previousNetwork = nowhere
    var nextNetwork = nowhere
  }

  private static let nowhere: Int32 = -1

  /// The index is the slot of the connection.
  private var places: [Place] = []
  private var lists: [List?] = []
  private var unused: [Int32] = []
  private var numbers: [ClientNetwork: Int32] = [:]
  /// The list of the network whose turn it is. All networks with connections form a ring.
  private var turn = nowhere
  /// The number of connections in all lists.
  private(set) var count = 0

  var networkCount: Int { numbers.count }

  func contains(_ slot: UInt32) -> Bool { Int(slot) < places.count && places[Int(slot)].list != Self.nowhere }

  func count(of network: ClientNetwork) -> Int { numbers[network].map { lists[Int($0)]!.count } ?? 0 }

  /// Adds a connection as the newest of its network. The connection must not be in any list.
  mutating func append(_ slot: UInt32, of network: ClientNetwork) {
    precondition(!contains(slot), "a connection is in one list")
    while places.count <= Int(slot) { places.append(Place()) }
    let number = numbers[network] ?? begin(network)
    let last = lists[Int(number)]!.last
    places[Int(slot)] = Place(list: number, previous: last, next: Self.nowhere)
    if last == Self.nowhere {
      lists[Int(number)]!.first = Int32(slot)
    } else {
      places[Int(last)].next = Int32(slot)
    }
    lists[Int(number)]!.last = Int32(slot)
    lists[Int(number)]!.count += 1
    count += 1
  }

  /// Removes a connection from its list, if it is in one.
  /// - Returns: the network of that list; nil if the connection was in no list.
  @discardableResult
  mutating func remove(_ slot: UInt32) -> ClientNetwork? {
    guard contains(slot) else { return nil }
    let place = places[Int(slot)]
    places[Int(slot)] = Place()
    let number = Int(place.list)
    if place.previous == Self.nowhere {
      lists[number]!.first = place.next
    } else {
      places[Int(place.previous)].next = place.next
    }
    if place.next == Self.nowhere {
      lists[number]!.last = place.previous
    } else {
      places[Int(place.next)].previous = place.previous
    }
    lists[number]!.count -= 1
    count -= 1
    let network = lists[number]!.network
    if lists[number]!.count == 0 { end(place.list) }
    return network
  }

  /// Returns the oldest connection of a network for which `isWanted` is true. It looks only at the `most` oldest
  /// connections.
  func first(of network: ClientNetwork, among most: Int = 1, where isWanted: (UInt32) -> Bool = { _ in true })
    -> UInt32?
  {
    guard let number = numbers[network] else { return nil }
    var slot = lists[Int(number)]!.first
    for _ in 0..<most where slot != Self.nowhere {
      if isWanted(UInt32(slot)) { return UInt32(slot) }
      slot = places[Int(slot)].next
    }
    return nil
  }

  // MARK: Turns

  /// The network whose turn it is; nil if no network has a connection here.
  var networkOfTurn: ClientNetwork? { turn == Self.nowhere ? nil : lists[Int(turn)]!.network }

  /// Gives the turn to the next network.
  mutating func passTurn() {
    if turn != Self.nowhere { turn = lists[Int(turn)]!.nextNetwork }
  }

  /// Removes and returns the oldest connection of the network whose turn it is, and gives the turn to the next network.
  mutating func takeFirst() -> UInt32? {
    guard turn != Self.nowhere else { return nil }
    let slot = UInt32(lists[Int(turn)]!.first)
    passTurn()
    remove(slot)
    return slot
  }

  private mutating func begin(_ network: ClientNetwork) -> Int32 {
    var list = List(network: network)
    let number = unused.popLast() ?? Int32(lists.count)
    if turn == Self.nowhere {
      list.previousNetwork = number
      list.nextNetwork = number
      turn = number
    } else {
      // The new network is the last in the ring, so all other networks have their turn before it.
      list.nextNetwork = turn
      list.previousNetwork = lists[Int(turn)]!.previousNetwork
    }
    if Int(number) == lists.count { lists.append(list) } else { lists[Int(number)] = list }
    lists[Int(list.previousNetwork)]!.nextNetwork = number
    lists[Int(list.nextNetwork)]!.previousNetwork = number
    numbers[network] = number
    return number
  }

  private mutating func end(_ number: Int32) {
    let list = lists[Int(number)]!
    if list.nextNetwork == number {
      turn = Self.nowhere
    } else {
      lists[Int(list.previousNetwork)]!.nextNetwork = list.nextNetwork
      lists[Int(list.nextNetwork)]!.previousNetwork = list.previousNetwork
      if turn == number { turn = list.nextNetwork }
    }
    lists[Int(number)] = nil
    unused.append(number)
    numbers[list.network] = nil
  }
}
