// The one place where SQL is put together at run time: the writer's message (ledger, staged names, COPYs).
// What varies is a list of 128-bit digests and integers, printed as hex and decimal; nothing a client wrote gets in.

import Protocol

/// The pushes of one transaction and the message that stores them.
struct Batch {
  /// In the order of the ledger's ids; no id twice.
  let pushes: [Push]
  /// Pushes that say the same as another of this batch, id and key: repeats that arrived before the first was committed.
  let repeats: [Push]
  /// Pushes that begin as another one of this batch does, have its key, or have log lines beside it: for a batch after this one, in their order.
  let later: [Push]
  let message: String
  /// What the first results of the message are.
  let ledgerAnswers: [PushLedger.Answer]
  /// In which steps the server will answer the message.
  let steps: [CopyStateMachine.Step]

  /// Tables are written in one order in every transaction, so that two that meet wait for one another instead of deadlocking.
  init(_ gathered: [Push], targets: CopyTargets) {
    let (pushes, repeats, later) = Self.divided(gathered)
    var (message, ledgerAnswers) = PushLedger.message(of: pushes)
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
    self.later = later
    self.ledgerAnswers = ledgerAnswers
    self.message = message
    self.steps = steps
  }

  /// What pushes of one server must not have in common within a transaction: none of them sees what another enters.
  private struct Claim: Hashable {
    let serverID: Int32
    /// A first metric, a key, or `logLines`.
    let subject: UUID

    static let logLines = UUID(high: 0, low: 1)
  }

  private static func divided(_ gathered: [Push]) -> (pushes: [Push], repeats: [Push], later: [Push]) {
    if gathered.count == 1 { return (gathered, [], []) }
    var (pushes, repeats, later): ([Push], [Push], [Push]) = ([], [], [])
    pushes.reserveCapacity(gathered.count)
    var claims: [Claim: (push: Push, isLater: Bool)] = [:]
    for push in gathered {
      let beginning = Claim(serverID: push.serverID, subject: UUID(high: UInt64(bitPattern: push.head), low: 0))
      let key = push.key.map { Claim(serverID: push.serverID, subject: $0) }
      let lines = push.rows.logLists.isEmpty ? nil : Claim(serverID: push.serverID, subject: Claim.logLines)
      let other = claims[beginning] ?? key.flatMap { claims[$0] } ?? lines.flatMap { claims[$0] }
      if let other, !other.isLater, other.push.id == push.id, other.push.key == push.key {
        repeats.append(push)
        continue
      }
      for claim in [beginning, key ?? beginning, lines ?? beginning] where claims[claim] == nil {
        claims[claim] = (push, other != nil)
      }
      if other == nil { pushes.append(push) } else { later.append(push) }
    }
    pushes.sort { $0.id < $1.id }
    return (pushes, repeats, later)
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
      last += push.newRows(of: target)
      if line <= last { return push }
    }
    return nil
  }
}
