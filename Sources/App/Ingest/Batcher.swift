// Pushes waiting for a writer, and natural batching: an idle writer takes all that is queued, a busy one lets the queue
// grow. No timer makes a batch (but the optional linger): the database's own pace does.
//
// Each collector has a line of its own, and the lines take turns by deficit round robin (Shreedhar and Varghese 1995,
// "Efficient fair queueing using deficit round robin"): a turn is worth so much of a batch that each of `batch_pushes`
// collectors could have one, what a turn does not use is kept for the next, a line that empties loses it. So one that floods,
// with many pushes or with large ones, waits for itself, and a quiet collector's push is in the next batch.

import Protocol
import Reactor

/// The queue of one writer. A collector always meets the same writer, so a retry never waits for its own first try.
struct Batcher {
  /// The pushes of one collector, linked by `Push.next`; never empty.
  private struct Line {
    var first: Push
    var last: Push
    /// What its turns have earned and it has not used, as of `cost`.
    var deficit = 0
  }

  private var lines: [Int32: Line] = [:]
  /// Whose turn it is, and who comes then: each collector that has a line, once.
  private var turns: [Int32] = []
  private var head = 0
  private(set) var count = 0
  /// Pushes that wait for a time before they may be in a batch. Few: one that could not have its server's lock.
  private var aside: [(push: Push, until: MonotonicTime)] = []
  /// Rows waiting, in encoded bytes.
  private(set) var queuedBytes = 0
  /// No push in here has an earlier deadline.
  private var earliestDeadline: MonotonicTime?

  private var rowsMaximum: Int
  private var bytesMaximum: Int
  private var pushesMaximum: Int
  /// What a turn is worth.
  private var quantum: Int { max(1, bytesMaximum / pushesMaximum) }

  init(settings: Settings) {
    rowsMaximum = settings.batchRows
    bytesMaximum = settings.batchBytes
    pushesMaximum = settings.batchPushes
  }

  /// Follows the settings, for batches to come. What lines have earned by the old ones they keep.
  mutating func apply(_ settings: Settings) {
    rowsMaximum = settings.batchRows
    bytesMaximum = settings.batchBytes
    pushesMaximum = settings.batchPushes
  }

  var isEmpty: Bool { count == 0 }

  mutating func append(_ push: Push) {
    push.next = nil
    if var line = lines[push.serverID] {
      line.last.next = push
      line.last = push
      lines[push.serverID] = line
    } else {
      lines[push.serverID] = Line(first: push, last: push)
      turns.append(push.serverID)
    }
    note(push)
  }

  /// Puts pushes of a batch that was not stored back to the front, in their order, with the turns they had used.
  mutating func putBack(_ pushes: [Push]) {
    for push in pushes.reversed() {
      push.next = lines[push.serverID]?.first
      var line = lines[push.serverID] ?? Line(first: push, last: push)
      line.first = push
      line.deficit += cost(push)
      lines[push.serverID] = line
      note(push)
    }
    var placed: Set<Int32> = []
    turns = (pushes.map(\.serverID) + turns[head...]).filter { placed.insert($0).inserted }
    head = 0
  }

  /// Keeps a push out of batches for a while.
  mutating func setAside(_ push: Push, until time: MonotonicTime) {
    push.next = nil
    aside.append((push, time))
    note(push)
  }

  /// Whether a batch could be taken now.
  var hasReady: Bool { count > aside.count }

  /// When the first push that is set aside may be in a batch again; nil if there is none.
  var nextReturn: MonotonicTime? { aside.lazy.map(\.until).min() }

  /// Puts pushes whose time has come to the front.
  mutating func returnAside(at now: MonotonicTime) {
    if aside.isEmpty { return }
    let returning = aside.filter { $0.until <= now }.map(\.push)
    aside.removeAll { $0.until <= now }
    count -= returning.count
    for push in returning { queuedBytes -= push.encodedBytes }
    putBack(returning)
  }

