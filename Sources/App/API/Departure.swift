// Lets the work for a request end when nobody is there any more to take its answer.

import Synchronization

/// Whether the client of one request has gone. Only who asks for it hears of it: most work is short, and better finished.
final class Departure: Sendable {
  private struct State {
    var hasHappened = false
    var action: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  /// - Parameter action: called once, from any thread; at once if the client is gone already.
  func onDeparture(_ action: @escaping @Sendable () -> Void) {
    let hasHappened = state.withLock { state in
      if !state.hasHappened { state.action = action }
      return state.hasHappened
    }
    if hasHappened { action() }
  }

  /// Whether somebody wants to know. A client that closes its half of the connection is then taken to be gone.
  var isAwaited: Bool { state.withLock { $0.action != nil } }

  func happened() {
    let action = state.withLock { state in
      state.hasHappened = true
      defer { state.action = nil }
      return state.action
    }
    action?()
  }
}
