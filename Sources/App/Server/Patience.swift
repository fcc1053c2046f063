// A wait with a time limit. Structured concurrency has no such wait: a task group waits for all of its tasks, even for
// one that ignores its cancellation.

/// Waits for `work`, but no longer than `limit`. Work that takes longer continues, and its result is ignored.
/// - Returns: nil if it took longer.
func result<Value: Sendable>(
  within limit: Duration, of work: @escaping @Sendable () async -> Value
) async -> Value? {
  let (outcomes, outcome) = AsyncStream<Value?>.makeStream(bufferingPolicy: .bufferingOldest(1))
  Task { outcome.yield(await work()) }
  let clock = Task {
    // A cancelled sleep means that the work was faster.
    do { try await Task.sleep(for: limit) } catch { return }
    outcome.yield(nil)
  }
  defer { clock.cancel() }
  for await first in outcomes { return first }
  return nil
}
