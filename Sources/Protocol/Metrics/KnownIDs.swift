// The ids of texts and objects that are certainly in the database, so that pushes need not send these rows again.

/// A bounded set of ids whose rows in `texts` and `objects` are committed. Each event loop has one.
///
/// The set has two generations. When the younger one is full, the older one is dropped and the younger one takes its
/// place. A look-up moves an id to the younger one. If the set loses an id, a later COPY only sends a row again that is
/// already stored.
public struct KnownIDs: ~Copyable {
  private var young: IDSet
  private var old: IDSet
  private let generation: Int

  /// Makes an empty set.
  /// - Parameter capacity: the most ids in the set. Each takes at most 32 bytes.
  public init(capacity: Int) {
    precondition(capacity >= 2)
    generation = capacity / 2
    young = IDSet()
    old = IDSet()
  }

  /// The number of ids in the set.
  public var count: Int { young.count + old.count }
  /// Bytes of memory held.
  public var allocatedBytes: Int { young.allocatedBytes + old.allocatedBytes }

  /// Whether the set has `id`. If it has, `id` moves to the younger generation.
  public mutating func contains(_ id: UInt64) -> Bool {
    if young.contains(id) { return true }
    if !old.contains(id) { return false }
    old.remove(id)
    insert(id)
    return true
  }

  /// Adds an id. Call it only after the commit of the push that sent the id's row (`PushRows.pendingIDs`).
  public mutating func insert(_ id: UInt64) {
    if young.contains(id) { return }
    if young.count >= generation {
      swap(&young, &old)
      young.removeAll(keepingCapacityFor: generation)
    }
    old.remove(id)
    young.insert(id)
  }

  /// Removes all ids. Call it after the database was restored or replaced.
  public mutating func removeAll() {
    young.removeAll(keepingCapacityFor: 0)
    old.removeAll(keepingCapacityFor: 0)
  }
}
