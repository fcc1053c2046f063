/// Lets a limited number of collectors shake hands at a time; the others queue. A server is measured by its pushes, and
/// thousands of handshakes at once would only measure its backlog.
struct ConnectSlots {
  private let capacity: Int
  private var inUse = 0
  private var queue: [BenchCollector] = []
  private var head = 0

  init(capacity: Int) { self.capacity = capacity }

  mutating func enqueue(_ collector: BenchCollector) { queue.append(collector) }

  mutating func release() {
    precondition(inUse > 0)
    inUse -= 1
  }

  /// The next in the queue, if a slot is free, which is then taken.
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
