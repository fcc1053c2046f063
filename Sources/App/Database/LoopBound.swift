internal import Reactor

/// Lets other threads name an object that lives on a loop, and only the loop's own thread touch it.
struct LoopBound<Value>: @unchecked Sendable {  // Safety: `value(on:)` demands the one loop that `home` belongs to, and an `EventLoop` can't leave its thread.
  private let value: Value
  private let home: LoopHandle

  /// Called on the thread of `loop`, by who built `value` there.
  init(_ value: Value, on loop: EventLoop) {
    self.value = value
    home = loop.handle
  }

  func value(on loop: EventLoop) -> Value {
    precondition(loop.handle === home, "an object of one loop was reached from another")
    return value
  }
}
