// One thread, one epoll, one graph of objects that never leaves the thread. All there is to a turn:
//
//        ┌────────────────────────────────────────────────────────────────────────────┐
//        │                                                                            │
//        ▼                                                                            │
//   1. wait       epoll, until an event, the next deadline, or another thread's       │
//        │        wake-up; not at all if somebody asked for the next turn             │
//        ▼                                                                            │
//   2. now        the clock is read, once a turn                                      │
//        ▼                                                                            │
//   3. continue   `turnStarting` of those who gave way last turn (`nextTurn`)         │
//        ▼                                                                            │
//   4. events     `ready` of each registration whose token is still current           │
//        ▼                                                                            │
//   5. deadlines  `deadlineReached` of each timer that is due                         │
//        ▼                                                                            │
//   6. jobs       what other threads put through `LoopHandle`, if the flag is up      │
//        ▼                                                                            │
//   7. flush      `turnEnding` of each who asked: everything a connection wrote       │
//        │        in 3 to 6 leaves in one system call                                 │
//        └────────────────────────────────────────────────────────────────────────────┘
//
// Each step runs what was there when it began. What a handler adds to its own step belongs to the next turn, so that no
// step can keep a turn from ending.

/// Gave way in the middle of its work and goes on in the next turn.
public protocol TurnStartHandler: AnyObject {
  func turnStarting()
}

/// Has output gathered, to be written when the turn's work is done.
public protocol TurnEndHandler: AnyObject {
  func turnEnding()
}

/// An event loop. Not Sendable: build it on the thread that runs it (see `LoopThread`), and reach it from others by
/// `handle`. It holds its handlers strongly and they will mostly hold it; `run` lets all of them go when it ends.
public final class EventLoop {
  public static let scratchBytes = 65_536

  public let handle: LoopHandle
  /// The caller's number for this loop, 0 and up.
  public let index: Int
  /// The time at which this turn's work began. At most one turn old.
  public private(set) var now: MonotonicTime
  /// One read buffer for all connections of the loop. Whatever a handler leaves in it is gone when the handler returns.
  public let scratch: UnsafeMutableRawBufferPointer

  private let kernel: any Kernel
  private var registrations = Registrations()
  private var timers = Timers()
  private var starting: [any TurnStartHandler] = []
  private var ending: [any TurnEndHandler] = []
  private var statistics = LoopStatistics()
  private var isStopping = false
  private var hasEnded = false
  private var isFlagRaised = false

  // The lists being worked off. They swap storage with their namesakes, so that a warm loop allocates nothing.
  private var startingNow: [any TurnStartHandler] = []
  private var endingNow: [any TurnEndHandler] = []
  private var jobsNow: [LoopHandle.Job] = []

  private static let flagKey = UInt64.max

  /// - Throws: when descriptors run out; a loop needs two.
  public convenience init(index: Int = 0) throws(SystemCallError) {
    try self.init(index: index, kernel: try Epoll())
  }

  /// A loop that hears of events and time from `kernel` alone.
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

  /// The time at this moment, for what is measured within a turn; deadlines go by `now`.
  public func readClock() -> MonotonicTime { kernel.monotonicTime() }

  /// Unix time in microseconds at this moment. It may jump.
  public func readWallClock() -> Int64 { kernel.wallTime() }

  // MARK: Descriptors

  /// Reports `fd` to `handler` from the next turn on. The caller still owns `fd`, and deregisters before it closes it.
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

  /// Changes what a live registration hears about, at once: an event already fetched but unwanted now is dropped.
  /// Costs a system call only if `interest` differs.
  public func update(_ token: Token, _ interest: Interest) throws(SystemCallError) {
    guard let index = registrations.index(of: token) else { preconditionFailure("\(token) is not registered") }
    if registrations.interest(at: index) == interest { return }
    try kernel.modify(registrations.fd(at: index), interest, key: token.key)
    registrations.setInterest(at: index, interest)
  }

  /// Ends a registration, before its descriptor is closed: no event reaches the handler after this call, not even one
  /// fetched in this turn. Lets the handler go. A stale token is harmless.
  public func deregister(_ token: Token) {
    guard let (fd, handler) = registrations.remove(token) else { return }
    kernel.remove(fd)
    withExtendedLifetime(handler) {}
  }

  // MARK: Deadlines

  /// Calls `handler` in the first turn that begins at or after `deadline`, once.
  public func schedule(_ handler: any DeadlineHandler, at deadline: MonotonicTime) -> TimerID {
    timers.schedule(handler, at: deadline)
  }

  /// Moves an armed deadline. O(1) if it is put off, O(log n) if it is brought forward.
  /// - Returns: false if `id` has been reached or cancelled; nothing is armed then.
  @discardableResult
  public func reschedule(_ id: TimerID, at deadline: MonotonicTime) -> Bool {
    timers.reschedule(id, at: deadline)
  }

  /// Disarms a deadline and lets its handler go. A stale id is harmless.
  public func cancel(_ id: TimerID) {
    let handler = timers.cancel(id)
    withExtendedLifetime(handler) {}
  }

  // MARK: The edges of a turn

  /// Calls `handler` once when this turn's work is done, or, from within a `turnEnding`, when the next turn's is: that
  /// turn will not wait. Every call counts, so the caller keeps its own flag that it is queued.
  public func atTurnEnd(_ handler: any TurnEndHandler) {
    ending.append(handler)
  }

  /// Calls `handler` once when the next turn begins, which will not wait: for work given up on a budget while there is
  /// more that epoll cannot know about, such as bytes a TLS session has decrypted. The caller keeps its own flag.
  public func nextTurn(_ handler: any TurnStartHandler) {
    starting.append(handler)
  }

  // MARK: Running

  /// Turns until `stop` was called here or on the handle; then runs the jobs accepted so far, flushes once more, and lets
  /// all handlers go. A loop runs once.
  public func run() {
    while !isStopping { turn() }
    end()
  }

  /// Ends `run` after the current turn.
  public func stop() {
    isStopping = true
  }

  /// How many descriptors are registered.
  public var registrationCount: Int { registrations.count }

  /// How many deadlines are armed.
  public var deadlineCount: Int { timers.count }

  /// The counters. Resets `longestTurn`.
  public func takeStatistics() -> LoopStatistics {
    defer { statistics.longestTurn = .zero }
    return statistics
  }

  /// One turn of `run`, for who drives a loop by hand. - Parameter limit: the longest wait; nil: as long as it takes.
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

  /// The last act of `run`; for `LoopThread`, also of a loop that never got that far.
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

  /// How long to wait: negative for ever.
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
