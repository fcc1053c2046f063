import Synchronization

/// Work that runs periodically and on request, one run at a time.
package final class RecurringWork: Sendable {
  private struct Request: Sendable {
    /// Resumed after the work; nil if no caller waits.
    let done: CheckedContinuation<Void, Never>?
  }

  private let requests: AsyncStream<Request>
  private let asked: AsyncStream<Request>.Continuation
  /// Whether a request without a waiting caller is in the stream. Further such requests are dropped: one run answers
  /// all of them.
  private let isAsked = Mutex(false)

  package init() { (requests, asked) = AsyncStream.makeStream() }

  /// Requests a run. May be called from any thread.
  package func ask() {
    let isFirst = isAsked.withLock { isAsked in
      defer { isAsked = true }
      return !isAsked
    }
    if isFirst { asked.yield(Request(done: nil)) }
  }

  /// Requests a run and returns after it. Returns at once if `run` has ended.
  package func perform() async {
    await withCheckedContinuation { done in
      if case .terminated = asked.yield(Request(done: done)) { done.resume() }
    }
  }

  /// Does the work until the task is cancelled. To be called once.
  package func run(every interval: Live<Duration>, _ work: @Sendable () async -> Void) async {
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
