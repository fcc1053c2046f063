// Receives pushes: from an admitted head to the last byte of the body.
//
//   admit(head) ─▶ receive(bytes)* ─▶ finish ─▶ the ingest desk, which calls `release` in the end
//                       └────────────────┴─▶ giveBack, if the push is refused or its client goes away

import Ground
import Protocol
import Reactor

/// Admits and reads the pushes of one loop, and counts the memory that they hold. It is used on its loop only.
final class PushIntake {
  private(set) var admission: Admission
  /// The texts and objects that this loop knows to be stored.
  var known: KnownIDs
  /// The part that is called when fewer bytes are held than before.
  weak var answers: (any PushAnswering)?
  private let loop: EventLoop
  private let clock: LoopClock
  private let legacyLedger: LegacyLedger
  private let loops: Int
  private var pools: PushPools
  private var settings: Settings

  /// - Parameters:
  ///   - loops: the number of loops that share the limits of the settings.
  ///   - random: the source of the jitter of refusals.
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

  /// Uses `settings` from now on. Pushes that are being read keep the old ones.
  func apply(_ settings: Settings) {
    self.settings = settings
    admission.apply(settings, loops: loops)
    pools.apply(settings)
  }

  /// Admits a push. It reads only the head.
  /// - Parameter isDatabaseReachable: whether at least one writer of the loop is connected.
  /// - Returns: the push and its reader. The caller ends reading with `finish` or `giveBack`.
  /// - Throws: the reason of the refusal. Nothing is held then.
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

  /// Reads bytes of a body.
  /// - Throws: the reason of the refusal. The push still belongs to the caller.
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

  /// Checks the envelope of a complete body, and returns the reader to its pool.
  /// - Throws: the reason of the refusal. Push and reader still belong to the caller.
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

  /// Returns a push that is refused or not read to its end, and its reader. Their memory goes back to the pools and the
  /// budget.
  func giveBack(_ arriving: ArrivingPush) {
    pools.giveBack(arriving.reader)
    release(arriving.push)
  }

  /// Returns a finished push that has its outcome. Its memory goes back to the pools and the budget.
  func release(_ push: Push) {
    admission.release(push.heldBytes, announced: push.announcedBytes, serverID: push.serverID)
    pools.giveBack(push)
    answers?.memoryReleased()
  }

  /// Charges the collector of `push` for a body whose head did not announce its size.
  func charge(_ push: Push) {
    admission.charge(serverID: push.serverID, bytes: push.wireBytes, now: loop.now)
  }

  /// Updates the number of bytes that a push holds while it is being read.
  private func account(_ arriving: ArrivingPush) {
    let push = arriving.push
    let held = push.rows.allocatedBytes + arriving.reader.heldBytes
    if held == push.heldBytes { return }
    admission.hold(held - push.heldBytes, serverID: push.serverID)
    push.heldBytes = held
  }

  // MARK: Limits

  /// Whether pushes were refused for lack of memory since the last call.
  func takeMemoryRefusals() -> Bool { admission.takeMemoryRefusals() > 0 }

  /// Forgets collectors that have not pushed for a while. The lane calls it once a second.
  func sweep() { admission.sweep(now: loop.now) }

  /// Returns `seconds` plus up to a half more, so that clients that are refused together do not return together.
  func jittered(_ seconds: Int) -> Int { admission.jittered(seconds) }
}

extension Admission.Verdict {
  /// The problem that refuses the push; nil if it is admitted.
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
