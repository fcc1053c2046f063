// Holds the connections of one loop by slot and generation. An ID whose connection has ended finds nothing.

/// Identifies a connection of one loop across callbacks and threads.
struct ConnectionID: Hashable, Sendable {
  /// The index in the table.
  let slot: UInt32
  /// The number of connections that had the slot before.
  let generation: UInt32
}

/// Identifies a request of a connection, so that a late answer reaches neither another connection nor another request.
struct Ticket: Equatable, Sendable {
  let connection: ConnectionID
  let exchange: UInt32
}

extension Ticket {
  init(_ ticket: PushTicket) {
    connection = ConnectionID(slot: ticket.slot, generation: ticket.generation)
    exchange = ticket.exchange
  }

  /// The same ticket in the form that the ingest desk takes.
  var ofPush: PushTicket {
    PushTicket(slot: connection.slot, generation: connection.generation, exchange: exchange)
  }
}

/// The connections of one loop. It is used on that loop only.
final class ConnectionTable {
  private var slots: [HTTPConnection?] = []
  private var generations: [UInt32] = []
  private var free: [UInt32] = []
  private(set) var count = 0

  /// Assigns an ID and stores the connection that `make` returns for it.
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

  /// The connection with this ID; nil if it has ended.
  subscript(_ id: ConnectionID) -> HTTPConnection? {
    let slot = Int(id.slot)
    return slot < slots.count && generations[slot] == id.generation ? slots[slot] : nil
  }

  /// The connection that has the slot now; nil if the slot is free.
  subscript(slot slot: UInt32) -> HTTPConnection? { Int(slot) < slots.count ? slots[Int(slot)] : nil }

  /// Removes a connection. Does nothing if it is already removed.
  func remove(_ id: ConnectionID) {
    guard self[id] != nil else { return }
    slots[Int(id.slot)] = nil
    generations[Int(id.slot)] &+= 1
    free.append(id.slot)
    count -= 1
  }

  /// All connections in the table. The array is a copy, so the caller may add and remove connections while it uses the
  /// array.
  var all: [HTTPConnection] { slots.compactMap { $0 } }
}
