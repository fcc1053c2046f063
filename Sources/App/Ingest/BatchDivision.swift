// Chooses the pushes that a writer stores next, and finds out whether a collector's rows or a table are at fault when
// PostgreSQL refuses a batch for a lasting reason. Sans I/O: the writer reports the end of each batch and carries out
// the verdicts.
//
//   a batch of the queue --refused--> the same batch again --refused--> halves, then push by push, until one is alone
//   the error names a line of a COPY: the push that contains the line is alone at once
//   alone --refused, another push with rows for the same table commits, refused again--> parked
//   alone, and no such push commits within `witness_wait`--> parked if one did since its first refusal, else 503
//   pushes of two collectors alone, and neither has such a witness--> the table is at fault, and both pushes get 503
//
// Parts of a divided batch and batches of the queue take turns, so that a division delays nobody else. Meanwhile pushes
// for a suspected table are held back until one of them commits. Pushes for a table at fault are refused at once,
// except for one per `refusal_probe`, which probes the table. A collector whose push was refused alone gets batches of
// its own until one of them commits.

import Protocol
import Reactor

struct BatchDivision {
  /// A batch that does not come from the queue.
  private struct Trial {
    enum Kind {
      /// A whole batch that was refused once and is tried a second time.
      case again
      /// A part of a batch that is being divided.
      case part
      /// One push that was refused alone before, or whose collector gets batches of its own.
      case alone
      /// One push that probes a table at fault.
      case probe
    }

    var pushes: [Push]
    let kind: Kind
  }

  /// A place that refused every push that was tried.
  private struct Fault {
    var refusal: Refusal
    /// Collectors refused alone, by server id. They get batches of their own if the place takes another's push.
    var suspects: Set<Int32>
    /// From this time on pushes for the place are admitted as usual, and may be refused and divided again.
    let until: MonotonicTime
    var nextProbe: MonotonicTime
  }

  /// A push that was refused alone while it is unknown whether the push or the place is at fault.
  private struct Undecided {
    let push: Push
    let until: MonotonicTime
  }

  enum Verdict {
    /// PostgreSQL refuses this push and takes others for the same table.
    case park(Push)
    /// The push is not stored for this reason. Nothing proves that the push itself is at fault.
    case refuse(Push, Refusal)
    /// A place refuses the rows of every collector. Sent at the beginning of the fault and again while it lasts.
    case fault(Refusal)
    /// The push's commit deadline has passed.
    case expire(Push)
  }

  private var queue: Batcher
  private var trials: [Trial] = []
  private var inFlight: Trial?
  /// Whether the next batch is a trial, if there is one.
  private var isTrialDue = false
  /// Pushes with rows for places under suspicion.
  private var held: [Push] = []
  private var undecided: [Undecided] = []
  /// Collectors that get batches of their own, by server id.
  private var loners: Set<Int32> = []
  private var faults: [BatchPlace: Fault] = [:]
  /// The number of the latest refusal or commit. Numbers rise, so they tell which came first.
  private var sequence = 0
  /// For each place, the number of the latest commit with rows for it. Kept only while something is suspected.
  private var commits: [BatchPlace: Int] = [:]
  private var settings: Settings

  init(settings: Settings) {
    self.settings = settings
    queue = Batcher(settings: settings)
  }

  mutating func apply(_ settings: Settings) {
    self.settings = settings
    queue.apply(settings)
  }

  // MARK: Waiting pushes

  var count: Int { queue.count + trials.reduce(0) { $0 + $1.pushes.count } + held.count + undecided.count }
  var isEmpty: Bool { count == 0 }
  /// Whether `takeBatch` would return a push.
  var hasBatch: Bool { queue.hasReady || !trials.isEmpty }
  /// Whether the batch in flight is a trial.
  var isTrial: Bool { inFlight != nil }
  /// Whether a batch could grow if the writer waited.
  var mayGrow: Bool { trials.isEmpty && queue.count < settings.batchPushes }

  /// Bytes of the encoded rows that wait.
  var queuedBytes: Int {
    func bytes(_ pushes: [Push]) -> Int { pushes.reduce(0) { $0 + $1.encodedBytes } }
    return queue.queuedBytes + trials.reduce(0) { $0 + bytes($1.pushes) } + bytes(held) + bytes(undecided.map(\.push))
  }

