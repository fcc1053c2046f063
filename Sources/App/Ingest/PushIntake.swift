// The taking in of pushes, from an admitted head to the last byte of the body.
//
//   admit(head) ─▶ receive(bytes)* ─▶ finish ─▶ the ingest desk, which calls `release` in the end
//                       └────────────────┴─▶ giveBack, where the push is refused or its client goes away

import Ground
import Protocol
import Reactor

/// What one loop holds of pushes, and what it needs to read them.
final class PushIntake {
  private(set) var admission: Admission
  /// Texts and objects that this loop knows to be stored.
  var known: KnownIDs
  /// Called when less is held than before.
  weak var answers: (any PushAnswering)?
  private let loop: EventLoop
  private let clock: LoopClock
  private let legacyLedger: LegacyLedger
  private let loops: Int
  private var pools: PushPools
  private var settings: Settings

  /// - Parameters:
  ///   - loops: how many loops share the limits of the settings.
  ///   - random: for the jitter of refusals.
  init(
    loop: EventLoop, clock: LoopClock, settings: Settings, catalog: CompiledCatalog, legacyLedger: LegacyLedger,
    loops: Int, random: QuickRandom
  ) {
    self.loop = loop
    self.clock = clock
    self.settings = settings
    self.legacyLedger = legacyLedger
    self.loops = loops
    admission = Admission(settings: settings, loops: loops, random: random)
    known = KnownIDs(capacity: settings.knownIDs)
    pools = PushPools(settings: settings, catalog: catalog, clock: { [loop] in loop.readClock() })
  }

  func apply(_ settings: Settings) {
    self.settings = settings
    admission.apply(settings, loops: loops)
    pools.apply(settings)
  }

  /// Admits a push by its head alone.
  /// - Parameter isDatabaseReachable: at least one writer of the loop is connected.
  /// - Returns: the push and its reader. The caller ends reading by `finish` or `giveBack`.
  func admit(
    _ record: CollectorRecord, _ head: HTTPRequestHead, isDatabaseReachable: Bool
  ) throws(Problem) -> ArrivingPush {
    if head.count(named: "idempotency-key") > 1 {
      throw Problem(.malformedRequest, "Idempotency-Key is there more than once")
    }
    if head.contentCoding == .unsupported {
      throw Problem(.unsupportedContentCoding, "gzip and identity are supported")
    }
    var length = 0
    if case .length(let announced) = head.framing { length = announced }
    if length > settings.bodyBytes { throw Problem(.bodyTooLarge, "body_bytes is \(settings.bodyBytes)") }
    let verdict = admission.admit(
      serverID: record.serverID, contentLength: length, isDatabaseReachable: isDatabaseReachable, now: loop.now)
    if let problem = verdict.problem { throw problem }
    let arriving = pools.take()
    let push = arriving.push
    push.collectorID = record.id
    push.serverID = record.serverID
    push.isSuccession = record.hasPredecessors
    push.announcedBytes = length
    push.configVersion = record.configVersion
    push.startedAt = loop.now
    let now = clock.unixMicroseconds
    let oldest = now - settings.retention.wholeNanoseconds / 1000
    let newest = now + settings.clockSkew.wholeNanoseconds / 1000
    arriving.reader.begin(
      serverID: record.serverID, timeWindow: oldest...newest, isLegacyRead: legacyLedger.isRead)
    return arriving
  }

  /// Takes body bytes as they come. - Throws: why the push is refused; it is still the caller's.
  func receive(_ bytes: Span<UInt8>, of arriving: ArrivingPush) throws(Problem) {
    do throws(PushRefusal) {
      let begun = loop.readClock()
      try arriving.reader.receive(bytes, into: arriving.push, known: &known)
      arriving.push.decodeTime += loop.readClock() - begun
    } catch {
      throw Problem(error)
    }
    account(arriving)
    if let problem = admission.judgeGrowth().problem { throw problem }
  }

  /// The body is complete: checks the envelope, and gives the reader back.
  /// - Throws: why the push is refused; push and reader are still the caller's.
  func finish(_ arriving: ArrivingPush, _ head: HTTPRequestHead) throws(PushRefusal) {
    let begun = loop.readClock()
    let push = arriving.push
    let key = head.first(named: "idempotency-key").map { Array($0) }
    try arriving.reader.finish(key: key, into: push, known: &known)
    guard push.summary.collectorID.flatMap({ UUID($0) }) == push.collectorID else { throw .foreignCollector }
    account(arriving)
    pools.giveBack(arriving.reader)
    push.receivedAt = loop.readClock()
    push.decodeTime += push.receivedAt - begun
  }

  /// A push is not read to its end, or is refused at it: its memory goes back to the pools and the budget.
  func giveBack(_ arriving: ArrivingPush) {
    pools.giveBack(arriving.reader)
    release(arriving.push)
  }

  /// A push that was finished has its outcome: likewise.
  func release(_ push: Push) {
    admission.release(push.heldBytes, announced: push.announcedBytes, serverID: push.serverID)
    pools.giveBack(push)
    answers?.memoryReleased()
  }

  /// Charges the collector of `push` for a body whose head did not announce its size.
  func charge(_ push: Push) {
    admission.charge(serverID: push.serverID, bytes: push.wireBytes, now: loop.now)
  }

  /// Updates what a push in reading holds.
  private func account(_ arriving: ArrivingPush) {
    let push = arriving.push
    let held = push.rows.allocatedBytes + arriving.reader.heldBytes
    if held == push.heldBytes { return }
    admission.hold(held - push.heldBytes, serverID: push.serverID)
    push.heldBytes = held
  }

  // MARK: Limits

  /// Whether pushes were refused for want of memory since this was last asked.
  func takeMemoryRefusals() -> Bool { admission.takeMemoryRefusals() > 0 }

  /// Forgets collectors that have been quiet. Called once a second.
  func sweep() { admission.sweep(now: loop.now) }

  /// Up to half more than `seconds`, so that clients that are refused together do not come back together.
  func jittered(_ seconds: Int) -> Int { admission.jittered(seconds) }
}

extension Admission.Verdict {
  /// What a push that is not admitted is refused with.
  fileprivate var problem: Problem? {
    switch self {
    case .admitted: nil
    case .throttled(let limit, let seconds): Problem(.rateLimited, limit, retryAfterSeconds: seconds)
    case .overloaded(let reason, let seconds): Problem(.overloaded, reason, retryAfterSeconds: seconds)
    case .databaseAway(let seconds):
      Problem(.databaseUnavailable, "the push was not read", retryAfterSeconds: seconds)
    }
  }
}
