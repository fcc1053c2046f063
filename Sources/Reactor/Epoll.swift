// epoll(7) with typed masks. Level-triggered throughout: with a read budget, edge-triggering needs its own ready list
// for every socket, and one forgotten re-arm is a connection that hangs for ever.

internal import CEpoll.Epoll
internal import Glibc

/// Names one registration of an `EventLoop`. The generation changes whenever the slot changes hands, so that an event
/// the kernel reported for a descriptor that was closed meanwhile can't reach the next owner of its number.
public struct Token: Hashable, Sendable {
  public let slot: UInt32
  public let generation: UInt32

  init(slot: UInt32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }

  init(key: UInt64) {
    self.init(slot: UInt32(truncatingIfNeeded: key), generation: UInt32(truncatingIfNeeded: key >> 32))
  }

  /// The 64 bits that epoll keeps for us and hands back with each event.
  var key: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

/// What a registration wants to hear about. Empty: paused (hang-ups and errors still arrive, epoll cannot mask them).
public struct Interest: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Bytes or connections to take, or the peer's end of stream (EPOLLRDHUP).
  public static let read = Interest(rawValue: 1)
  /// Room in the send buffer; also the end of a connection attempt.
  public static let write = Interest(rawValue: 2)

  var epollEvents: UInt32 {
    (contains(.read) ? EPOLLIN.rawValue | EPOLLRDHUP.rawValue : 0) | (contains(.write) ? EPOLLOUT.rawValue : 0)
  }
}

/// What is the case on a descriptor. It stays the case until the handler reads, writes, loses interest or deregisters.
public struct Readiness: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let read = Readiness(rawValue: 1)
  public static let write = Readiness(rawValue: 2)
  /// The peer will send no more (EPOLLRDHUP, only with interest in reading), or both directions are shut (EPOLLHUP,
  /// always). Bytes may still be waiting: read on to the end of the stream, then drop `.read` or deregister.
  public static let peerClosed = Readiness(rawValue: 4)
  /// A pending socket error. It arrives whatever the interest, each turn until the handler deregisters.
  public static let error = Readiness(rawValue: 8)

  init(epollEvents events: UInt32) {
    var raw: UInt8 = 0
    if events & EPOLLIN.rawValue != 0 { raw |= 1 }
    if events & EPOLLOUT.rawValue != 0 { raw |= 2 }
    if events & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue) != 0 { raw |= 4 }
    if events & EPOLLERR.rawValue != 0 { raw |= 8 }
    rawValue = raw
  }

  /// Without what the registration has lost interest in since the kernel reported it.
  func limited(to interest: Interest) -> Readiness {
    Readiness(rawValue: rawValue & (interest.rawValue | Readiness([.peerClosed, .error]).rawValue))
  }
}

/// One epoll instance and the buffer its events arrive in; and the system's clocks.
final class Epoll: Kernel {
  /// Events taken from the kernel a turn; what is left over comes with the next turn, which then does not wait.
  static let maximumEventsPerTurn = 512

  private let instance: FileDescriptor
  private let events: UnsafeMutablePointer<cepoll_ready>

  init() throws(SystemCallError) {
    instance = FileDescriptor(owning: try SystemCall.value("epoll_create1") { cepoll_create() })
    events = .allocate(capacity: Self.maximumEventsPerTurn)
    events.initialize(repeating: cepoll_ready(), count: Self.maximumEventsPerTurn)
  }

  deinit { events.deallocate() }

  func add(_ fd: CInt, _ interest: Interest, key: UInt64) throws(SystemCallError) {
    try SystemCall.value("epoll_ctl(ADD)") {
      cepoll_control(instance.raw, EPOLL_CTL_ADD, fd, interest.epollEvents, key)
    }
  }

  func modify(_ fd: CInt, _ interest: Interest, key: UInt64) throws(SystemCallError) {
    try SystemCall.value("epoll_ctl(MOD)") {
      cepoll_control(instance.raw, EPOLL_CTL_MOD, fd, interest.epollEvents, key)
    }
  }

  /// Traps if `fd` was closed already (EBADF, ENOENT): its number may be somebody else's.
  func remove(_ fd: CInt) {
    SystemCall.certain("epoll_ctl(DEL)") { cepoll_control(instance.raw, EPOLL_CTL_DEL, fd, 0, 0) }
  }

  /// Waits until something is ready. - Parameter nanoseconds: at most this long; negative: for ever.
  /// - Returns: how many events `key(at:)` and `readiness(at:)` can be asked for, until the next wait.
  func wait(nanoseconds: Int64) -> Int {
    let count = cepoll_wait(instance.raw, events, CInt(Self.maximumEventsPerTurn), nanoseconds)
    // Not repeated here: the caller's deadlines are absolute, and it computes what is left of the wait for its next turn.
    if count == -EINTR { return 0 }
    return Int(SystemCall.certain("epoll_pwait2") { count })
  }

  // Safety: index < the count that `wait` returned <= maximumEventsPerTurn, all of which is initialised.
  func event(at index: Int) -> (key: UInt64, readiness: Readiness) {
    (events[index].key, Readiness(epollEvents: events[index].events))
  }

  func monotonicTime() -> MonotonicTime { .now() }

  func wallTime() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }
}
