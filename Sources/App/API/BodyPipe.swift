// Carries the body of a streamed answer from its producer (on any thread) to the connection that sends it (on its
// loop).
//
//   producer ──write──▶ [ parts, at most `capacity` bytes and one part more ] ──take──▶ connection ──▶ socket
//      ▲ onRoom, when half of the capacity is free                              │ cancel: the client is gone
//      └────────────────────────────────────────────────────────────────────────┘
//
// Neither side blocks a thread. A producer that finds the pipe full, or a connection that finds it empty, is called
// back when that changes.

import Protocol
import Synchronization

/// A bounded queue of body parts with one producer and one connection. Any thread may call it.
final class BodyPipe: Sendable {
  /// The result of `take`.
  enum Piece: Sendable {
    case part([UInt8])
    /// The body is complete. The trailers carry fields that were not known when the head was sent.
    case end(trailers: [HTTPField])
    /// The producer failed. The client must be able to see that the body is incomplete.
    case broken
    /// No part is ready. The connection is called back when one is.
    case nothing
  }

  private enum Ending {
    case whole([HTTPField])
    case broken
  }

  private struct State {
    /// Parts before the index `next` are taken.
    var parts: [[UInt8]] = []
    var next = 0
    var heldBytes = 0
    var ending: Ending?
    var isCancelled = false
    /// `write` has returned false, and `onRoom` is due.
    var isProducerWaiting = false
    /// `take` has returned `.nothing`, and `wake` is due.
    var isConsumerWaiting = false
    var wake: (@Sendable () -> Void)?
    var onRoom: (@Sendable () -> Void)?
    var onCancel: (@Sendable () -> Void)?
  }

  private let capacity: Int
  private let state = Mutex(State())

  /// - Parameter capacity: in bytes. The pipe accepts a part that exceeds the capacity; the producer then waits before
  ///   the next part.
  init(capacity: Int) { self.capacity = capacity }

  // MARK: The producer

  /// Sets the producer's closures. `onRoom` is called when there is room again, `onCancel` when the client is gone.
  /// Both may be called on any thread. `onCancel` is called at once if the client is already gone.
  func produce(onRoom: @escaping @Sendable () -> Void, onCancel: @escaping @Sendable () -> Void) {
    let isCancelled = state.withLock { state in
      state.onRoom = onRoom
      state.onCancel = onCancel
      return state.isCancelled
    }
    if isCancelled { onCancel() }
  }

  /// Appends a part of the body.
  /// - Returns: whether there is room for another part. If not, `onRoom` is called when there is.
  func write(_ part: [UInt8]) -> Bool {
    let (hasRoom, wake) = state.withLock { state in
      if state.isCancelled { return (true, nil as (@Sendable () -> Void)?) }
      state.parts.append(part)
      state.heldBytes += part.count
      state.isProducerWaiting = state.heldBytes >= capacity
      return (!state.isProducerWaiting, Self.takeWake(&state))
    }
    wake?()
    return hasRoom
  }

  /// Ends the body successfully.
  func finish(trailers: [HTTPField] = []) { end(.whole(trailers)) }

  /// Ends the body because the rest of it cannot be produced.
  func fail() { end(.broken) }

  private func end(_ ending: Ending) {
    let wake = state.withLock { state in
      if state.ending == nil { state.ending = ending }
      state.onRoom = nil
      state.onCancel = nil
      return Self.takeWake(&state)
    }
    wake?()
  }

  private static func takeWake(_ state: inout State) -> (@Sendable () -> Void)? {
    guard state.isConsumerWaiting else { return nil }
    state.isConsumerWaiting = false
    return state.wake
  }

  // MARK: The connection

  /// Sets the connection's closure.
  /// - Parameter wake: called on any thread when a part or the end is ready after `take` has returned `.nothing`.
  func consume(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

  /// Removes and returns the next part. Calls `onRoom` if the producer waits and half of the capacity is free.
  func take() -> Piece {
    let (piece, onRoom) = state.withLock { state in
      guard state.next < state.parts.count else {
        switch state.ending {
        case .whole(let trailers): return (Piece.end(trailers: trailers), nil as (@Sendable () -> Void)?)
        case .broken: return (.broken, nil)
        case nil:
          state.isConsumerWaiting = true
          return (.nothing, nil)
        }
      }
      let part = state.parts[state.next]
      state.next += 1
      state.heldBytes -= part.count
      if state.next == state.parts.count {
        state.parts.removeAll(keepingCapacity: true)
        state.next = 0
      } else {
        state.parts[state.next - 1] = []
      }
      guard state.isProducerWaiting, state.heldBytes <= capacity / 2 else { return (.part(part), nil) }
      state.isProducerWaiting = false
      return (.part(part), state.onRoom)
    }
    onRoom?()
    return piece
  }

  /// Drops the body because the client is gone, and calls `onCancel`. Does nothing after the end of the body.
  func cancel() {
    let onCancel = state.withLock { state in
      state.isCancelled = true
      state.parts.removeAll()
      state.next = 0
      state.heldBytes = 0
      state.wake = nil
      state.onRoom = nil
      defer { state.onCancel = nil }
      return state.onCancel
    }
    onCancel?()
  }

  var isCancelled: Bool { state.withLock { $0.isCancelled } }

  /// The number of bytes that wait for the connection.
  var heldBytes: Int { state.withLock { $0.heldBytes } }
}
