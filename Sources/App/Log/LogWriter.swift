// Writes log lines to a descriptor whose reader may stall. Any thread may append a line: that copies it under a lock
// which no thread holds while it waits. A separate thread writes all lines that are there; only this thread has to wait
// for a stalled reader. If there is no room for a line, it is dropped and counted, and the next line with room states
// the count.
//
//     bytes held   0 ............ log_buffer_bytes ............ log_buffer_bytes + log_buffer_urgent_bytes
//                  every line                      warnings and errors alone               none
//
// Both shares use one ring, so lines keep their order, and a flood of ordinary lines leaves room for warnings and
// errors.

internal import CEpoll.Process
import Glibc
import Ground
import Logging
import Reactor
import Synchronization

/// How a line ends, and how it states the number of lines dropped before it.
enum LogFormat: Sendable {
  /// One object per line; the appended line lacks its closing brace.
  case json
  case text

  private static let jsonEnd = Array("}\n".utf8)
  private static let textEnd = Array("\n".utf8)

  fileprivate func end(dropped: Int) -> [UInt8] {
    switch self {
    case .json: dropped == 0 ? Self.jsonEnd : Array(",\"dropped\":\(dropped)}\n".utf8)
    case .text: dropped == 0 ? Self.textEnd : Array(" dropped=\(dropped)\n".utf8)
    }
  }
}

/// Safety: `ring` and `held` are allocated once and live as long as the writer, which its thread retains. No appender
/// writes to the bytes `head..<head + count` of the ring, so the thread reads them without the lock. All other state is
/// in `state`.
final class LogWriter: @unchecked Sendable {  // Safety: see above.
  /// Counts of lines that are not in the log.
  struct Losses: Sendable, Equatable {
    /// Lines without room, by level in the order of `Logger.Level.allCases`.
    var dropped = [Int](repeating: 0, count: Logger.Level.allCases.count)
    /// Lines whose write(2) failed: a pipe without a reader, or a full disk.
    var unwritten = 0

    var isNone: Bool { unwritten == 0 && dropped.allSatisfy { $0 == 0 } }
  }

  private struct State {
    /// The offset of the oldest byte, and the number of bytes.
    var head = 0
    var count = 0
    /// How many bytes were ever appended, and how many were written or lost since.
    var appended: UInt64 = 0
    var left: UInt64 = 0
    var losses = Losses()
    /// Lost lines that no written line has counted yet.
    var untold = 0
    /// Whether the thread is working or has been woken.
    var isAwake = false
    var isClosed = false
    /// Whether the last write ended within a line, and whether the rest of that line was lost.
    var isMidLine = false
    var isBroken = false
    var flushes: [Flush] = []
  }

  /// A caller that waits until everything up to `target` is written.
  private final class Flush: Sendable {
    let target: UInt64
    let isDone: Reactor.Semaphore

    init(target: UInt64) throws(SystemCallError) {
      self.target = target
      isDone = try Reactor.Semaphore()
    }
  }

  /// The longest wait for lines at the end of the process.
  static let lastWait = Duration.seconds(1)
  /// The default of `log_buffer_bytes`.
  static let usualBytes = 4 << 20
  /// The default of `log_buffer_urgent_bytes`.
  static let usualUrgentBytes = 1 << 20
  /// The largest number of bytes for one write(2). Their room is free again when it returns.
  private static let writeBytes = 64 * 1024

  /// Standard error with the default sizes, for callers without settings.
  static let standardError: LogWriter = {
    do throws(SystemCallError) {
      return try LogWriter(STDERR_FILENO, bytes: usualBytes, urgentBytes: usualUrgentBytes)
    } catch {
      preconditionFailure("no thread for the log: \(error)")
    }
  }()

  let format: LogFormat
  private let descriptor: CInt
  private let bytes: Int
  private let capacity: Int
  private let ring: UnsafeMutableRawBufferPointer
  private let held: UnsafeMutablePointer<Int>
  private let state = Mutex(State())
  private let work: Reactor.Semaphore

  /// Starts the thread.
  /// - Parameters:
  ///   - descriptor: owned by the caller, which keeps it open until `close`.
  ///   - bytes: the room for waiting lines, in bytes.
  ///   - urgentBytes: additional room for warnings and errors.
  init(_ descriptor: CInt, bytes: Int, urgentBytes: Int) throws(SystemCallError) {
    self.descriptor = descriptor
    self.bytes = bytes
    capacity = bytes + urgentBytes
    format = isatty(descriptor) == 1 ? .text : .json
    work = try Reactor.Semaphore()
    ring = .allocate(byteCount: capacity, alignment: 64)
    held = .allocate(capacity: 1)
    held.initialize(to: 0)
    _ = try SystemThread(name: "log") { [self] in run() }
  }

  deinit {
    ring.deallocate()
    held.deallocate()
  }

