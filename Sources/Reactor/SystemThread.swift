// pthread_create(3) for the few threads of this program: one for each loop, and some workers.

internal import CEpoll.Epoll
internal import CEpoll.Process
internal import Glibc
internal import Synchronization

/// A running thread. It can be joined once. If it is never joined, it is detached.
public final class SystemThread: Sendable {
  private let id: pthread_t
  private let isJoined = Mutex(false)

  private final class Start {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Starts a thread that runs `body`.
  /// - Parameter name: as shown by ps(1) and top(1). The kernel keeps the first 15 bytes.
  /// - Throws: EAGAIN if the machine has no thread left.
  public init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemCallError) {
    var id = pthread_t()
    // Safety: the new thread takes over the one retain. If the thread cannot be made, it is released here.
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    let errno = pthread_create(
      &id, nil,
      { start in
        let start = Unmanaged<Start>.fromOpaque(start!).takeRetainedValue()
        _ = cepoll_name_thread(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    if errno != 0 {
      start.release()
      throw SystemCallError(call: "pthread_create", errno: errno)
    }
    self.id = id
  }

  deinit {
    if !isJoined.withLock({ $0 }) { pthread_detach(id) }
  }

  /// Waits until the thread has ended. Later calls return at once. The thread itself must not call it.
  public func join() {
    isJoined.withLock { isJoined in
      if isJoined { return }
      let errno = pthread_join(id, nil)
      precondition(errno == 0, "\(SystemCallError(call: "pthread_join", errno: errno))")
      isJoined = true
    }
  }
}

/// Counts units across threads (eventfd(2), EFD_SEMAPHORE).
public struct Semaphore: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  /// Makes a semaphore without units.
  /// - Throws: EMFILE, ENFILE.
  public init() throws(SystemCallError) {
    descriptor = FileDescriptor(owning: try SystemCall.value("eventfd") { cepoll_semaphore() })
  }

  /// Adds units.
  public func post(_ units: Int = 1) {
    SystemCall.certain("write(eventfd)") { cepoll_eventfd_add(descriptor.raw, UInt64(units)) }
  }

  /// Takes one unit. It blocks until there is one.
  public func wait() {
    SystemCall.certain("read(eventfd)") { cepoll_eventfd_take(descriptor.raw) }
  }

  /// Takes one unit. It waits at most until `deadline`. Only one thread at a time may call it.
  /// - Returns: whether a unit was taken.
  public func wait(until deadline: MonotonicTime) -> Bool {
    while true {
      let left = max(.zero, MonotonicTime.now().duration(to: deadline))
      // The wait is rounded up, so that the loop does not spin through the last millisecond.
      let milliseconds = CInt(clamping: (left.saturatedNanoseconds + 999_999) / 1_000_000)
      if cepoll_poll_either(descriptor.raw, -1, milliseconds) & 1 != 0 {
        wait()
        return true
      }
      if left == .zero { return false }
    }
  }
}
