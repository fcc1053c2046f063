// A loop is made on its own thread and cannot leave it. This file starts such a thread.

internal import Synchronization

/// A thread that runs one `EventLoop`.
public final class LoopThread: Sendable {
  /// The thread's name.
  public let name: String
  /// The handle of the loop.
  public let handle: LoopHandle
  private let thread: SystemThread

  private init(name: String, handle: LoopHandle, thread: SystemThread) {
    self.name = name
    self.handle = handle
    self.thread = thread
  }

  /// Starts a thread, makes a loop on it and runs `setUp` there. It returns when `setUp` is done and the loop is about
  /// to run.
  /// - Parameters:
  ///   - name: as shown by ps(1). The kernel keeps the first 15 bytes.
  ///   - index: the loop's number.
  /// - Throws: the error of `setUp` (the loop and its registrations are then gone), or a `SystemCallError`.
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

  /// Asks the loop to end after its current turn. It returns at once.
  public func stop() {
    handle.stop()
  }

  /// Waits until the loop and its thread have ended. The loop's own thread must not call it.
  public func join() {
    thread.join()
  }
}

/// Carries the result of the start from the new thread to the starter, which waits for it.
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
