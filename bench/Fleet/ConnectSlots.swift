/// Limits the number of handshakes at a time; the other collectors wait in a queue. The purpose of a run is to measure
/// pushes, and thousands of handshakes at once would only measure the server's backlog.
struct ConnectSlots {
  private let capacity: Int
  private var inUse = 0
  private var queue: [BenchCollector] = []
  private var head = 0

  init(capacity: Int) { self.capacity = capacity }

  mutating func enqueue(_ collector: BenchCollector) { queue.append(collector) }

  /// Returns a slot.
  mutating func release() {
    precondition(inUse > 0)
    inUse -= 1
  }

  /// Takes a slot and returns the next collector in the queue; nil if no slot is free or no collector waits.
  mutating func grant() -> BenchCollector? {
    guard inUse < capacity, head < queue.count else { return nil }
    defer {
      head += 1
      if head == queue.count {
        queue.removeAll(keepingCapacity: true)
        head = 0
      }
    }
    inUse += 1
    return queue[head]
  }
}
