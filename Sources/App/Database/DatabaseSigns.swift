import Reactor
import Synchronization

/// When a database last answered. Any thread may read it.
final class DatabaseSigns: Sendable {
  private let nanoseconds = Atomic<UInt64>(0)

  func record(_ time: MonotonicTime) { nanoseconds.store(time.nanoseconds, ordering: .relaxed) }

  var last: MonotonicTime { MonotonicTime(nanoseconds: nanoseconds.load(ordering: .relaxed)) }
}
