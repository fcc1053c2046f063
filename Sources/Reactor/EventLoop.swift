// One thread, one epoll instance, and one graph of objects that never leaves the thread. The steps of a turn:
//
//        ┌────────────────────────────────────────────────────────────────────────────┐
//        │                                                                            │
//        ▼                                                                            │
//   1. wait       epoll, until an event, the next deadline, or another thread's       │
//        │        wake-up; not at all if a handler asked for the next turn            │
//        ▼                                                                            │
//   2. now        the clock is read, once a turn                                      │
//        ▼                                                                            │
//   3. continue   `turnStarting` of the handlers that called `nextTurn`               │
//        ▼                                                                            │
//   4. events     `ready` of each registration whose token is still current           │
//        ▼                                                                            │
//   5. deadlines  `deadlineReached` of each timer that is due                         │
//        ▼                                                                            │
//   6. jobs       jobs that other threads submitted to `LoopHandle`                   │
//        ▼                                                                            │
//   7. flush      `turnEnding` of the handlers that asked: all that a connection      │
//        │        wrote in steps 3 to 6 leaves in one system call                     │
//        └────────────────────────────────────────────────────────────────────────────┘
//
// Each step runs only the work that existed when the step began. Work that a handler adds to its own step waits for the
// next turn, so no step can keep a turn from ending.

/// A handler that has paused in the middle of its work and goes on in the next turn.
public protocol TurnStartHandler: AnyObject {
  /// Goes on with the work. The loop calls it once for each call of `nextTurn`.
  func turnStarting()
}

/// A handler that has collected output and writes it at the end of the turn.
public protocol TurnEndHandler: AnyObject {
  /// Writes the output. The loop calls it once for each call of `atTurnEnd`.
  func turnEnding()
}

/// An event loop. It is not Sendable: build it on the thread that runs it (see `LoopThread`), and reach it from other
/// threads by `handle`. The loop holds its handlers strongly, and they usually hold the loop. At its end `run` releases
/// all handlers.
public final class EventLoop {
  /// The size of `scratch`, in bytes.
  public static let scratchBytes = 65_536

  /// The handle by which other threads reach the loop.
  public let handle: LoopHandle
  /// The caller's number of this loop, from 0.
  public let index: Int
  /// The time at which the work of this turn began. It is at most one turn old.
  public private(set) var now: MonotonicTime
  /// One read buffer for all connections of the loop. Its content is lost when a handler returns. The loop owns it.
  public let scratch: UnsafeMutableRawBufferPointer

  private let kernel: any Kernel
  private var registrations = Registrations()
  private var timers = Timers()
  private var starting: [any TurnStartHandler] = []
  private var ending: [any TurnEndHandler] = []
  /// The counters so far. Reading them resets nothing.
  public private(set) var statistics = LoopStatistics()
  private var isStopping = false
  private var hasEnded = false
  private var isFlagRaised = false

  // The lists that the current turn is working through. They swap storage with the lists above, so a warm loop
  // allocates nothing.
  private var startingNow: [any TurnStartHandler] = []
  private var endingNow: [any TurnEndHandler] = []
  private var jobsNow: [LoopHandle.Job] = []

  private static let flagKey = UInt64.max

  /// Makes a loop on epoll.
  /// - Throws: EMFILE or ENFILE if descriptors run out. A loop needs two.
  public convenience init(index: Int = 0) throws(SystemCallError) {
    try self.init(index: index, kernel: try Epoll())
  }

  /// Makes a loop that gets events and time only from `kernel`.
  /// - Throws: the error of a system call.
  public init(index: Int = 0, kernel: any Kernel) throws(SystemCallError) {
    self.index = index
    self.kernel = kernel
    handle = try LoopHandle()
    try kernel.add(handle.flag, .read, key: Self.flagKey)
    now = kernel.monotonicTime()
    scratch = .allocate(byteCount: Self.scratchBytes, alignment: 64)
  }

  deinit {
    _ = handle.close()
    scratch.deallocate()
  }

  // MARK: Time

  /// The time at this moment, for measurements within a turn. Deadlines refer to `now`.
  public func readClock() -> MonotonicTime { kernel.monotonicTime() }

  /// The unix time at this moment, in microseconds. It may jump.
  public func readWallClock() -> Int64 { kernel.wallTime() }

  // MARK: Descriptors

  /// Reports the readiness of `fd` to `handler` from the next turn on. The caller owns `fd`, and deregisters it before
  /// it closes it.
  /// - Throws: ENOMEM, ENOSPC (/proc/sys/fs/epoll/max_user_watches) or EPERM (a regular file).
  public func register(
    _ fd: CInt, _ interest: Interest, _ handler: any EventHandler
  ) throws(SystemCallError) -> Token {
    precondition(!hasEnded, "registered on a loop that has ended")
    let token = registrations.insert(fd, interest, handler)
    do {
      try kernel.add(fd, interest, key: token.key)
    } catch {
      _ = registrations.remove(token)
      throw error
    }
    return token
  }

  /// Changes the interest of a registration at once. An event that has been fetched and is no longer wanted is dropped.
  /// There is a system call only if `interest` is different.
  /// - Throws: the error of epoll_ctl(2).
  public func update(_ token: Token, _ interest: Interest) throws(SystemCallError) {
    guard let index = registrations.index(of: token) else { preconditionFailure("\(token) is not registered") }
    if registrations.interest(at: index) == interest { return }
    try kernel.modify(registrations.fd(at: index), interest, key: token.key)
    registrations.setInterest(at: index, interest)
  }