  /// Appends a line, or counts it as dropped. Never waits.
  /// - Parameter line: without its end, which depends on `format`.
  func append(_ line: some Collection<UInt8>, at level: Logger.Level) {
    let mustWake = state.withLock { state in
      let end = format.end(dropped: state.untold)
      let limit = level >= .warning ? capacity : bytes
      if state.isClosed || state.count + line.count + end.count > limit {
        state.losses.dropped[Self.index(of: level)] += 1
        state.untold += 1
        return false
      }
      put(line, &state)
      put(end, &state)
      state.untold = 0
      defer { state.isAwake = true }
      return !state.isAwake
    }
    if mustWake { work.post() }
  }

  /// Waits until everything that was appended before is written.
  func flush(atMost limit: Duration = LogWriter.lastWait) {
    let deadline = MonotonicTime.now() + limit
    let flush: Flush? = state.withLock { state in
      if state.left == state.appended { return nil }
      do throws(SystemCallError) {
        let flush = try Flush(target: state.appended)
        state.flushes.append(flush)
        return flush
      } catch {
        return nil  // Without a free descriptor there is nothing to wait on.
      }
    }
    guard let flush else { return }
    _ = flush.isDone.wait(until: deadline)
    state.withLock { state in state.flushes.removeAll { $0 === flush } }
  }

  /// From here on lines are dropped and counted. The thread writes the lines that it has and ends.
  func close() {
    state.withLock { $0.isClosed = true }
    work.post()
  }

  /// Lets the thread write the remaining lines before a fatal signal ends the process. For one writer of the process,
  /// which is never freed.
  func leaveBeforeFatalSignals() {
    _ = Unmanaged.passRetained(self)
    let limit = CInt(Self.lastWait.wholeMilliseconds)
    precondition(cepoll_await_before_fatal(held, limit) == 0, "the handler of fatal signals is refused")
  }

  var losses: Losses { state.withLock { $0.losses } }

  static func index(of level: Logger.Level) -> Int {
    guard let index = Logger.Level.allCases.firstIndex(of: level) else { preconditionFailure("no level: \(level)") }
    return index
  }

  private func put(_ bytes: some Collection<UInt8>, _ state: inout State) {
    let tail = (state.head + state.count) % capacity
    let first = min(bytes.count, capacity - tail)
    // Safety: the caller has checked that there is room.
    UnsafeMutableRawBufferPointer(rebasing: ring[tail..<tail + first]).copyBytes(from: bytes.prefix(first))
    if first < bytes.count {
      UnsafeMutableRawBufferPointer(rebasing: ring[0..<bytes.count - first]).copyBytes(from: bytes.dropFirst(first))
    }
    state.count += bytes.count
    state.appended += UInt64(bytes.count)
    held.pointee = state.count
  }

  // MARK: The thread

  private func run() {
    // Writing to a pipe without a reader should fail with an error and not raise a signal.
    SignalSource.block([SIGPIPE])
    while true {
      work.wait()
      state.withLock { $0.isAwake = false }
      while let chunk = oldest() { write(chunk) }
      if state.withLock({ $0.isClosed && $0.count == 0 }) { return }
    }
  }

  /// The next bytes to write: whole lines, unless the ring's end or a very long line cuts one.
  private func oldest() -> UnsafeRawBufferPointer? {
    let (head, count) = state.withLock { ($0.head, min($0.count, capacity - $0.head, Self.writeBytes)) }
    if count == 0 { return nil }
    let chunk = UnsafeRawBufferPointer(rebasing: ring[head..<head + count])
    guard let end = chunk.lastIndex(of: UInt8(ascii: "\n")) else { return chunk }
    return UnsafeRawBufferPointer(rebasing: chunk[...end])
  }

  private func write(_ chunk: UnsafeRawBufferPointer) {
    if state.withLock({ $0.isBroken }) { endBrokenLine() }
    let written = cepoll_write(descriptor, chunk.baseAddress, UInt(chunk.count))
    state.withLock { state in
      let count: Int
      if written > 0 {
        count = written
        state.isMidLine = chunk[written - 1] != UInt8(ascii: "\n")
      } else {
        count = chunk.count
        state.isBroken = state.isBroken || state.isMidLine
        let lines = chunk.count { $0 == UInt8(ascii: "\n") }
        state.losses.unwritten += lines
        state.untold += lines
      }
      state.head = (state.head + count) % capacity
      state.count -= count
      // An empty ring starts again at its beginning, so that a quiet log touches little memory.
      if state.count == 0 { state.head = 0 }
      state.left += UInt64(count)
      held.pointee = state.count
      for flush in state.flushes where flush.target <= state.left { flush.isDone.post() }
    }
  }

  /// Ends a line whose rest was lost, so that the next line begins on a line of its own.
  private func endBrokenLine() {
    var newline = UInt8(ascii: "\n")
    guard cepoll_write(descriptor, &newline, 1) == 1 else { return }
    state.withLock { state in
      state.isMidLine = false
      state.isBroken = false
    }
  }
}
