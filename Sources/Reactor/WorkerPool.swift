// A few threads for long computations: a password hash takes 100 ms, in which a loop could serve a thousand pushes.
// Jobs must not wait, because a waiting worker serves no other job.

internal import Synchronization

/// The reason that a pool does not run a job.
public enum WorkerPoolError: Error, Equatable, Sendable {
  /// `limit` jobs already wait. The caller answers "busy" and does not wait.
  case queueFull(limit: Int)
  /// The pool has stopped.
  case stopped
}

/// A fixed number of threads with one bounded queue of jobs.
public final class WorkerPool: Sendable {
  private let queue: WorkQueue
  private let threads: [SystemThread]

  /// Starts the threads.
  /// - Parameters:
  ///   - name: the name of each thread, as shown by ps(1). The kernel keeps the first 15 bytes.
  ///   - threads: the number of jobs that run at once.
  ///   - maximumWaiting: the number of further jobs that may wait. Beyond it `submit` throws `.queueFull`.
  public init(name: String, threads count: Int, maximumWaiting: Int) throws(SystemCallError) {
    precondition(count > 0 && maximumWaiting >= 0)
    let queue = try WorkQueue(threads: count, maximumWaiting: maximumWaiting)
    var threads: [SystemThread] = []
    do throws(SystemCallError) {
      for _ in 0..<count {
        threads.append(try SystemThread(name: name) { while let job = queue.next() { job() } })
      }
    } catch {
      queue.close()
      throw error
    }
    self.queue = queue
    self.threads = threads
  }

  deinit { queue.close() }

  /// Runs `work` on a worker. Work of a loop passes its result to `LoopHandle.submit`, and identifies a connection by
  /// its token and not by a reference.
  /// - Throws: `.queueFull`, `.stopped`.
  public func submit(_ work: @escaping @Sendable () -> Void) throws(WorkerPoolError) {
    try queue.append(work)
  }

  /// Runs `work` on a worker and waits for its result without blocking a thread. Cancelling the task does not stop the
  /// work.
  /// - Throws: `.queueFull`, `.stopped`; `.stopped` also for work that still waited when `stop(discarding: true)` was
  ///   called.
  public func run<R: Sendable>(_ work: @escaping @Sendable () -> R) async throws(WorkerPoolError) -> R {
    let result: Result<R, WorkerPoolError> = await withCheckedContinuation { continuation in
      do throws(WorkerPoolError) {
        try submit { [queue] in
          continuation.resume(returning: queue.isDiscarding ? .failure(.stopped) : .success(work()))
        }
      } catch {
        continuation.resume(returning: .failure(error))
      }
    }
    return try result.get()
  }

  /// Refuses new jobs, finishes the accepted ones, and returns when all threads have ended. A worker must not call it.
  /// - Parameter isDiscarding: whether work that `run` accepted and that still waits is dropped.
  public func stop(discarding isDiscarding: Bool = false) {
    if isDiscarding { queue.discard() }
    queue.close()
    for thread in threads { thread.join() }
  }
}

/// A bounded first-in, first-out queue. One unit of `available` stands for one job, or for one thread that may end.
private final class WorkQueue: Sendable {
  private struct Jobs {
    var waiting: [@Sendable () -> Void] = []
    /// The number of jobs accepted and not finished.
    var unfinished = 0
    var isClosed = false
  }

  private let threads: Int
  private let maximumWaiting: Int
  private let jobs = Mutex(Jobs())
  private let available: Semaphore
  private let discards = Atomic<Bool>(false)

  init(threads: Int, maximumWaiting: Int) throws(SystemCallError) {
    self.threads = threads
    self.maximumWaiting = maximumWaiting
    available = try Semaphore()
  }

  func append(_ job: @escaping @Sendable () -> Void) throws(WorkerPoolError) {
    let refusal: WorkerPoolError? = jobs.withLock { jobs in
      if jobs.isClosed { return .stopped }
      if jobs.unfinished >= threads + maximumWaiting { return .queueFull(limit: maximumWaiting) }
      jobs.unfinished += 1
      jobs.waiting.append {
        job()
        self.jobs.withLock { $0.unfinished -= 1 }
      }
      return nil
    }
    if let refusal { throw refusal }
    available.post()
  }

  /// Waits for a job.
  /// - Returns: nil when the queue is closed and empty.
  func next() -> (@Sendable () -> Void)? {
    available.wait()
    return jobs.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
  }

  func discard() { discards.store(true, ordering: .relaxed) }

  var isDiscarding: Bool { discards.load(ordering: .relaxed) }

  func close() {
    let isFirst = jobs.withLock { jobs in
      defer { jobs.isClosed = true }
      return !jobs.isClosed
    }
    if isFirst { available.post(threads) }
  }
}