  /// Whether nothing is suspected, so that every push takes the normal way through the queue.
  private var isQuiet: Bool {
    trials.isEmpty && held.isEmpty && undecided.isEmpty && loners.isEmpty && faults.isEmpty && inFlight == nil
  }

  /// Queues a push. - Returns: the reason if the push is not taken because it has rows for a place at fault.
  mutating func submit(_ push: Push, at now: MonotonicTime) -> Refusal? {
    if isQuiet {
      queue.append(push)
      return nil
    }
    let places = faults.keys.filter(push.touches).sorted()
    for place in places {
      if let fault = faults[place], fault.nextProbe > now { return fault.refusal }
    }
    if places.isEmpty {
      admit(push)
    } else {
      for place in places { faults[place]?.nextProbe = now + settings.refusalProbe }
      trials.append(Trial(pushes: [push], kind: .probe))
    }
    return nil
  }

  private mutating func admit(_ push: Push) {
    if loners.contains(push.serverID) {
      trials.append(Trial(pushes: [push], kind: .alone))
    } else if suspected.contains(where: push.touches) {
      held.append(push)
    } else {
      queue.append(push)
    }
  }

  /// Takes the pushes of the next transaction. `committed`, `refused`, `putBack` or `left` reports its end.
  mutating func takeBatch() -> [Push] {
    let isTrial = !trials.isEmpty && (isTrialDue || !queue.hasReady)
    isTrialDue = !isTrial
    inFlight = isTrial ? trials.removeFirst() : nil
    return inFlight?.pushes ?? queue.takeBatch()
  }

  /// The batch was not stored for a reason outside of it: the same pushes are sent again.
  mutating func putBack(_ pushes: [Push]) {
    if let trial = inFlight {
      trials.insert(Trial(pushes: pushes, kind: trial.kind), at: 0)
    } else {
      queue.putBack(pushes)
    }
    inFlight = nil
  }

  /// Returns the verdicts on pushes that have waited long enough: for a commit, or for a witness.
  mutating func expire(at now: MonotonicTime) -> [Verdict] {
    var verdicts = queue.takeExpired(at: now).map(Verdict.expire)
    if isQuiet { return verdicts }
    for index in trials.indices { verdicts += trials[index].pushes.take { $0.deadline <= now }.map(Verdict.expire) }
    trials.removeAll { $0.pushes.isEmpty }
    verdicts += held.take { $0.deadline <= now }.map(Verdict.expire)
    if undecided.contains(where: { $0.until <= now }) {
      conclude(now, isFinal: true, &verdicts)
      for push in undecided.take(where: { $0.until <= now }).map(\.push) {
        guard let suspicion = push.suspicion else { preconditionFailure("undecided without being suspected") }
        isolate(push.serverID)
        let isProven = uncovered(push, since: suspicion.since).isEmpty
        verdicts.append(isProven ? .park(push) : .refuse(push, suspicion.refusal))
      }
    }
    faults = faults.filter { $0.value.until > now }
    release()
    return verdicts
  }

  /// Puts pushes of the batch just taken back to the front of the queue, for the next batch.
  mutating func keep(_ pushes: [Push]) { if !pushes.isEmpty { queue.putBack(pushes) } }

  /// Keeps a push out of batches until `time`.
  mutating func setAside(_ push: Push, until time: MonotonicTime) { queue.setAside(push, until: time) }

  /// The earliest time at which a push that is set aside may be in a batch again; nil if none is set aside.
  var nextReturn: MonotonicTime? { queue.nextReturn }

  /// Moves pushes whose time has come to the front.
  mutating func returnAside(at now: MonotonicTime) { queue.returnAside(at: now) }

  /// The writer abandons the session of the batch in flight: nothing reports the end of that batch.
  mutating func left() { inFlight = nil }

  /// Removes and returns every push that waits; the writer closes.
  mutating func takeAll() -> [Push] {
    let pushes = queue.takeAll() + trials.flatMap(\.pushes) + held + undecided.map(\.push)
    trials.removeAll()
    held.removeAll()
    undecided.removeAll()
    return pushes
  }

  // MARK: The end of a batch

