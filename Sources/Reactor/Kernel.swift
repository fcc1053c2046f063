// The system calls of a loop: readiness of descriptors, and time. Each loop of the server uses Epoll.swift. The
// simulation in the tests has an implementation that works from a seed.

/// The system under one loop. All calls come from the loop's thread.
public protocol Kernel: AnyObject {
  /// Reports the readiness of `fd` with `key` from now on, level-triggered.
  func add(_ fd: CInt, _ interest: Interest, key: UInt64) throws(SystemCallError)
  /// Changes the interest of `fd`.
  func modify(_ fd: CInt, _ interest: Interest, key: UInt64) throws(SystemCallError)
  /// Stops reporting `fd`. The loop calls it before `fd` is closed.
  func remove(_ fd: CInt)
  /// Waits until a descriptor is ready.
  /// - Parameter nanoseconds: the longest wait; negative for no limit.
  /// - Returns: the number of events. `event(at:)` gives them until the next wait.
  func wait(nanoseconds: Int64) -> Int
  /// An event of the latest wait.
  func event(at index: Int) -> (key: UInt64, readiness: Readiness)
  /// The time on a clock that never goes back.
  func monotonicTime() -> MonotonicTime
  /// The unix time in microseconds. It may jump.
  func wallTime() -> Int64
}
