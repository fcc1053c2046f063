// epoll(7) with typed masks. All registrations are level-triggered, because handlers read within a budget. An
// edge-triggered epoll would not report bytes that a handler left unread, so the loop would need a list of such
// sockets, and a connection missing from the list would hang.

internal import CEpoll.Epoll
internal import Glibc

/// Identifies one registration of an `EventLoop`. The generation changes each time a slot is freed. So an event of a
/// descriptor that has been closed meanwhile cannot reach the next owner of its number.
public struct Token: Hashable, Sendable {
  /// The index in the loop's table of registrations.
  public let slot: UInt32
  /// How many registrations the slot had before this one.
  public let generation: UInt32

  init(slot: UInt32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }

  init(key: UInt64) {
    self.init(slot: UInt32(truncatingIfNeeded: key), generation: UInt32(truncatingIfNeeded: key >> 32))
  }

  /// The 64 bits that epoll stores for a registration and returns with each event.
  var key: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

/// The kinds of readiness that a registration asks for. With an empty set it is paused; hang-ups and errors still
/// arrive, because epoll cannot mask them.
public struct Interest: OptionSet, Sendable {
  /// The bits of the set.
  public let rawValue: UInt8
  /// Makes a set from its bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Bytes or connections can be read, or the peer has ended its stream (EPOLLRDHUP).
  public static let read = Interest(rawValue: 1)
  /// The send buffer has room, or a connection attempt has ended.
  public static let write = Interest(rawValue: 2)

  var epollEvents: UInt32 {
    (contains(.read) ? EPOLLIN.rawValue | EPOLLRDHUP.rawValue : 0) | (contains(.write) ? EPOLLOUT.rawValue : 0)
  }
}

/// The state of a descriptor. Each turn reports it again until the handler reads, writes, changes its interest or
/// deregisters.
public struct Readiness: OptionSet, Sendable {
  /// The bits of the set.
  public let rawValue: UInt8
  /// Makes a set from its bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Bytes or connections can be read.
  public static let read = Readiness(rawValue: 1)
  /// The send buffer has room, or a connection attempt has ended.
  public static let write = Readiness(rawValue: 2)
  /// The peer will send no more (EPOLLRDHUP, only with interest in reading), or both directions are closed (EPOLLHUP,
  /// always). Bytes may still be waiting: read to the end of the stream, then drop `.read` or deregister.
  public static let peerClosed = Readiness(rawValue: 4)
  /// The socket has a pending error. It is reported whatever the interest is, in each turn until the handler
  /// deregisters.
  public static let error = Readiness(rawValue: 8)

  init(epollEvents events: UInt32) {
    var raw: UInt8 = 0
    if events & EPOLLIN.rawValue != 0 { raw |= 1 }
    if events & EPOLLOUT.rawValue != 0 { raw |= 2 }
    if events & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue) != 0 { raw |= 4 }
    if events & EPOLLERR.rawValue != 0 { raw |= 8 }
    rawValue = raw
  }

  /// The readiness without the kinds in which the registration has lost interest since the kernel reported it.
  func limited(to interest: Interest) -> Readiness {
    Readiness(rawValue: rawValue & (interest.rawValue | Readiness([.peerClosed, .error]).rawValue))
  }
}

/// One epoll instance with the buffer for its events, and the system's clocks.
final class Epoll: Kernel {
  /// The most events that one turn takes from the kernel. The rest comes with the next turn, which then does not wait.
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

  /// Ends the process if `fd` is already closed (EBADF, ENOENT), because its number may belong to another owner.
  func remove(_ fd: CInt) {
    SystemCall.certain("epoll_ctl(DEL)") { cepoll_control(instance.raw, EPOLL_CTL_DEL, fd, 0, 0) }
  }

  /// Waits until a descriptor is ready.
  /// - Parameter nanoseconds: the longest wait; negative for no limit.
  /// - Returns: the number of events. `event(at:)` gives them until the next wait.
  func wait(nanoseconds: Int64) -> Int {
    let count = cepoll_wait(instance.raw, events, CInt(Self.maximumEventsPerTurn), nanoseconds)
    // An interrupted wait is not repeated here. The caller's deadlines are absolute, and it computes the rest of the
    // wait for its next turn.
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
