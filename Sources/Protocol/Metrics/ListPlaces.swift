// Counts how often each identity occurs in the list that is being read. There is no heap object per entry, and entries
// are not cleared between lists: each entry holds the number of its list, and entries of other lists don't count.

/// The occurrences of identities in one list at a time. It uses open addressing with linear probing, and is at most
/// half full.
struct ListPlaces: ~Copyable {
  struct Entry: BitwiseCopyable {
    fileprivate var identity: UInt64 = 0
    fileprivate var list: UInt32 = 0
    /// The number of occurrences so far in the list.
    fileprivate(set) var place: UInt32 = 0
    /// The offset of the tuple of the first occurrence, if the caller has set it; else -1.
    var offset = -1
  }

  private var entries: UnsafeMutableBufferPointer<Entry>
  private var shift: UInt64 = 64
  private var list: UInt32 = 0
  private var count = 0
  /// A random number, as in `IDSet`, so that a client cannot choose identities that collide.
  private let multiplier = UInt64.random(in: .min ... .max) | 1

  init() { entries = .init(start: nil, count: 0) }
  deinit { entries.deallocate() }

  var allocatedBytes: Int { entries.count * MemoryLayout<Entry>.stride }

  /// Frees the memory if it has room for many more entries than `capacity`.
  mutating func shrink(to capacity: Int) {
    if entries.count > 4 * capacity {
      entries.deallocate()
      entries = .init(start: nil, count: 0)
      shift = 64
    }
  }

  /// Begins a new list.
  mutating func beginList() {
    count = 0
    if list == .max {
      // After four billion lists the numbers begin anew. The entries are cleared, so that none of them seems to belong
      // to a new list.
      for index in entries.indices { entries[index].list = 0 }
      list = 0
    }
    list += 1
  }

  /// Counts one more occurrence of `identity`.
  /// - Returns: the index of its entry, valid until the next call.
  @inline(__always)
  mutating func add(_ identity: UInt64) -> Int {
    if (count + 1) * 2 > entries.count { grow() }
    let index = find(identity)
    if entries[index].list == list {
      entries[index].place += 1
    } else {
      entries[index] = Entry(identity: identity, list: list, place: 1)
      count += 1
    }
    return index
  }

  subscript(index: Int) -> Entry {
    get { entries[index] }
    set { entries[index] = newValue }
  }

  /// Adds `distance` to the offsets of this list's tuples that begin after `offset`.
  mutating func move(behind offset: Int, by distance: Int) {
    for index in entries.indices where entries[index].list == list && entries[index].offset > offset {
      entries[index].offset += distance
    }
  }

  /// The entry of `identity`, or the free entry for it.
  /// - Precondition: at least one entry is free.
  @inline(__always)
  private func find(_ identity: UInt64) -> Int {
    let mask = entries.count - 1
    var index = Int(truncatingIfNeeded: (identity &* multiplier) >> shift)
    while entries[index].list == list, entries[index].identity != identity { index = (index + 1) & mask }
    return index
  }

  private mutating func grow() {
    let old = entries
    let size = max(64, old.count * 2)
    entries = .allocate(capacity: size)
    entries.initialize(repeating: Entry())
    shift = UInt64(64 - size.trailingZeroBitCount)
    for entry in old where entry.list == list && list > 0 { entries[find(entry.identity)] = entry }
    old.deallocate()
  }
}
