import Ground
import Synchronization

/// Work that is done every now and then and when somebody asks; one at a time.
final class RecurringWork: Sendable {
  private struct Request: Sendable {
    /// Who waits for it.
    let done: CheckedContinuation<Void, Never>?
  }

  private let requests: AsyncStream<Request>
  private let asked: AsyncStream<Request>.Continuation
  /// No further request while one without anybody waiting is in the stream: a thousand are answered by one.
  private let isAsked = Mutex(false)

  init() { (requests, asked) = AsyncStream.makeStream() }

  /// Has it done soon. From any thread.
  func ask() {
    let isFirst = isAsked.withLock { isAsked in
      defer { isAsked = true }
      return !isAsked
    }
    if isFirst { asked.yield(Request(done: nil)) }
  }

  /// Has it done, and returns afterwards; at once if `run` has ended.
  func perform() async {
    await withCheckedContinuation { done in
      if case .terminated = asked.yield(Request(done: done)) { done.resume() }
    }
  }

  /// Does it until it is cancelled. Once in the life of this object.
  func run(every interval: Live<Duration>, _ work: @Sendable () async -> Void) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        while !Task.isCancelled {
          do { try await interval.sleep() } catch { return }
          self.ask()
        }
      }
      for await request in requests {
        isAsked.withLock { $0 = false }
        await work()
        request.done?.resume()
      }
      group.cancelAll()
    }
  }
}
