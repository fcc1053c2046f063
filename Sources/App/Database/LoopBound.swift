internal import Reactor

/// A reference to an object that lives on a loop. Any thread may hold the reference, but only the loop's own thread can
/// reach the object: `value(on:)` demands the loop itself, which is not Sendable and so exists on no other thread.
struct LoopBound<Value>: @unchecked Sendable {  // Safety: no thread but the loop's own can produce the argument.
  private let value: Value
  private let home: LoopHandle

  /// Called on the thread of `loop`, which has created `value`.
  init(_ value: Value, on loop: EventLoop) {
    self.value = value
    home = loop.handle
  }

  func value(on loop: EventLoop) -> Value {
    precondition(loop.handle === home, "an object of one loop was reached from another")
    return value
  }
}