  /// Ends a registration. Call it before the descriptor is closed. After this call the handler gets no event, not even
  /// one that was fetched in this turn. The loop releases the handler. A stale token is ignored.
  public func deregister(_ token: Token) {
    guard let (fd, handler) = registrations.remove(token) else { return }
    kernel.remove(fd)
    withExtendedLifetime(handler) {}
  }

  // MARK: Deadlines

  /// Calls `handler` once, in the first turn that begins at or after `deadline`.
  /// - Returns: the id by which the deadline can be moved or cancelled.
  public func schedule(_ handler: any DeadlineHandler, at deadline: MonotonicTime) -> TimerID {
    timers.schedule(handler, at: deadline)
  }

  /// Moves a deadline: in O(1) to a later time, in O(log n) to an earlier one.
  /// - Returns: false if the deadline was reached or cancelled. Nothing is scheduled then.
  @discardableResult
  public func reschedule(_ id: TimerID, at deadline: MonotonicTime) -> Bool {
    timers.reschedule(id, at: deadline)
  }

  /// Cancels a deadline and releases its handler. A stale id is ignored.
  public func cancel(_ id: TimerID) {
    let handler = timers.cancel(id)
    withExtendedLifetime(handler) {}
  }

  // MARK: The edges of a turn

  /// Calls `handler` once at the end of this turn. Within a `turnEnding` it means the end of the next turn, which then
  /// does not wait. Each call adds one entry, so the caller keeps a flag of its own.
  public func atTurnEnd(_ handler: any TurnEndHandler) {
    ending.append(handler)
  }

  /// Calls `handler` once at the beginning of the next turn, which then does not wait. It is for work that was paused
  /// because of a budget, and that epoll cannot report, such as bytes that a TLS session has already decrypted. The
  /// caller keeps a flag of its own.
  public func nextTurn(_ handler: any TurnStartHandler) {
    starting.append(handler)
  }

  // MARK: Running

  /// Runs turns until `stop` is called here or on the handle. Then it runs the jobs that were accepted, runs the
  /// handlers of the turn's end once more, and releases all handlers. A loop runs only once.
  public func run() {
    while !isStopping { turn() }
    end()
  }

  /// Lets `run` end after the current turn.
  public func stop() {
    isStopping = true
  }

  /// The number of registered descriptors.
  public var registrationCount: Int { registrations.count }

  /// The number of scheduled deadlines.
  public var deadlineCount: Int { timers.count }

  /// The counters so far. The call resets `longestTurn`.
  public func takeStatistics() -> LoopStatistics {
    defer { statistics.longestTurn = .zero }
    return statistics
  }

  /// Runs one turn, for a caller that drives the loop itself.
  /// - Parameter limit: the longest wait; nil for no limit.
  public func turn(waitingAtMost limit: Duration? = nil) {
    precondition(!hasEnded, "a loop runs once")
    let fetched = kernel.wait(nanoseconds: waitNanoseconds(limit: limit))
    now = kernel.monotonicTime()
    continueWork()
    dispatch(fetched)
    reachDeadlines()
    runJobs()
    flush()
    let length = now.duration(to: kernel.monotonicTime())
    statistics.turns += 1
    statistics.busy += length
    statistics.longestTurn = max(statistics.longestTurn, length)
  }

  /// The end of `run`. `LoopThread` also calls it for a loop that never ran.
  func end() {
    precondition(!hasEnded, "a loop runs once")
    for job in handle.close() { job(self) }
    flush()
    hasEnded = true
    let released = (registrations.removeAll(), timers.removeAll(), starting, ending)
    starting = []
    ending = []
    withExtendedLifetime(released) {}
  }

  /// How long the turn waits, in nanoseconds; negative for no limit.
  private func waitNanoseconds(limit: Duration?) -> Int64 {
    if !starting.isEmpty || !ending.isEmpty { return 0 }
    var wait = limit
    if let deadline = timers.nextDeadline() {
      let untilDeadline = max(.zero, kernel.monotonicTime().duration(to: deadline))
      wait = min(wait ?? untilDeadline, untilDeadline)
    }
    return wait?.saturatedNanoseconds ?? -1
  }

  private func continueWork() {
    if starting.isEmpty { return }
    swap(&starting, &startingNow)
    for handler in startingNow { handler.turnStarting() }
    startingNow.removeAll(keepingCapacity: true)
  }

  private func dispatch(_ fetched: Int) {
    statistics.events += UInt64(fetched)
    for event in 0..<fetched {
      let (key, reported) = kernel.event(at: event)
      if key == Self.flagKey {
        isFlagRaised = true
        continue
      }
      guard let index = registrations.index(of: Token(key: key)) else {
        statistics.staleEvents += 1
        continue
      }
      let readiness = reported.limited(to: registrations.interest(at: index))
      if readiness.isEmpty {
        statistics.staleEvents += 1
        continue
      }
      registrations.handler(at: index).ready(readiness)
    }
  }

  private func reachDeadlines() {
    var remaining = timers.count
    while remaining > 0, let due = timers.takeDue(now) {
      remaining -= 1
      statistics.deadlinesReached += 1
      due.handler.deadlineReached(due.id)
    }
  }

  private func runJobs() {
    if !isFlagRaised { return }
    isFlagRaised = false
    if handle.collect(into: &jobsNow) { isStopping = true }
    statistics.jobs += UInt64(jobsNow.count)
    for job in jobsNow { job(self) }
    jobsNow.removeAll(keepingCapacity: true)
  }

  private func flush() {
    if ending.isEmpty { return }
    swap(&ending, &endingNow)
    for handler in endingNow { handler.turnEnding() }
    endingNow.removeAll(keepingCapacity: true)
  }
}