  /// The batch was committed.
  /// - Parameter isNew: whether the ledger entered the push at this index as new; rows of the others were not sent.
  /// - Returns: the refusals of places that were at fault and take rows again.
  mutating func committed(_ pushes: [Push], isNew: (Int) -> Bool) -> [Refusal] {
    if isQuiet { return [] }
    inFlight = nil
    sequence += 1
    var mended: [Refusal] = []
    for (index, push) in pushes.enumerated() where isNew(index) {
      for place in [.everywhere] + push.tables {
        commits[place] = sequence
        guard let fault = faults.removeValue(forKey: place) else { continue }
        for server in fault.suspects.sorted() { isolate(server) }
        if !mended.contains(fault.refusal) { mended.append(fault.refusal) }
      }
    }
    for (index, push) in pushes.enumerated() where isNew(index) { loners.remove(push.serverID) }
    let commits = commits
    let witnessed = undecided.take { waiting in
      guard let suspicion = waiting.push.suspicion else { return true }
      return suspicion.places.allSatisfy { commits[$0] ?? 0 > suspicion.sinceAlone ?? suspicion.since }
    }
    trials += witnessed.map { Trial(pushes: [$0.push], kind: .alone) }
    release()
    return mended
  }

  /// PostgreSQL refused the batch for a reason that lasts.
  /// - Parameters:
  ///   - refusal: the part of `error` that answers and logs may contain.
  ///   - place: the place that refused the batch; nil if the error does not tell.
  ///   - traced: the push that contains the row named by the error; nil if the error names none.
  mutating func refused(
    _ pushes: [Push], _ error: DatabaseError, _ refusal: Refusal, at place: BatchPlace?, traced: Push?,
    now: MonotonicTime
  ) -> [Verdict] {
    sequence += 1
    let trial = inFlight
    inFlight = nil
    // No push of the batch has rows for that place, so the place explains nothing.
    let place = place.flatMap { place in pushes.contains { $0.touches(place) } ? place : nil }
    let suspects = pushes.filter { push in place.map(push.touches) ?? true }
    for push in suspects {
      push.wasRefused(error, refusal, at: place, isAlone: pushes.count == 1, number: sequence)
    }
    var verdicts: [Verdict] = []
    switch trial?.kind {
    case .probe:
      if let place { faults[place]?.refusal = refusal }
      verdicts.append(.refuse(pushes[0], refusal))
    case .alone: judge(pushes[0], now, &verdicts)
    case nil where pushes.count > 1:
      isTrialDue = true
      guard let traced else {
        trials.insert(Trial(pushes: pushes, kind: .again), at: 0)
        break
      }
      split(pushes.filter { $0 !== traced }, [traced])
    case nil, .again, .part:
      queue.putBack(pushes.filter { push in !suspects.contains { $0 === push } })
      if suspects.count == 1 {
        judge(suspects[0], now, &verdicts)
      } else if let place, faults[place] != nil {
        // A batch was divided for this place a moment ago without finding a guilty push.
        faults[place]?.nextProbe = now + settings.refusalProbe
        verdicts = suspects.map { .refuse($0, refusal) } + [.fault(refusal)]
        refuseAll(&verdicts)
      } else {
        split(Array(suspects[..<(suspects.count / 2)]), Array(suspects[(suspects.count / 2)...]))
      }
    }
    conclude(now, isFinal: false, &verdicts)
    release()
    return verdicts
  }

  /// Queues the two parts as the next trials, and holds back queued pushes for the places that the parts make suspect.
  private mutating func split(_ first: [Push], _ second: [Push]) {
    trials.insert(contentsOf: [Trial(pushes: first, kind: .part), Trial(pushes: second, kind: .part)], at: 0)
    let places = suspected
    if !places.isEmpty { held += queue.take { push in places.contains(where: push.touches) } }
  }

  /// A push was refused alone, or as the only one of its batch with rows for the place.
  private mutating func judge(_ push: Push, _ now: MonotonicTime, _ verdicts: inout [Verdict]) {
    guard let suspicion = push.suspicion else { preconditionFailure("refused without being suspected") }
    let hasWitness = uncovered(push).isEmpty
    if suspicion.refusals < 2 || suspicion.refusalsAlone < (hasWitness ? 2 : 1) {
      trials.append(Trial(pushes: [push], kind: .alone))
    } else if hasWitness {
      isolate(push.serverID)
      verdicts.append(.park(push))
    } else {
      undecided.append(Undecided(push: push, until: min(now + settings.witnessWait, push.deadline)))
    }
  }

