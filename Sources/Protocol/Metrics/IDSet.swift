// A set of 64-bit ids without one heap object per entry. It uses open addressing with linear probing, and is at most
// half full.

/// A growable set of 64-bit values. The place of a value depends on a random number that each set draws, so a client
/// cannot choose values that collide. No result depends on that number.
struct IDSet: ~Copyable {
  private var slots: UnsafeMutableBufferPointer<UInt64>
  private var shift: UInt64 = 64
  private var hasZero = false
  private let multiplier = UInt64.random(in: .min ... .max) | 1
  private(set) var count = 0

  /// - Parameter capacity: the number of entries for which memory is allocated at once.
  init(capacity: Int = 0) {
    slots = .init(start: nil, count: 0)
    if capacity > 0 { resize(to: Self.slotCount(for: capacity)) }
  }

  deinit { slots.deallocate() }

  var allocatedBytes: Int { slots.count * 8 }

  private static func slotCount(for capacity: Int) -> Int {
    var count = 16
    while count < capacity * 2 { count *= 2 }
    return count
  }

  @inline(__always)
  private func home(_ value: UInt64) -> Int { Int(truncatingIfNeeded: (value &* multiplier) >> shift) }

  /// The slot of `value`, or the free slot for it.
  /// - Precondition: the set has slots, and at least one is free.
  @inline(__always)
  private func find(_ value: UInt64) -> Int {
    let mask = slots.count - 1
    var index = home(value)
    while slots[index] != value, slots[index] != 0 { index = (index + 1) & mask }
    return index
  }

  func contains(_ value: UInt64) -> Bool {
    if value == 0 { return hasZero }
    return count > 0 && slots.count > 0 && slots[find(value)] == value
  }

  /// - Returns: whether `value` is new.
  @discardableResult
  mutating func insert(_ value: UInt64) -> Bool {
    if value == 0 {
      if hasZero { return false }
      hasZero = true
      count += 1
      return true
    }
    if (count + 1) * 2 > slots.count { resize(to: max(16, slots.count * 2)) }
    let index = find(value)
    if slots[index] == value { return false }
    slots[index] = value
    count += 1
    return true
  }

  mutating func remove(_ value: UInt64) {
    guard contains(value) else { return }
    count -= 1
    if value == 0 {
      hasZero = false
      return
    }
    // A search stops at a free slot. So each later entry of the run whose search would pass the gap is moved into it.
    let mask = slots.count - 1
    var gap = find(value)
    var index = (gap + 1) & mask
    while slots[index] != 0 {
      if (index - home(slots[index])) & mask >= (index - gap) & mask {
        slots[gap] = slots[index]
        gap = index
      }
      index = (index + 1) & mask
    }
    slots[gap] = 0
  }

  /// Removes all entries.
  /// - Parameter capacity: memory for more entries than this is freed.
  mutating func removeAll(keepingCapacityFor capacity: Int) {
    if slots.count > Self.slotCount(for: capacity) {
      slots.deallocate()
      slots = .init(start: nil, count: 0)
      shift = 64
    } else if count > 0 {
      slots.update(repeating: 0)
    }
    hasZero = false
    count = 0
  }

  private mutating func resize(to newCount: Int) {
    let old = slots
    slots = .allocate(capacity: newCount)
    slots.initialize(repeating: 0)
    shift = UInt64(64 - newCount.trailingZeroBitCount)
    for value in old where value != 0 { slots[find(value)] = value }
    old.deallocate()
  }
}
