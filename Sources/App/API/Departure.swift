// Ends the work for a request whose client is gone and cannot take the answer.

import Synchronization

/// Records whether the client of a request is gone. Only work that asks for it is ended early: most work is short, and
/// it is simpler to finish it. Any thread may call it.
final class Departure: Sendable {
  private struct State {
    var hasHappened = false
    var action: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  /// Sets the closure to call when the client is gone.
  /// - Parameter action: called once, on any thread. It is called at once if the client is already gone.
  func onDeparture(_ action: @escaping @Sendable () -> Void) {
    let hasHappened = state.withLock { state in
      if !state.hasHappened { state.action = action }
      return state.hasHappened
    }
    if hasHappened { action() }
  }

  /// Whether an endpoint waits for the client's departure. A client that closes its sending half then counts as gone.
  var isAwaited: Bool { state.withLock { $0.action != nil } }

  /// Records that the client is gone, and calls the closure.
  func happened() {
    let action = state.withLock { state in
      state.hasHappened = true
      defer { state.action = nil }
      return state.action
    }
    action?()
  }
}
