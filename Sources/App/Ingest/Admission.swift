// Decides from a push's head, before any byte of the body is read, whether the server takes the push. Refusing must
// cost less than accepting.
//
//   held bytes   0 ......... pause_bytes ......... bytes_in_flight (both shared out among the loops)
//                accept      accept, pause reads   503 + Retry-After

import Glibc
import Ground
import Protocol
import Reactor

/// The bytes that one loop may hold and the rate at which each collector may send. `PushIntake` owns it.
struct Admission {
  /// The decision on one push. `reason` goes into the answer; the seconds go into `Retry-After`.
  enum Verdict: Equatable {
    case admitted
    /// 429: this collector sends too much.
    case throttled(reason: String, retryAfterSeconds: Int)
    /// 503: the loop has no room for more, whichever collector sends it.
    case overloaded(reason: String, retryAfterSeconds: Int)
    /// 503: no writer of the loop has a connection to the database.
    case databaseAway(retryAfterSeconds: Int)
  }

  /// The loop's share of the settings. Marks are in bytes.
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
      // A collector that could not reach the server for a while sends everything that it has gathered. One body of the
      // maximum size never exceeds the rate.
      bytesBurst = max(bytesPerSecond * 10, Double(settings.bodyBytes))
    }
  }

  /// What the loop remembers about the pushes of one collector.
  private struct Allowance {
    var pushes: TokenBucket<MonotonicTime>
    var bytes: TokenBucket<MonotonicTime>
    /// The bytes that the loop holds of this collector's pushes, and the bytes that the heads of its unfinished pushes
    /// have announced.
    var held = 0
    var announced = 0
  }

  private var limits: Limits
  private var allowances: [Int32: Allowance] = [:]
  /// Bytes of bodies, rows and windows that the loop holds now.
  private(set) var heldBytes = 0
  /// Refusals for lack of memory since the last call of `takeMemoryRefusals`.
  private var memoryRefusals = 0
  private var random: QuickRandom

  init(settings: Settings, loops: Int, random: QuickRandom = QuickRandom()) {
    self.random = random
    limits = Limits(settings, loops: loops)
  }

  /// Applies changed settings. Bytes that the loop holds already stay, even above the new marks.
  mutating func apply(_ settings: Settings, loops: Int) { limits = Limits(settings, loops: loops) }

  /// Decides on a push, and books its announced bytes if it is admitted.
  /// - Parameters:
  ///   - contentLength: bytes of the body on the wire; 0 if the head does not state them.
  ///   - isDatabaseReachable: whether at least one writer of the loop is connected.
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
    // A collector's first push may have any size. Further pushes beside it may not take the room of other collectors.
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

  /// Judges a push while its body arrives. The head does not state how much the body grows when it is inflated.
  mutating func judgeGrowth() -> Verdict { heldBytes > limits.hardMark ? refuseForMemory() : .admitted }

  private mutating func refuseForMemory() -> Verdict {
    memoryRefusals += 1
    return .overloaded(
      reason: "the server holds as many bytes as it may (bytes_in_flight)", retryAfterSeconds: jittered(5))
  }

  /// Returns the number of refusals for lack of memory since the last call, and resets it.
  mutating func takeMemoryRefusals() -> Int {
    defer { memoryRefusals = 0 }
    return memoryRefusals
  }

  /// Counts bytes against the collector's rate that the head did not announce (a chunked body).
  mutating func charge(serverID: Int32, bytes: Int, now: MonotonicTime) {
    _ = allowances[serverID]?.bytes.take(
      Double(bytes), perSecond: limits.bytesPerSecond, burst: limits.bytesBurst, now: now)
  }

  /// Books bytes of an admitted push.
  /// - Parameter bytes: by how many bytes the held amount grows; negative if it shrinks.
  mutating func hold(_ bytes: Int, serverID: Int32) {
    heldBytes += bytes
    allowances[serverID]?.held += bytes
  }

  /// Returns the bytes of an admitted push that has ended.
  mutating func release(_ bytes: Int, announced: Int, serverID: Int32) {
    hold(-bytes, serverID: serverID)
    allowances[serverID]?.announced -= announced
    precondition(heldBytes >= 0, "released more than was held")
  }

  /// Whether more than three quarters of the allowed bytes are held.
  var isNearlyFull: Bool { heldBytes > limits.hardMark / 4 * 3 }

  /// The largest number of bytes that the loop holds for one collector.
  var largestHeldBytes: Int { allowances.values.reduce(0) { max($0, $1.held) } }

  /// Whether the loop should stop reading bodies until bytes are released.
  var isPressed: Bool { heldBytes > limits.softMark }
  /// Whether reading may resume after a pause. The mark is a quarter lower than that of `isPressed`, so that the state
  /// does not flip with each push.
  var isRelieved: Bool { heldBytes < limits.softMark / 4 * 3 }

  /// Drops the accounts of idle collectors. The lane calls it periodically.
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

  /// Adds up to half of `seconds`, so that clients refused together do not return together.
  mutating func jittered(_ seconds: Int) -> Int { seconds + Int.random(in: 0...max(1, seconds / 2), using: &random) }
}
