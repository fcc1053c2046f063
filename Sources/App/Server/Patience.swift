// A wait that has an end, whatever it waits for. Structured concurrency has none: a task group waits for all of its tasks, also for
// one that does not hear of its cancellation.

/// Waits for `work`, at most for `limit`. Work that takes longer goes on, for nobody.
/// - Returns: nil if it took longer.
func result<Value: Sendable>(
  within limit: Duration, of work: @escaping @Sendable () async -> Value
) async -> Value? {
  let (outcomes, outcome) = AsyncStream<Value?>.makeStream(bufferingPolicy: .bufferingOldest(1))
  Task { outcome.yield(await work()) }
  let clock = Task {
    // A wait that was cancelled is work that was quicker.
    do { try await Task.sleep(for: limit) } catch { return }
    outcome.yield(nil)
  }
  defer { clock.cancel() }
  for await first in outcomes { return first }
  return nil
}
