// Who hears about which descriptor: a slab of slots, reused last-in first-out, each with a generation.
// Nothing here calls a handler or lets one die: `remove` hands it to the caller, so that a handler's deinit, which may
// well use the loop, never runs inside an access to this table.

/// Hears that its descriptor is ready. The loop holds it strongly from `register` to `deregister`.
public protocol EventHandler: AnyObject {
  /// Called at most once a turn for each registration.
  func ready(_ readiness: Readiness)
}

struct Registrations {
  private struct Slot {
    var handler: (any EventHandler)?
    var fd: CInt
    var generation: UInt32
    var interest: Interest
    /// Meaningful while free: the next free slot, or `noSlot`.
    var nextFree: UInt32
  }

  /// Never a slot's number; its key is free for the loop's own wake-up flag.
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

  /// The registration's descriptor and handler, or nil if it is gone.
  mutating func remove(_ token: Token) -> (fd: CInt, handler: any EventHandler)? {
    guard let index = index(of: token), let handler = slots[index].handler else { return nil }
    slots[index].handler = nil
    slots[index].generation &+= 1
    slots[index].nextFree = firstFree
    firstFree = token.slot
    count -= 1
    return (slots[index].fd, handler)
  }

  /// Empties the table. Every token given out is stale from here on.
  mutating func removeAll() -> [any EventHandler] {
    var handlers: [any EventHandler] = []
    for index in slots.indices {
      let token = Token(slot: UInt32(index), generation: slots[index].generation)
      if let (_, handler) = remove(token) { handlers.append(handler) }
    }
    return handlers
  }

  /// The live slot `token` names, or nil if it is gone.
  func index(of token: Token) -> Int? {
    let index = Int(token.slot)
    guard index < slots.count, slots[index].generation == token.generation, slots[index].handler != nil else {
      return nil
    }
    return index
  }

  // `index` in the following is what `index(of:)` returned, with no removal in between.

  func handler(at index: Int) -> any EventHandler { slots[index].handler! }
  func fd(at index: Int) -> CInt { slots[index].fd }
  func interest(at index: Int) -> Interest { slots[index].interest }
  mutating func setInterest(at index: Int, _ interest: Interest) { slots[index].interest = interest }
}
