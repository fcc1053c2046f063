// pthread_create(3) for the few threads we want: one a loop, and a handful of workers.

internal import CEpoll.Epoll
internal import CEpoll.Process
internal import Glibc
internal import Synchronization

/// A running thread. Joined once at most; detached if nobody joins it.
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

  /// - Parameter name: as shown by ps(1) and top(1); the kernel keeps 15 bytes.
  /// - Throws: EAGAIN, when the machine has no thread left to give.
  public init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemCallError) {
    var id = pthread_t()
    // Safety: the new thread takes the one retain over; if there is no thread, we take it back.
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

  /// Waits until the thread has ended; later calls return at once. Not from the thread itself.
  public func join() {
    isJoined.withLock { isJoined in
      if isJoined { return }
      let errno = pthread_join(id, nil)
      precondition(errno == 0, "\(SystemCallError(call: "pthread_join", errno: errno))")
      isJoined = true
    }
  }
}

/// Counts units across threads (eventfd(2), EFD_SEMAPHORE): `wait` blocks until it can take one.
public struct Semaphore: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  public init() throws(SystemCallError) {
    descriptor = FileDescriptor(owning: try SystemCall.value("eventfd") { cepoll_semaphore() })
  }

  public func post(_ units: Int = 1) {
    SystemCall.certain("write(eventfd)") { cepoll_eventfd_add(descriptor.raw, UInt64(units)) }
  }

  public func wait() {
    SystemCall.certain("read(eventfd)") { cepoll_eventfd_take(descriptor.raw) }
  }

  /// Waits at most until `deadline`. For one thread at a time. - Returns: whether a unit was taken.
  public func wait(until deadline: MonotonicTime) -> Bool {
    while true {
      let left = max(.zero, MonotonicTime.now().duration(to: deadline))
      // Rounded up, so that a wait never spins through its last millisecond.
      let milliseconds = CInt(clamping: (left.saturatedNanoseconds + 999_999) / 1_000_000)
      if cepoll_poll_either(descriptor.raw, -1, milliseconds) & 1 != 0 {
        wait()
        return true
      }
      if left == .zero { return false }
    }
  }
}
