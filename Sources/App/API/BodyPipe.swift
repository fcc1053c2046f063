// The body of a streamed answer on its way from who makes it (on any thread) to the connection that sends it (on its loop).
//
//   producer ──write──▶ [ parts, at most `capacity` bytes and one part more ] ──take──▶ connection ──▶ socket
//      ▲ onRoom, once there is half of it free                                │ cancel: the client is gone
//      └──────────────────────────────────────────────────────────────────────┘
//
// Neither side waits for the other on a thread: who finds the pipe full, or empty, is called when that has changed.

import Protocol
import Synchronization

final class BodyPipe: Sendable {
  enum Piece: Sendable {
    case part([UInt8])
    /// The body is whole. What was not known before comes as trailers.
    case end(trailers: [HTTPField])
    /// The producer had to give up: the client must notice.
    case broken
    /// Nothing now; the connection is woken when there is.
    case nothing
  }

  private enum Ending {
    case whole([HTTPField])
    case broken
  }

  private struct State {
    /// Those before `next` are taken.
    var parts: [[UInt8]] = []
    var next = 0
    var heldBytes = 0
    var ending: Ending?
    var isCancelled = false
    /// The producer was told that there is no room.
    var isProducerWaiting = false
    /// The connection was told that there is nothing.
    var isConsumerWaiting = false
    var wake: (@Sendable () -> Void)?
    var onRoom: (@Sendable () -> Void)?
    var onCancel: (@Sendable () -> Void)?
  }

  private let capacity: Int
  private let state = Mutex(State())

  /// - Parameter capacity: bytes; a part that goes beyond is still taken, and the next has to wait.
  init(capacity: Int) { self.capacity = capacity }

  // MARK: The producer

  /// Sets what is called, from any thread, when there is room again and when the client is gone.
  func produce(onRoom: @escaping @Sendable () -> Void, onCancel: @escaping @Sendable () -> Void) {
    let isCancelled = state.withLock { state in
      state.onRoom = onRoom
      state.onCancel = onCancel
      return state.isCancelled
    }
    if isCancelled { onCancel() }
  }

  /// - Returns: whether there is room for more; if not, `onRoom` is called once there is.
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

  func finish(trailers: [HTTPField] = []) { end(.whole(trailers)) }

  /// The body can't be made to its end.
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

  /// - Parameter wake: called, from any thread, when there is something after `.nothing`.
  func consume(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

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

  /// The client is gone: what is made is for nobody. Harmless after the end.
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

  /// Bytes that wait for the connection.
  var heldBytes: Int { state.withLock { $0.heldBytes } }
}
