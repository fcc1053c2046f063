// The connections of one loop, by slot and generation: a name that outlives its connection finds nothing.

/// Names a connection of one loop across callbacks and threads.
struct ConnectionID: Hashable, Sendable {
  let slot: UInt32
  let generation: UInt32
}

/// Names a request of a connection, so that a late answer finds neither another connection nor another request.
struct Ticket: Equatable, Sendable {
  let connection: ConnectionID
  let exchange: UInt32
}

extension Ticket {
  init(_ ticket: PushTicket) {
    connection = ConnectionID(slot: ticket.slot, generation: ticket.generation)
    exchange = ticket.exchange
  }

  /// The same for the ingest desk.
  var ofPush: PushTicket {
    PushTicket(slot: connection.slot, generation: connection.generation, exchange: exchange)
  }
}

final class ConnectionTable {
  private var slots: [HTTPConnection?] = []
  private var generations: [UInt32] = []
  private var free: [UInt32] = []
  private(set) var count = 0

  /// Reserves the next name.
  func insert(_ make: (ConnectionID) -> HTTPConnection) -> HTTPConnection {
    let slot: UInt32
    if let reused = free.popLast() {
      slot = reused
    } else {
      slot = UInt32(slots.count)
      slots.append(nil)
      generations.append(0)
    }
    let connection = make(ConnectionID(slot: slot, generation: generations[Int(slot)]))
    slots[Int(slot)] = connection
    count += 1
    return connection
  }

  subscript(_ id: ConnectionID) -> HTTPConnection? {
    let slot = Int(id.slot)
    return slot < slots.count && generations[slot] == id.generation ? slots[slot] : nil
  }

  /// The connection that has the slot now.
  subscript(slot slot: UInt32) -> HTTPConnection? { Int(slot) < slots.count ? slots[Int(slot)] : nil }

  func remove(_ id: ConnectionID) {
    guard self[id] != nil else { return }
    slots[Int(id.slot)] = nil
    generations[Int(id.slot)] &+= 1
    free.append(id.slot)
    count -= 1
  }

  /// All connections there are now: a copy, so that what is done with them may change the table.
  var all: [HTTPConnection] { slots.compactMap { $0 } }
}