  /// Once nothing is left to divide, declares a place at fault if pushes of several collectors were refused alone for
  /// it and the place took no other push. - Parameter isFinal: whether the place may have taken other pushes before
  /// these were refused alone.
  private mutating func conclude(_ now: MonotonicTime, isFinal: Bool, _ verdicts: inout [Verdict]) {
    if undecided.count < 2 || isDividing { return }
    var unexplained = undecided.map(\.push).filter { !loners.contains($0.serverID) }
    var isFound = false
    // The places that explain most refusals come first. Where errors name no table, each push is suspected for all
    // tables it has rows for.
    while true {
      var refused: [BatchPlace: Set<Int32>] = [:]
      for push in unexplained {
        for place in uncovered(push, since: isFinal ? nil : push.suspicion?.since) {
          refused[place, default: []].insert(push.serverID)
        }
      }
      let most = refused.values.map(\.count).max() ?? 0
      if most < 2 { break }
      for (place, suspects) in refused.sorted(by: { $0.key < $1.key }) where suspects.count == most {
        let refusal = unexplained.lazy.compactMap(\.suspicion).first { $0.places.contains(place) }?.refusal
        guard let refusal else { preconditionFailure("a place is suspected by nobody") }
        faults[place] = Fault(
          refusal: refusal, suspects: suspects, until: now + settings.divisionRest,
          nextProbe: now + settings.refusalProbe)
        if !isFound { verdicts.append(.fault(refusal)) }
        isFound = true
      }
      unexplained.removeAll { push in uncovered(push).contains { faults[$0] != nil } }
    }
    if isFound { refuseAll(&verdicts) }
  }

  /// Refuses every waiting push that has rows for a place at fault.
  private mutating func refuseAll(_ verdicts: inout [Verdict]) {
    let places = faults.keys.sorted()
    func fault(_ push: Push) -> Refusal? { places.first(where: push.touches).flatMap { faults[$0]?.refusal } }
    let waiting =
      undecided.take { fault($0.push) != nil }.map(\.push) + held.take { fault($0) != nil }
      + queue.take { fault($0) != nil }
    for push in waiting {
      if let refusal = push.suspicion?.refusal ?? fault(push) { verdicts.append(.refuse(push, refusal)) }
    }
  }

  /// Gives each push of the collector a batch of its own, until one of them commits.
  private mutating func isolate(_ serverID: Int32) {
    loners.insert(serverID)
    let own = queue.take { $0.serverID == serverID } + held.take { $0.serverID == serverID }
    trials += own.map { Trial(pushes: [$0], kind: .alone) }
  }

  // MARK: Suspicion

  private var isDividing: Bool {
    trials.contains { trial in
      switch trial.kind {
      case .again, .part: true
      case .alone, .probe: false
      }
    }
  }

  /// The places that may have refused the push and took no other push's rows since its first refusal alone, or since
  /// its first refusal if it was never alone. - Parameter since: the number of the refusal to count from instead.
  private func uncovered(_ push: Push, since: Int? = nil) -> [BatchPlace] {
    guard let suspicion = push.suspicion else { return [] }
    let first = since ?? suspicion.sinceAlone ?? suspicion.since
    return suspicion.places.filter { commits[$0] ?? 0 <= first }
  }

  private var suspected: Set<BatchPlace> {
    var places: Set<BatchPlace> = []
    for trial in trials {
      switch trial.kind {
      case .part: for push in trial.pushes { places.formUnion(uncovered(push)) }
      case .again, .alone, .probe: break
      }
    }
    return places
  }

  /// Admits held pushes whose places are no longer suspected.
  private mutating func release() {
    if held.isEmpty { return }
    let places = suspected
    for push in held.take(where: { push in !places.contains(where: push.touches) }) { admit(push) }
  }
}

extension Array {
  /// Removes the elements for which `isWanted` holds, and returns them; both keep their order.
  fileprivate mutating func take(where isWanted: (Element) -> Bool) -> [Element] {
    let taken = filter(isWanted)
    if !taken.isEmpty { removeAll(where: isWanted) }
    return taken
  }
}
