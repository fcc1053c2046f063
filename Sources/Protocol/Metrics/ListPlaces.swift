// How often each identity occurred in the list that is being read, without a heap object per entry and without clearing
// between lists: an entry is worth something only in the list that it names.

/// Occurrences by identity, of one list at a time. Open addressing, linear probing, at most half full.
struct ListPlaces: ~Copyable {
  struct Entry: BitwiseCopyable {
    fileprivate var identity: UInt64 = 0
    fileprivate var list: UInt32 = 0
    /// 1: the first of its list.
    fileprivate(set) var place: UInt32 = 0
    /// Where the tuple of the first one begins, if whoever added it said so; -1: there is none.
    var offset = -1
  }

  private var entries: UnsafeMutableBufferPointer<Entry>
  private var shift: UInt64 = 64
  private var list: UInt32 = 0
  private var count = 0
  /// As in `IDSet`: nobody outside can choose identities that collide.
  private let multiplier = UInt64.random(in: .min ... .max) | 1

  init() { entries = .init(start: nil, count: 0) }
  deinit { entries.deallocate() }

  var allocatedBytes: Int { entries.count * MemoryLayout<Entry>.stride }

  /// Gives back the room for more entries than `capacity`.
  mutating func shrink(to capacity: Int) {
    if entries.count > 4 * capacity {
      entries.deallocate()
      entries = .init(start: nil, count: 0)
      shift = 64
    }
  }

  mutating func beginList() {
    count = 0
    if list == .max {
      // Once in four billion lists: the numbers begin anew, and no old entry may seem to be of a new list.
      for index in entries.indices { entries[index].list = 0 }
      list = 0
    }
    list += 1
  }

  /// Notes one more occurrence of `identity`. - Returns: the index of its entry, valid until the next call.
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

  /// Moves the tuples that begin behind `offset`.
  mutating func move(behind offset: Int, by distance: Int) {
    for index in entries.indices where entries[index].list == list && entries[index].offset > offset {
      entries[index].offset += distance
    }
  }

  /// The entry of `identity`, or the free one where it belongs. - Precondition: there is a free one.
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