  private mutating func note(_ push: Push) {
    count += 1
    queuedBytes += push.encodedBytes
    earliestDeadline = earliestDeadline.map { min($0, push.deadline) } ?? push.deadline
  }

  /// How much of a batch the push takes up, by whichever cap it uses most, in bytes of a full batch.
  private func cost(_ push: Push) -> Int {
    let byRows = Int(Double(push.rows.rowCount) / Double(rowsMaximum) * Double(bytesMaximum))
    return max(quantum, push.encodedBytes, byRows)
  }

  /// Takes what the next transaction should hold: at least one push if there is any, and no more than the caps allow.
  mutating func takeBatch() -> [Push] {
    var taken: [Push] = []
    var (rows, bytes) = (0, 0)
    var isFull = false
    while hasReady, !isFull {
      let collector = turns[head]
      // Safety: who has a turn has a line.
      var line = lines[collector]!
      line.deficit += quantum
      var next: Push? = line.first
      while let push = next, cost(push) <= line.deficit {
        let fits = rows + push.rows.rowCount <= rowsMaximum && bytes + push.encodedBytes <= bytesMaximum
        if !taken.isEmpty, !fits { isFull = true }
        if isFull { break }
        line.deficit -= cost(push)
        next = push.next
        push.next = nil
        taken.append(push)
        rows += push.rows.rowCount
        bytes += push.encodedBytes
        count -= 1
        isFull = taken.count == pushesMaximum
      }
      if let next {
        line.first = next
        // A turn that the batch cut short goes on in the next one.
        if isFull { line.deficit -= quantum }
        lines[collector] = line
        if !isFull { moveOn(keeping: collector) }
      } else {
        lines[collector] = nil
        moveOn(keeping: nil)
      }
    }
    queuedBytes -= bytes
    if count == 0 { earliestDeadline = nil }
    return taken
  }

  private mutating func moveOn(keeping collector: Int32?) {
    head += 1
    if let collector { turns.append(collector) }
    if head == turns.count {
      turns.removeAll(keepingCapacity: true)
      head = 0
    } else if head > 1024, head * 2 > turns.count {
      turns.removeFirst(head)
      head = 0
    }
  }

  /// Takes every push whose deadline has passed.
  mutating func takeExpired(at now: MonotonicTime) -> [Push] {
    guard let earliestDeadline, earliestDeadline <= now else { return [] }
    return take { $0.deadline <= now }
  }

  /// Takes every push for which `isWanted` holds; the lines of the others stay as they were.
  mutating func take(where isWanted: (Push) -> Bool) -> [Push] {
    var taken: [Push] = []
    var kept: [Push] = []
    for push in all() { if isWanted(push) { taken.append(push) } else { kept.append(push) } }
    taken += aside.map(\.push).filter(isWanted)
    if taken.isEmpty {
      earliestDeadline = (kept + aside.map(\.push)).lazy.map(\.deadline).min()
      return []
    }
    let keptAside = aside.filter { !isWanted($0.push) }
    let deficits = lines.mapValues(\.deficit)
    let order = turns[head...]
    (lines, turns, head, count, queuedBytes, earliestDeadline, aside) = ([:], [], 0, 0, 0, nil, [])
    for push in kept { append(push) }
    for (push, time) in keptAside { setAside(push, until: time) }
    turns = order.filter { lines[$0] != nil }
    for (collector, deficit) in deficits { lines[collector]?.deficit = deficit }
    for push in taken { push.next = nil }
    return taken
  }

  /// Takes every push, whatever the caps.
  mutating func takeAll() -> [Push] {
    let pushes = all() + aside.map(\.push)
    lines.removeAll()
    (turns, head, count, queuedBytes, earliestDeadline, aside) = ([], 0, 0, 0, nil, [])
    return pushes
  }

  private func all() -> [Push] {
    var pushes: [Push] = []
    for collector in turns[head...] {
      var next = lines[collector]?.first
      while let push = next {
        pushes.append(push)
        next = push.next
      }
    }
    return pushes
  }
}
