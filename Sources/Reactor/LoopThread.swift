// A loop is born on its thread and cannot leave it; this is how a thread with a loop comes about.

internal import Synchronization

/// A thread that runs one `EventLoop`.
public final class LoopThread: Sendable {
  public let name: String
  public let handle: LoopHandle
  private let thread: SystemThread

  private init(name: String, handle: LoopHandle, thread: SystemThread) {
    self.name = name
    self.handle = handle
    self.thread = thread
  }

  /// Starts a thread, builds a loop on it, runs `setUp` there, and returns once that is done and the loop is about to run.
  /// - Parameter name: as shown by ps(1); the kernel keeps 15 bytes.
  /// - Throws: what `setUp` threw (the loop and all it had registered are gone by then), or `SystemCallError`.
  public static func start(
    name: String, index: Int, setUp: @escaping @Sendable (EventLoop) throws -> Void
  ) throws -> LoopThread {
    let start = try StartReport()
    let thread = try SystemThread(name: name) {
      do {
        let loop = try EventLoop(index: index)
        do {
          try setUp(loop)
        } catch {
          loop.end()
          throw error
        }
        start.report(.success(loop.handle))
        loop.run()
      } catch {
        start.report(.failure(error))
      }
    }
    do {
      return LoopThread(name: name, handle: try start.wait(), thread: thread)
    } catch {
      thread.join()
      throw error
    }
  }

  /// Asks the loop to end after its current turn. Returns at once.
  public func stop() {
    handle.stop()
  }

  /// Waits until the loop has ended and its thread with it. Not from the loop's own thread.
  public func join() {
    thread.join()
  }
}

/// How the new thread tells its starter, which waits, what became of the start.
private final class StartReport: Sendable {
  private let result = Mutex<Result<LoopHandle, any Error>?>(nil)
  private let isReported: Semaphore

  init() throws(SystemCallError) {
    isReported = try Semaphore()
  }

  func report(_ outcome: Result<LoopHandle, any Error>) {
    result.withLock { $0 = outcome }
    isReported.post()
  }

  func wait() throws -> LoopHandle {
    isReported.wait()
    return try result.withLock { $0! }.get()
  }
}
