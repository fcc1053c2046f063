// The table of registrations: slots that are reused last-in first-out, each with a generation. No function here calls
// or releases a handler. `remove` returns the handler to the caller, because a handler's deinit may use the loop and
// must not run during an access to this table.

/// A handler of readiness events. The loop holds it strongly from `register` to `deregister`.
public protocol EventHandler: AnyObject {
  /// Handles the readiness of the descriptor. The loop calls it at most once per turn for each registration.
  func ready(_ readiness: Readiness)
}

struct Registrations {
  private struct Slot {
    var handler: (any EventHandler)?
    var fd: CInt
    var generation: UInt32
    var interest: Interest
    /// While the slot is free: the next free slot, or `noSlot`.
    var nextFree: UInt32
  }

  /// The number that no slot has. The loop uses its key for the wake-up flag.
  static let noSlot = UInt32.max

  private var slots: [Slot] = []
  private var firstFree = noSlot
  private(set) var count = 0

  mutating func insert(_ fd: CInt, _ interest: Interest, _ handler: any EventHandler) -> Token {
    count += 1
    if firstFree == Self.noSlot {
      slots.append(Slot(handler: handler, fd: fd, generation: 0, interest: interest, nextFree: Self.noSlot))
      return Token(slot: UInt32(slots.count - 1), generation: 0)
    }
    let index = firstFree
    firstFree = slots[Int(index)].nextFree
    slots[Int(index)].handler = handler
    slots[Int(index)].fd = fd
    slots[Int(index)].interest = interest
    return Token(slot: index, generation: slots[Int(index)].generation)
  }

  /// Ends a registration and returns its descriptor and handler; nil if it has ended before.
  mutating func remove(_ token: Token) -> (fd: CInt, handler: any EventHandler)? {
    guard let index = index(of: token), let handler = slots[index].handler else { return nil }
    slots[index].handler = nil
    slots[index].generation &+= 1
    slots[index].nextFree = firstFree
    firstFree = token.slot
    count -= 1
    return (slots[index].fd, handler)
  }

  /// Empties the table. All tokens become stale.
  mutating func removeAll() -> [any EventHandler] {
    var handlers: [any EventHandler] = []
    for index in slots.indices {
      let token = Token(slot: UInt32(index), generation: slots[index].generation)
      if let (_, handler) = remove(token) { handlers.append(handler) }
    }
    return handlers
  }

  /// The slot of a live registration; nil if the registration has ended.
  func index(of token: Token) -> Int? {
    let index = Int(token.slot)
    guard index < slots.count, slots[index].generation == token.generation, slots[index].handler != nil else {
      return nil
    }
    return index
  }

  // The functions below take an `index` from `index(of:)`. No removal may come in between.

  func handler(at index: Int) -> any EventHandler { slots[index].handler! }
  func fd(at index: Int) -> CInt { slots[index].fd }
  func interest(at index: Int) -> Interest { slots[index].interest }
  mutating func setInterest(at index: Int, _ interest: Interest) { slots[index].interest = interest }
}
