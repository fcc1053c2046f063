// Deadlines: a binary heap over reusable slots.
//
// Most deadlines are moved to a later time (a request came, so the idle time begins again), and few are reached. So
// moving a deadline to a later time only writes its slot, in O(1). Its heap entry keeps the old, earlier key, and is
// moved down when it comes to the top. An entry's key is therefore never later than the deadline in its slot. A timer
// wheel would also schedule in O(1), but it limits the resolution, and one queue holds both the writer's linger of 1 ms
// and idle limits of 75 s. With 20 000 timers a sift takes 15 steps.

/// Identifies one scheduled deadline. The id is stale once the deadline has been reached or cancelled. Stale ids are
/// ignored.
public struct TimerID: Hashable, Sendable {
  let slot: UInt32
  let generation: UInt32
}

/// A handler of deadlines. The loop holds it strongly until the deadline is reached or cancelled.
public protocol DeadlineHandler: AnyObject {
  /// Handles a reached deadline; called once. `id` is already stale. To go on, schedule a new deadline.
  func deadlineReached(_ id: TimerID)
}

struct Timers {
  private struct Slot {
    var handler: (any DeadlineHandler)?
    var deadline: MonotonicTime
    var generation: UInt32
    /// While scheduled: the index in `heap`. While free: the next free slot, or `noSlot`.
    var link: UInt32
  }

  private struct Entry {
    var key: MonotonicTime
    var slot: UInt32
  }

  private static let noSlot = UInt32.max

  private var slots: [Slot] = []
  private var heap: [Entry] = []
  private var firstFree = noSlot

  /// The number of scheduled deadlines.
  var count: Int { heap.count }

  mutating func schedule(_ handler: any DeadlineHandler, at deadline: MonotonicTime) -> TimerID {
    let slot: UInt32
    if firstFree == Self.noSlot {
      slot = UInt32(slots.count)
      slots.append(Slot(handler: handler, deadline: deadline, generation: 0, link: 0))
    } else {
      slot = firstFree
      firstFree = slots[Int(slot)].link
      slots[Int(slot)].handler = handler
      slots[Int(slot)].deadline = deadline
    }
    heap.append(Entry(key: deadline, slot: slot))
    siftUp(from: heap.count - 1)
    return TimerID(slot: slot, generation: slots[Int(slot)].generation)
  }

  /// - Returns: false if `id` is stale. Nothing is scheduled then.
  mutating func reschedule(_ id: TimerID, at deadline: MonotonicTime) -> Bool {
    guard isArmed(id) else { return false }
    slots[Int(id.slot)].deadline = deadline
    let position = Int(slots[Int(id.slot)].link)
    if deadline < heap[position].key {
      heap[position].key = deadline
      siftUp(from: position)
    }
    return true
  }

  /// - Returns: the handler, which the caller releases after this access; nil if `id` is stale.
  mutating func cancel(_ id: TimerID) -> (any DeadlineHandler)? {
    guard isArmed(id) else { return nil }
    return remove(at: Int(slots[Int(id.slot)].link)).handler
  }

  mutating func removeAll() -> [any DeadlineHandler] {
    var handlers: [any DeadlineHandler] = []
    while !heap.isEmpty { handlers.append(remove(at: heap.count - 1).handler) }
    return handlers
  }

  /// The earliest deadline; nil if there is none.
  mutating func nextDeadline() -> MonotonicTime? {
    settleTop()
    return heap.first?.key
  }

  /// Takes the earliest deadline if it is not later than `now`.
  mutating func takeDue(_ now: MonotonicTime) -> (id: TimerID, handler: any DeadlineHandler)? {
    guard let earliest = nextDeadline(), earliest <= now else { return nil }
    return remove(at: 0)
  }

  private func isArmed(_ id: TimerID) -> Bool {
    let index = Int(id.slot)
    return index < slots.count && slots[index].generation == id.generation && slots[index].handler != nil
  }

  /// Moves entries down whose deadline is later than their key, until the top entry has the earliest deadline.
  private mutating func settleTop() {
    while let top = heap.first, top.key < slots[Int(top.slot)].deadline {
      heap[0].key = slots[Int(top.slot)].deadline
      siftDown(from: 0)
    }
  }

  private mutating func remove(at position: Int) -> (id: TimerID, handler: any DeadlineHandler) {
    let slot = heap[position].slot
    let last = heap.removeLast()
    if position < heap.count {
      heap[position] = last
      siftDown(from: position)
      siftUp(from: Int(slots[Int(last.slot)].link))
    }
    let id = TimerID(slot: slot, generation: slots[Int(slot)].generation)
    let handler = slots[Int(slot)].handler!
    slots[Int(slot)].handler = nil
    slots[Int(slot)].generation &+= 1
    slots[Int(slot)].link = firstFree
    firstFree = slot
    return (id, handler)
  }

  private mutating func siftUp(from start: Int) {
    let entry = heap[start]
    var position = start
    while position > 0 {
      let parent = (position - 1) / 2
      if heap[parent].key <= entry.key { break }
      place(heap[parent], at: position)
      position = parent
    }
    place(entry, at: position)
  }

  private mutating func siftDown(from start: Int) {
    let entry = heap[start]
    var position = start
    while true {
      var child = 2 * position + 1
      if child >= heap.count { break }
      if child + 1 < heap.count, heap[child + 1].key < heap[child].key { child += 1 }
      if entry.key <= heap[child].key { break }
      place(heap[child], at: position)
      position = child
    }
    place(entry, at: position)
  }

  private mutating func place(_ entry: Entry, at position: Int) {
    heap[position] = entry
    slots[Int(entry.slot)].link = UInt32(position)
  }
}
