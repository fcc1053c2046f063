// What a loop asks of the system: which descriptors are ready, and what time it is. Epoll.swift answers it for every loop of
// the server; the simulation of the tests answers it from a seed.

/// The system under one loop. Called on the loop's thread only.
public protocol Kernel: AnyObject {
  /// Reports `fd` with `key` from now on, level-triggered.
  func add(_ fd: CInt, _ interest: Interest, key: UInt64) throws(SystemCallError)
  func modify(_ fd: CInt, _ interest: Interest, key: UInt64) throws(SystemCallError)
  /// Called before `fd` is closed.
  func remove(_ fd: CInt)
  /// Waits until something is ready. - Parameter nanoseconds: at most this long; negative: for ever.
  /// - Returns: how many events `event(at:)` can be asked for, until the next wait.
  func wait(nanoseconds: Int64) -> Int
  func event(at index: Int) -> (key: UInt64, readiness: Readiness)
  /// Never goes back.
  func monotonicTime() -> MonotonicTime
  /// Unix time in microseconds; may jump.
  func wallTime() -> Int64
}
