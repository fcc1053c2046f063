// Which texts and objects the database has for certain, so that they need not be sent again.

/// A bounded set of the dimension rows that are committed. One for each loop.
///
/// Two generations: when the younger is full, the older is forgotten and the younger takes its place; what is asked
/// for moves to the younger one. Forgetting costs a repeated row in a later COPY, never a wrong one.
public struct KnownIDs: ~Copyable {
  private var young: IDSet
  private var old: IDSet
  private let generation: Int

  /// - Parameter capacity: how many ids are held at most; each costs at most 32 bytes.
  public init(capacity: Int) {
    precondition(capacity >= 2)
    generation = capacity / 2
    young = IDSet()
    old = IDSet()
  }

  public var count: Int { young.count + old.count }
  public var allocatedBytes: Int { young.allocatedBytes + old.allocatedBytes }

  /// Whether `id` is known; an old one becomes young.
  public mutating func contains(_ id: UInt64) -> Bool {
    if young.contains(id) { return true }
    if !old.contains(id) { return false }
    old.remove(id)
    insert(id)
    return true
  }

  /// To be called after the commit of the push that sent the id (`PushRows.pendingIDs`).
  public mutating func insert(_ id: UInt64) {
    if young.contains(id) { return }
    if young.count >= generation {
      swap(&young, &old)
      young.removeAll(keepingCapacityFor: generation)
    }
    old.remove(id)
    young.insert(id)
  }

  /// Forgets all: after the database was restored or replaced.
  public mutating func removeAll() {
    young.removeAll(keepingCapacityFor: 0)
    old.removeAll(keepingCapacityFor: 0)
  }
}
