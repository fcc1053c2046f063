import Ground
import Reactor
import Testing

@testable import App

private func network(_ number: Int) -> ClientNetwork {
  SocketAddress(ip: "192.0.\(number / 256).\(number % 256)", port: 1)!.network
}

@Suite struct ArrivalListsTests {
  @Test func `networks take turns, and each serves its oldest connection first`() {
    var lists = ArrivalLists()
    for slot: UInt32 in 0..<4 { lists.append(slot, of: network(1)) }
    for slot: UInt32 in 10..<12 { lists.append(slot, of: network(2)) }
    lists.append(20, of: network(3))
    var order: [UInt32] = []
    while let slot = lists.takeFirst() { order.append(slot) }
    #expect(order == [0, 10, 20, 1, 11, 2, 3])
    #expect(lists.count == 0 && lists.networkCount == 0 && lists.networkOfTurn == nil)
  }

  @Test func `a connection can leave from any place of its list`() {
    var lists = ArrivalLists()
    for slot: UInt32 in 0..<5 { lists.append(slot, of: network(1)) }
    for slot: UInt32 in [2, 0, 4] { #expect(lists.remove(slot) == network(1)) }
    #expect(lists.remove(2) == nil && !lists.contains(2) && lists.contains(3))
    #expect(lists.first(of: network(1)) == 1 && lists.count(of: network(1)) == 2)
    #expect(lists.first(of: network(1), among: 1) { $0 == 3 } == nil)
    #expect(lists.first(of: network(1), among: 2) { $0 == 3 } == 3)
    #expect(lists.takeFirst() == 1 && lists.takeFirst() == 3 && lists.takeFirst() == nil)
  }

  @Test func `arrival lists behave as a list of lists under random operations`() {
    var random = QuickRandom(seed: 7)
    var lists = ArrivalLists()
    var model: [(network: Int, slots: [UInt32])] = []
    for step in 0..<5000 {
      let slot = UInt32(random.next() % 60)
      let group = Int(slot % 7)
      switch random.next() % 4 {
      case 0, 1:
        if lists.contains(slot) { continue }
        lists.append(slot, of: network(group))
        if let index = model.firstIndex(where: { $0.network == group }) {
          model[index].slots.append(slot)
        } else {
          model.append((group, [slot]))
        }
      case 2:
        let removed = lists.remove(slot)
        let index = model.firstIndex { $0.slots.contains(slot) }
        #expect(removed == index.map { network(model[$0].network) }, "step \(step)")
        if let index {
          model[index].slots.removeAll { $0 == slot }
          if model[index].slots.isEmpty { model.remove(at: index) }
        }
      default:
        let taken = lists.takeFirst()
        guard var first = model.first else {
          #expect(taken == nil)
          continue
        }
        #expect(taken == first.slots.removeFirst(), "step \(step)")
        model.removeFirst()
        if !first.slots.isEmpty { model.append(first) }
      }
      #expect(lists.count == model.reduce(0) { $0 + $1.slots.count } && lists.networkCount == model.count)
    }
  }
}

@Suite struct NewcomersTests {
  private func newcomers(handshakes: Int = 2, connections: Int = 3) -> Newcomers {
    Newcomers(shares: Newcomers.Shares(handshakes: handshakes, connections: connections))
  }

  @Test func `a network at its share gives way to no other, and a network past its share does`() {
    var newcomers = newcomers()
    for slot: UInt32 in 0..<3 { newcomers.put(slot, of: network(1), in: .silent) }
    #expect(!newcomers.hasCrowd && newcomers.connectionToEnd(for: network(2)) { _ in true } == nil)
    newcomers.put(3, of: network(1), in: .silent)
    #expect(newcomers.hasCrowd && newcomers.connectionToEnd(for: network(2)) { _ in true } == 0)
    newcomers.remove(0)
    #expect(!newcomers.hasCrowd)
  }

  @Test func `silent connections end first, then idle, waiting and handshaking ones`() {
    var newcomers = newcomers()
    newcomers.put(1, of: network(1), in: .handshaking)
    newcomers.put(2, of: network(1), in: .waiting)
    newcomers.put(3, of: network(1), in: .anonymous)
    newcomers.put(4, of: network(1), in: .anonymous)
    newcomers.put(5, of: network(1), in: .silent)
    newcomers.apply(Newcomers.Shares(handshakes: 0, connections: 0))
    // The share is smaller now. It takes effect with the network's next connection.
    newcomers.put(6, of: network(1), in: .silent)
    var order: [UInt32] = []
    while let slot = newcomers.connectionToEnd(for: network(2), isIdle: { $0 != 3 }) {
      order.append(slot)
      newcomers.remove(slot)
    }
    #expect(order == [5, 6, 4, 2, 1])
  }

