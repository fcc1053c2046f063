// Queues pushes for a writer and forms batches. An idle writer takes everything that is queued; while it is busy the
// queue grows. So batches follow the database's own pace. The only timer is the optional linger.
//
// Each collector has a line of its own, and the lines take turns by deficit round robin (Shreedhar and Varghese 1995,
// "Efficient fair queueing using deficit round robin"). A turn adds credit to the line, so much that each of
// `batch_pushes` collectors could have a turn in one batch. A line keeps unused credit for its next turn and loses it
// when the line becomes empty. So a collector that floods the server, with many or with large pushes, delays only its
// own pushes, and the push of a quiet collector is in the next batch.

import Protocol
import Reactor

/// The queue of one writer. A collector's pushes always go to the same writer, so a retry never waits for its own first
/// try.
struct Batcher {
  /// The pushes of one collector, linked by `Push.next`; never empty.
  private struct Line {
    var first: Push
    var last: Push
    /// Credit that turns have added and pushes have not used, in the unit of `cost(_:)`.
    var deficit = 0
  }

  private var lines: [Int32: Line] = [:]
  /// Collectors in the order of their turns, from `head` on. Each collector with a line occurs once.
  private var turns: [Int32] = []
  private var head = 0
  private(set) var count = 0
  /// Pushes that may not be in a batch before a given time, because another transaction had their server's lock. There
  /// are few.
  private var aside: [(push: Push, until: MonotonicTime)] = []
  /// Bytes of the encoded rows in the queue.
  private(set) var queuedBytes = 0
  /// The deadline of every push in the queue is at or after this time.
  private var earliestDeadline: MonotonicTime?

  private var rowsMaximum: Int
  private var bytesMaximum: Int
  private var pushesMaximum: Int
  /// The credit that one turn adds.
  private var quantum: Int { max(1, bytesMaximum / pushesMaximum) }

  init(settings: Settings) {
    rowsMaximum = settings.batchRows
    bytesMaximum = settings.batchBytes
    pushesMaximum = settings.batchPushes
  }

  /// Applies changed settings to later batches. Lines keep the credit that they have under the old settings.
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

  /// Puts the pushes of a batch that was not stored back to the front, in their order, and returns the credit that they
  /// used.
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

  /// Keeps a push out of batches until `time`.
  mutating func setAside(_ push: Push, until time: MonotonicTime) {
    push.next = nil
    aside.append((push, time))
    note(push)
  }

  /// Whether `takeBatch` would return a push now.
  var hasReady: Bool { count > aside.count }

  /// The earliest time at which a push that is set aside may be in a batch again; nil if none is set aside.
  var nextReturn: MonotonicTime? { aside.lazy.map(\.until).min() }

  /// Moves pushes whose time has come to the front of their lines.
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

  /// The share of a batch that the push takes up, in bytes of a full batch: the larger of its share of the rows and of
  /// the bytes, and at least `quantum`.
  private func cost(_ push: Push) -> Int {
    let byRows = Int(Double(push.rows.rowCount) / Double(rowsMaximum) * Double(bytesMaximum))
    return max(quantum, push.encodedBytes, byRows)
  }

  /// Takes the pushes of the next transaction: at least one if any is ready, and no more than the settings allow.
  mutating func takeBatch() -> [Push] {
    var taken: [Push] = []
    var (rows, bytes) = (0, 0)
    var isFull = false
    while hasReady, !isFull {
      let collector = turns[head]
      // Safety: every collector in `turns` has a line.
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
        // The batch is full: the next batch continues this turn.
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

  /// Removes and returns every push whose deadline has passed.
  mutating func takeExpired(at now: MonotonicTime) -> [Push] {
    guard let earliestDeadline, earliestDeadline <= now else { return [] }
    return take { $0.deadline <= now }
  }

  /// Removes and returns every push for which `isWanted` holds. The lines of the other pushes keep their order and
  /// credit.
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

  /// Removes and returns every push.
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
