// The one place where SQL is put together at run time: the writer's message (ledger, staged names, COPYs).
// What varies is a list of 128-bit digests and integers, printed as hex and decimal; nothing a client wrote gets in.

import Protocol

/// The pushes of one transaction and the message that stores them.
struct Batch {
  /// In the order of the ledger's ids; no id twice.
  let pushes: [Push]
  /// Pushes whose id another push of this batch has: repeats that arrived before the first was committed.
  let repeats: [Push]
  let message: String
  /// In which steps the server will answer the message.
  let steps: [CopyStateMachine.Step]

  /// Ledger ids go in sorted, so that two servers that write the same ids wait for one another instead of deadlocking;
  /// tables in one order in every transaction, for the same reason.
  init(_ gathered: [Push], targets: CopyTargets) {
    var pushes: [Push] = []
    var repeats: [Push] = []
    pushes.reserveCapacity(gathered.count)
    for push in gathered.sorted(by: { $0.id < $1.id }) {
      if let last = pushes.last, last.id == push.id { repeats.append(push) } else { pushes.append(push) }
    }

    var message = "INSERT INTO pganalytics.ingest_ledger(day,push_id,server_id) VALUES "
    for (index, push) in pushes.enumerated() {
      message += index > 0 ? ",(" : "("
      message += "date '2000-01-01'+\(push.day),'\(push.id)',\(push.serverID))"
    }
    message += " ON CONFLICT DO NOTHING RETURNING push_id;"

    var steps: [CopyStateMachine.Step] = []
    func isUsed(_ target: Int) -> Bool { pushes.contains { $0.byteCount(of: target) > 0 } }
    for dimension in targets.dimensions where isUsed(dimension.index) {
      message += dimension.copyStatement
      message += dimension.mergeStatement
      steps += [.copy(target: dimension.index), .statement]
    }
    for fact in targets.facts where isUsed(fact.index) {
      message += fact.copyStatement
      steps.append(.copy(target: fact.index))
    }
    if let pending = Self.pending(pushes) {
      message += pending
      steps.append(.statement)
    }
    self.pushes = pushes
    self.repeats = repeats
    self.message = message
    self.steps = steps
  }

  /// Notes what roll-ups will lack of each server once this is committed. A repeat is noted too: that costs a look.
  private static func pending(_ pushes: [Push]) -> String? {
    var times: [Int32: ClosedRange<Int64>] = [:]
    for push in pushes {
      guard let own = push.rows.times else { continue }
      let known = times[push.serverID] ?? own
      times[push.serverID] = min(known.lowerBound, own.lowerBound)...max(known.upperBound, own.upperBound)
    }
    if times.isEmpty { return nil }
    let values = times.sorted { $0.key < $1.key }.map { server, times in
      // Whole seconds: buckets begin with one.
      let first = Timestamp(word: times.lowerBound).unixMicroseconds / 1_000_000
      let last = Timestamp(word: times.upperBound).unixMicroseconds / 1_000_000
      return "(300,\(server),to_timestamp(\(first)),to_timestamp(\(last)))"
    }
    return "INSERT INTO pganalytics.rollup_pending(step_seconds,server_id,first_time,last_time) VALUES "
      + values.joined(separator: ",") + ";"
  }

  /// Everything that waits for its outcome.
  var all: [Push] { pushes + repeats }

  /// Whether all of it has been answered already: see `Push.isAnswered`.
  var isAnswered: Bool { pushes.allSatisfy(\.isAnswered) && repeats.allSatisfy(\.isAnswered) }

  /// How many of the steps are COPYs.
  var copies: Int {
    steps.reduce(0) { count, step in
      switch step {
      case .copy: count + 1
      case .statement: count
      }
    }
  }

  /// Where the push of `id` stands in `pushes`, which are sorted by it.
  func index(of id: UUID) -> Int? {
    var low = 0
    var high = pushes.count
    while low < high {
      let middle = (low + high) / 2
      if pushes[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low < pushes.count && pushes[low].id == id ? low : nil
  }

  /// The push that brought line `line` (1 and up) of the COPY into `target`, if the line can be found.
  func push(atLine line: Int, of target: Int, isNew: (Int) -> Bool) -> Push? {
    var last = 0
    for (index, push) in pushes.enumerated() where isNew(index) {
      last += push.rows.rowCount(of: target)
      if line <= last { return push }
    }
    return nil
  }
}
