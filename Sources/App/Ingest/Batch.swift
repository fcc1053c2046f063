// Builds the writer's message (ledger, staged names, COPYs). This is the only place that assembles SQL at run time. The
// variable parts are 128-bit digests and integers, printed as hex and decimal; no text from a client enters the SQL.

import Protocol

/// The pushes of one transaction and the message that stores them.
struct Batch {
  /// Sorted by id, which is the order of the ledger; each id occurs once.
  let pushes: [Push]
  /// Pushes with the same id and key as another push of this batch: the repeat arrived before the first was committed.
  let repeats: [Push]
  /// Pushes that have to wait for a later batch, in their order. Each follows a push of the same server and has the
  /// same first metric or the same key, or both pushes have log lines.
  let later: [Push]
  let message: String
  /// The meaning of each of the message's first results, in their order.
  let ledgerAnswers: [PushLedger.Answer]
  /// The steps in which PostgreSQL answers the message.
  let steps: [CopyStateMachine.Step]

  /// Every transaction writes tables in the same order, so that two transactions wait for each other instead of
  /// deadlocking.
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

  /// A first metric, a key or log lines of a server. Only one push of a transaction may have each of them, because the
  /// statements do not see what the same transaction enters for another push.
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

  /// The statement that records for which servers and times roll-ups are missing once this batch is committed. Pushes
  /// that the ledger knows already are included, because the ledger answers only after this statement is written. Such
  /// a push costs the roll-up one look-up.
  private static func pending(_ pushes: [Push]) -> String? {
    var times: [Int32: ClosedRange<Int64>] = [:]
    for push in pushes {
      guard let own = push.rows.times else { continue }
      let known = times[push.serverID] ?? own
      times[push.serverID] = min(known.lowerBound, own.lowerBound)...max(known.upperBound, own.upperBound)
    }
    if times.isEmpty { return nil }
    let values = times.sorted { $0.key < $1.key }.map { server, times in
      // Whole seconds suffice: each bucket begins at a whole second.
      let first = Timestamp(word: times.lowerBound).unixMicroseconds / 1_000_000
      let last = Timestamp(word: times.upperBound).unixMicroseconds / 1_000_000
      return "(300,\(server),to_timestamp(\(first)),to_timestamp(\(last)))"
    }
    return "INSERT INTO pganalytics.rollup_pending(step_seconds,server_id,first_time,last_time) VALUES "
      + values.joined(separator: ",") + ";"
  }

  /// Every push that waits for the outcome of this batch.
  var all: [Push] { pushes + repeats }

  /// Whether every push has been answered already, see `Push.isAnswered`.
  var isAnswered: Bool { pushes.allSatisfy(\.isAnswered) && repeats.allSatisfy(\.isAnswered) }

  /// The number of steps that are COPYs.
  var copies: Int {
    steps.reduce(0) { count, step in
      switch step {
      case .copy: count + 1
      case .statement: count
      }
    }
  }

  /// The position of the push with `id` in `pushes`, which are sorted by id.
  func index(of id: UUID) -> Int? {
    var low = 0
    var high = pushes.count
    while low < high {
      let middle = (low + high) / 2
      if pushes[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low < pushes.count && pushes[low].id == id ? low : nil
  }

  /// The push whose row is line `line` (counted from 1) of the COPY into `target`, or nil if there is no such line.
  func push(atLine line: Int, of target: Int, isNew: (Int) -> Bool) -> Push? {
    var last = 0
    for (index, push) in pushes.enumerated() where isNew(index) {
      last += push.newRows(of: target)
      if line <= last { return push }
    }
    return nil
  }
}
