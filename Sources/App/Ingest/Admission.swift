// Admission of a push from its head, before a body byte is read: refusing must be cheaper than accepting.
//
//   held bytes   0 ......... pause_bytes ......... bytes_in_flight (both shared out among the loops)
//                accept      accept, pause reads   503 + Retry-After

import Glibc
import Protocol
import Reactor

/// What one loop may hold and what each collector may send. Owned by the intake.
struct Admission {
  enum Verdict: Equatable {
    case admitted
    /// 429: this collector sends too much.
    case throttled(reason: String, retryAfterSeconds: Int)
    /// 503: we cannot take more, whoever sends it.
    case overloaded(reason: String, retryAfterSeconds: Int)
    /// 503: no writer has a database.
    case databaseAway(retryAfterSeconds: Int)
  }

  /// The loop's share of the settings.
  struct Limits {
    let hardMark: Int
    let softMark: Int
    let collectorMark: Int
    let pushesPerSecond: Double
    let pushesBurst: Double
    let bytesPerSecond: Double
    let bytesBurst: Double

    init(_ settings: Settings, loops: Int) {
      hardMark = settings.bytesInFlight / loops
      softMark = min(settings.pauseBytes, settings.bytesInFlight) / loops
      collectorMark = settings.collectorBytesInFlight
      pushesPerSecond = Double(settings.pushesPerMinute) / 60
      pushesBurst = Double(settings.pushesPerMinute)
      bytesPerSecond = Double(settings.pushBytesPerSecond)
      // A collector that was cut off comes back with all it has: one whole body is never over the rate.
      bytesBurst = max(bytesPerSecond * 10, Double(settings.bodyBytes))
    }
  }

  private struct Allowance {
    var pushes: TokenBucket
    var bytes: TokenBucket
    /// Bytes that the loop holds of this collector, and those that its open pushes have announced.
    var held = 0
    var announced = 0
  }

  private var limits: Limits
  private var allowances: [Int32: Allowance] = [:]
  /// Bytes of bodies, rows and windows that the loop holds now.
  private(set) var heldBytes = 0
  /// Refusals for want of memory since they were last asked for.
  private var memoryRefusals = 0
  private var random: QuickRandom

  init(settings: Settings, loops: Int, random: QuickRandom = QuickRandom()) {
    self.random = random
    limits = Limits(settings, loops: loops)
  }

  /// Follows the settings. What is held already stays, whatever it is.
  mutating func apply(_ settings: Settings, loops: Int) { limits = Limits(settings, loops: loops) }

  /// - Parameters:
  ///   - contentLength: of the body on the wire; 0 where the head does not tell.
  ///   - isDatabaseReachable: at least one writer of the loop is connected.
  mutating func admit(
    serverID: Int32, contentLength: Int, isDatabaseReachable: Bool, now: MonotonicTime
  ) -> Verdict {
    if !isDatabaseReachable { return .databaseAway(retryAfterSeconds: jittered(10)) }
    if heldBytes + contentLength > limits.hardMark { return refuseForMemory() }
    var allowance =
      allowances[serverID]
      ?? Allowance(
        pushes: TokenBucket(burst: limits.pushesBurst, now: now), bytes: TokenBucket(burst: limits.bytesBurst, now: now)
      )
    defer { allowances[serverID] = allowance }
    // The first push may be as large as it likes; what a collector sends beside it may not crowd out the others.
    let underway = allowance.held + allowance.announced
    if underway > 0, underway + contentLength > limits.collectorMark {
      return .throttled(reason: "collector_bytes_in_flight", retryAfterSeconds: jittered(1))
    }
    if let wait = allowance.bytes.take(
      Double(contentLength), perSecond: limits.bytesPerSecond, burst: limits.bytesBurst, now: now)
    {
      return .throttled(reason: "push_bytes_per_second", retryAfterSeconds: seconds(wait))
    }
    if let wait = allowance.pushes.take(1, perSecond: limits.pushesPerSecond, burst: limits.pushesBurst, now: now) {
      return .throttled(reason: "pushes_per_minute", retryAfterSeconds: seconds(wait))
    }
    allowance.announced += contentLength
    return .admitted
  }

  /// Judges a push that is being read: by how much it grows while it is inflated, no head tells.
  mutating func judgeGrowth() -> Verdict { heldBytes > limits.hardMark ? refuseForMemory() : .admitted }

  private mutating func refuseForMemory() -> Verdict {
    memoryRefusals += 1
    return .overloaded(
      reason: "the server holds as much as it may (bytes_in_flight)", retryAfterSeconds: jittered(5))
  }

  mutating func takeMemoryRefusals() -> Int {
    defer { memoryRefusals = 0 }
    return memoryRefusals
  }

  /// Charges bytes that the head did not announce (a chunked body).
  mutating func charge(serverID: Int32, bytes: Int, now: MonotonicTime) {
    _ = allowances[serverID]?.bytes.take(
      Double(bytes), perSecond: limits.bytesPerSecond, burst: limits.bytesBurst, now: now)
  }

  /// - Parameter bytes: how many more are held of an admitted push; negative for fewer.
  mutating func hold(_ bytes: Int, serverID: Int32) {
    heldBytes += bytes
    allowances[serverID]?.held += bytes
  }

  /// An admitted push has ended.
  mutating func release(_ bytes: Int, announced: Int, serverID: Int32) {
    hold(-bytes, serverID: serverID)
    allowances[serverID]?.announced -= announced
    precondition(heldBytes >= 0, "released more than was held")
  }

  /// Whether there is little room left, if any.
  var isNearlyFull: Bool { heldBytes > limits.hardMark / 4 * 3 }

  /// Bytes held of the collector that has most of them here.
  var largestHeldBytes: Int { allowances.values.reduce(0) { max($0, $1.held) } }

  /// Whether bodies should stop being read until something is released.
  var isPressed: Bool { heldBytes > limits.softMark }
  /// Whether reading may go on after a pause: a quarter lower, so that it does not flutter.
  var isRelieved: Bool { heldBytes < limits.softMark / 4 * 3 }

  /// Forgets collectors that have been quiet; called now and then.
  mutating func sweep(now: MonotonicTime) {
    allowances = allowances.filter {
      $0.value.held > 0 || $0.value.announced > 0
        || !$0.value.pushes.isFull(perSecond: limits.pushesPerSecond, burst: limits.pushesBurst, now: now)
        || !$0.value.bytes.isFull(perSecond: limits.bytesPerSecond, burst: limits.bytesBurst, now: now)
    }
  }

  private mutating func seconds(_ wait: Duration) -> Int {
    jittered(max(1, Int(wait.wholeNanoseconds / 1_000_000_000) + 1))
  }

  /// Up to half more, so that those refused together do not come back together.
  mutating func jittered(_ seconds: Int) -> Int { seconds + Int.random(in: 0...max(1, seconds / 2), using: &random) }
}