  @Test func `a crowded network makes room for its own connections only with silent ones`() {
    var newcomers = newcomers(connections: 1)
    newcomers.put(1, of: network(1), in: .waiting)
    newcomers.put(2, of: network(1), in: .silent)
    #expect(newcomers.connectionToEnd(for: network(1)) { _ in true } == 2)
    newcomers.put(2, of: network(1), in: .waiting)
    #expect(newcomers.connectionToEnd(for: network(1)) { _ in true } == nil)
    #expect(newcomers.connectionToEnd(for: network(2)) { _ in true } == 1)
  }

  @Test func `handshakes of the largest crowd end until both networks have as many`() {
    var newcomers = newcomers(handshakes: 2)
    for slot: UInt32 in 0..<6 { newcomers.put(slot, of: network(1), in: .handshaking) }
    #expect(newcomers.handshakeToEnd(for: network(1)) == nil)
    var begun: UInt32 = 100
    while let slot = newcomers.handshakeToEnd(for: network(2)) {
      newcomers.remove(slot)
      newcomers.put(begun, of: network(2), in: .handshaking)
      begun += 1
    }
    #expect(newcomers.count(.handshaking) == 6)
    // Three handshakes each.
    #expect(begun == 103)
    #expect(newcomers.handshakeToEnd(for: network(1)) == nil)
  }

  @Test func `a connection that has shown a certificate counts no more as a newcomer`() {
    var newcomers = newcomers(connections: 1)
    for slot: UInt32 in 0..<4 { newcomers.put(slot, of: network(1), in: .handshaking) }
    for slot: UInt32 in 0..<3 { newcomers.remove(slot) }
    #expect(!newcomers.hasCrowd && newcomers.stage(of: 3) == .handshaking && newcomers.stage(of: 0) == nil)
  }

  @Test func `beginning handshakes take turns with those that go on`() {
    var turns = HandshakeTurns()
    for slot: UInt32 in 0..<2 { turns.append(slot, of: network(1), hasBegun: false) }
    for slot: UInt32 in 10..<13 { turns.append(slot, of: network(1), hasBegun: true) }
    var order: [UInt32] = []
    while let slot = turns.takeGoingOn(evenIfNotItsTurn: false) ?? turns.takeBeginning()
      ?? turns.takeGoingOn(evenIfNotItsTurn: true)
    {
      order.append(slot)
    }
    #expect(order == [0, 10, 1, 11, 12])
    #expect(turns.isEmpty)
  }
}

@Suite struct RefusalLinesTests {
  @Test func `each reason gets one line a second, which counts the refusals without a line`() {
    var lines = RefusalLines()
    let start = MonotonicTime(nanoseconds: 1_000_000_000)
    #expect(lines.take("a", now: start) == 0)
    #expect(lines.take("a", now: start + .milliseconds(999)) == nil)
    #expect(lines.take("b", now: start + .milliseconds(999)) == 0)
    #expect(lines.take("a", now: start + .seconds(1)) == 1)
    #expect(lines.take("a", now: start + .milliseconds(1500)) == nil)
    #expect(lines.takeUnsaid(now: start + .milliseconds(1600)) == [])
    #expect(lines.takeUnsaid(now: start + .seconds(2)) == [RefusalLines.Unsaid(reason: "a", count: 1)])
    #expect(lines.takeUnsaid(now: start + .seconds(3)) == [])
  }
}

@Suite struct ListeningPlaceTests {
  @Test func `a listening place is an address, or a name with all its addresses`() throws {
    #expect(try ListeningPlace("127.0.0.1:8443").addresses == [SocketAddress("127.0.0.1:8443")!])
    #expect(try ListeningPlace("[::1]:0").addresses == [SocketAddress("[::1]:0")!])
    let place = try ListeningPlace("localhost:8443")
    #expect(place.name == "localhost" && !place.addresses.isEmpty)
    #expect(place.addresses.allSatisfy { $0.port == 8443 })
  }

  @Test(arguments: [
    "", "8443", "localhost", "localhost:", ":8443", "localhost:65536", "localhost:+1", "::1:8443", "a b:1",
  ])
  func `any other text is refused with a sentence`(text: String) {
    #expect { try ListeningPlace(text) } throws: { "\($0)".contains("is not HOST:PORT") }
  }

  @Test func `a name that does not resolve is refused with that name`() {
    #expect { try ListeningPlace("no-such-host.invalid:8443") } throws: { "\($0)".contains("no-such-host.invalid") }
  }
}
