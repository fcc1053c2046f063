// Pushes waiting for a writer, and natural batching: an idle writer takes all that is queued, a busy one lets the queue
// grow. No timer makes a batch (but the optional linger): the database's own pace does.

import Protocol
import Reactor

/// The queue of one writer. A collector always meets the same writer, so a retry never waits for its own first try.
struct Batcher {
  private var queue: [Push] = []
  private var head = 0
  /// Rows waiting, in encoded bytes.
  private(set) var queuedBytes = 0

  private let rowsMaximum: Int
  private let bytesMaximum: Int
  private let pushesMaximum: Int

  init(settings: Settings) {
    rowsMaximum = settings.batchRows
    bytesMaximum = settings.batchBytes
    pushesMaximum = settings.batchPushes
  }

  var isEmpty: Bool { head == queue.count }
  var count: Int { queue.count - head }
  /// The push that has waited longest.
  var oldest: Push? { isEmpty ? nil : queue[head] }

  mutating func append(_ push: Push) {
    queue.append(push)
    queuedBytes += push.encodedBytes
  }

  /// Puts pushes of a batch that was not stored back to the front, in their order.
  mutating func putBack(_ pushes: [Push]) {
    queue.replaceSubrange(0..<head, with: pushes)
    head = 0
    for push in pushes { queuedBytes += push.encodedBytes }
  }

  /// Takes what the next transaction should hold: at least one push if there is any, and no more than the caps allow.
  mutating func takeBatch() -> [Push] {
    var taken: [Push] = []
    var rows = 0
    var bytes = 0
    while head < queue.count, taken.count < pushesMaximum {
      let push = queue[head]
      if !taken.isEmpty {
        if push.mustTravelAlone || rows + push.rows.rowCount > rowsMaximum { break }
        if bytes + push.encodedBytes > bytesMaximum { break }
      }
      taken.append(push)
      rows += push.rows.rowCount
      bytes += push.encodedBytes
      head += 1
      if push.mustTravelAlone { break }
    }
    queuedBytes -= bytes
    if head == queue.count {
      queue.removeAll(keepingCapacity: true)
      head = 0
    } else if head > 1024, head * 2 > queue.count {
      queue.removeFirst(head)
      head = 0
    }
    return taken
  }

  /// Takes every push whose deadline has passed.
  mutating func takeExpired(at now: MonotonicTime) -> [Push] {
    guard queue[head...].contains(where: { $0.deadline <= now }) else { return [] }
    let expired = queue[head...].filter { $0.deadline <= now }
    queue = queue[head...].filter { $0.deadline > now }
    head = 0
    for push in expired { queuedBytes -= push.encodedBytes }
    return expired
  }
}
