internal import Reactor

/// Lets other threads name an object that lives on a loop, and only the loop's own thread touch it: `value(on:)` demands
/// the loop itself, which is not Sendable and hence at hand nowhere else.
struct LoopBound<Value>: @unchecked Sendable {  // Safety: no thread but the loop's own can produce the argument.
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
