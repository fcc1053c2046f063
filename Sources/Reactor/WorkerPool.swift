// A few threads for what takes a CPU long: a password hash is 100 ms, in which a loop would serve a thousand pushes.
// Not for waiting: a worker that waits is a worker missing.

internal import Synchronization

public enum WorkerPoolError: Error, Equatable, Sendable {
  /// `limit` jobs are waiting already. The caller answers "busy"; it does not wait its turn.
  case queueFull(limit: Int)
  case stopped
}

public final class WorkerPool: Sendable {
  private let queue: WorkQueue
  private let threads: [SystemThread]

  /// - Parameters:
  ///   - name: of each thread, as shown by ps(1); the kernel keeps 15 bytes.
  ///   - threads: how many jobs run at once.
  ///   - maximumWaiting: how many more may wait; beyond it, `.queueFull`.
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

  /// Runs `work` on a worker. From a loop, `work` hands its result to `LoopHandle.submit` and names a connection by its
  /// token, not by reference.
  public func submit(_ work: @escaping @Sendable () -> Void) throws(WorkerPoolError) {
    try queue.append(work)
  }

  /// Runs `work` on a worker and waits for its result without holding a thread. Cancelling the task does not stop it.
  /// - Throws: `.stopped` also for work that waited when `stop(discarding: true)` was called.
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

  /// Takes no more jobs, finishes those accepted, and returns when all threads have ended. Not from a worker.
  /// - Parameter isDiscarding: of those accepted by `run`, the ones that wait are not done any more.
  public func stop(discarding isDiscarding: Bool = false) {
    if isDiscarding { queue.discard() }
    queue.close()
    for thread in threads { thread.join() }
  }
}

/// First in, first out, bounded. One posted unit of `available` is one job, or one thread's permission to end.
private final class WorkQueue: Sendable {
  private struct Jobs {
    var waiting: [@Sendable () -> Void] = []
    /// Accepted and not finished.
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

  /// Waits for a job. - Returns: nil when the queue is closed and empty.
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
