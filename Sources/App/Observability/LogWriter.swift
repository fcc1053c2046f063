// Log lines on their way to a descriptor whose reader may stall. Any thread appends a line: a copy under a lock that nobody
// holds while it waits. One thread of its own writes, as much at a time as there is, and is the only one that a stalled
// reader stops. What does not fit meanwhile is dropped and counted, and the next line that fits says how many.
//
//     bytes held   0 ............ log_buffer_bytes ............ log_buffer_bytes + log_buffer_urgent_bytes
//                  every line                      warnings and errors alone               none
//
// One ring for both shares: lines stay in their order, and a flood of ordinary lines leaves warnings and errors their share.

internal import CEpoll.Process
import Glibc
import Ground
import Logging
import Reactor
import Synchronization

/// How a line ends, and how it says what was dropped before it.
enum LogFormat: Sendable {
  /// An object a line, without its closing brace.
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

/// Safety: `ring` and `held` are allocated once and live as long as the writer, which its thread holds. The bytes
/// `head..<head + count` of the ring are written by no appender, so that the thread reads them without the lock; all other
/// state is in `state`.
final class LogWriter: @unchecked Sendable {  // Safety: see above.
  /// What became of lines that are in no log.
  struct Losses: Sendable, Equatable {
    /// Lines that did not fit, by level in the order of `Logger.Level.allCases`.
    var dropped = [Int](repeating: 0, count: Logger.Level.allCases.count)
    /// Lines whose write(2) failed: a pipe without a reader, a disk without space.
    var unwritten = 0

    var isNone: Bool { unwritten == 0 && dropped.allSatisfy { $0 == 0 } }
  }

  private struct State {
    /// Offset of the oldest byte, and how many there are.
    var head = 0
    var count = 0
    /// Bytes ever appended, and bytes that have left since.
    var appended: UInt64 = 0
    var left: UInt64 = 0
    var losses = Losses()
    /// Lines lost that no line has told of.
    var untold = 0
    /// The thread is at work, or has been told that there is work.
    var isAwake = false
    var isClosed = false
    /// The last write ended within a line; the rest of that line was lost.
    var isMidLine = false
    var isBroken = false
    var flushes: [Flush] = []
  }

  /// Somebody who waits until everything up to `target` has left.
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
  /// Bytes of one write(2): their room is free again when it returns.
  private static let writeBytes = 64 * 1024

  /// Standard error with the default sizes, for who has no settings yet.
  static let standardError: LogWriter = {
    let settings = Settings()
    do throws(SystemCallError) {
      return try LogWriter(STDERR_FILENO, bytes: settings.logBufferBytes, urgentBytes: settings.logBufferUrgentBytes)
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
  ///   - descriptor: stays the caller's, and open until `close`.
  ///   - bytes: of lines that wait; `urgentBytes`: beyond those, of warnings and errors.
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

  /// Appends a line, or counts it. Never waits.
  /// - Parameter line: without its end, which is of `format`.
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

  /// Waits until what was appended before has left.
  func flush(atMost limit: Duration = LogWriter.lastWait) {
    let deadline = MonotonicTime.now() + limit
    let flush: Flush? = state.withLock { state in
      if state.left == state.appended { return nil }
      do throws(SystemCallError) {
        let flush = try Flush(target: state.appended)
        state.flushes.append(flush)
        return flush
      } catch {
        return nil  // Without a descriptor left there is nothing to wait on.
      }
    }
    guard let flush else { return }
    _ = flush.isDone.wait(until: deadline)
    state.withLock { state in state.flushes.removeAll { $0 === flush } }
  }

  /// From here on lines are counted and not taken; the thread ends when it has written those that it has.
  func close() {
    state.withLock { $0.isClosed = true }
    work.post()
  }

  /// Lets lines leave before a fatal signal ends the process. For one writer of the process, which lives to its end.
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
    // Safety: the caller has made sure that all of it is free.
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
    // A pipe without a reader is an error of write(2), and no signal to anybody.
    SignalSource.block([SIGPIPE])
    while true {
      work.wait()
      state.withLock { $0.isAwake = false }
      while let chunk = oldest() { write(chunk) }
      if state.withLock({ $0.isClosed && $0.count == 0 }) { return }
    }
  }

  /// What to write next: whole lines, unless the ring's end or a very long line cuts one.
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
      // A ring that is empty begins anew, so that a log in quiet times touches little memory.
      if state.count == 0 { state.head = 0 }
      state.left += UInt64(count)
      held.pointee = state.count
      for flush in state.flushes where flush.target <= state.left { flush.isDone.post() }
    }
  }

  /// What follows a line that was lost in its middle begins on a line of its own.
  private func endBrokenLine() {
    var newline = UInt8(ascii: "\n")
    guard cepoll_write(descriptor, &newline, 1) == 1 else { return }
    state.withLock { state in
      state.isMidLine = false
      state.isBroken = false
    }
  }
}
