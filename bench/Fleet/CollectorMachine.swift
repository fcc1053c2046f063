// The state machine of a collector, without input or output, clock or connection. It sends a push again, byte for byte,
// until the server has acknowledged it or has refused it for ever.
//
//                  begin                 connected
//    unconnected ────────▶ connecting ───────────────▶ idle ◀──────────────┐ settled
//                           ▲  ▲  │ lost (backs off)     │ pushDue          │
//                           │  └──┘                      ▼                  │
//                           │ lost                    pushing ──────────────┤
//                           ├──────────────────────── refreshing ◀── 401, token aged
//                           └──── retryDue ────────── waiting ◀───── 429, 503

internal import Protocol

/// The state of one collector's connection, push and token.
struct CollectorMachine: ~Copyable {
  /// What the owner has to do.
  enum Action: Equatable {
    case none
    /// Connect after this time, as soon as a handshake slot is free.
    case connect(after: Duration)
    /// Send the push. The owner makes the push first unless `isResend`.
    case sendPush(isResend: Bool)
    case refreshToken
    /// Call `retryDue` after this time.
    case wait(Duration)
    /// The collector is finished: close the connection.
    case finish
  }

  private enum State {
    case unconnected  // → connecting
    case connecting  // backing off, queueing for a slot, or shaking hands; → idle, pushing, refreshing, finished
    case idle  // connected, nothing to do; → pushing, refreshing, connecting, finished
    case pushing  // → idle, refreshing, waiting, connecting, finished
    case refreshing  // → idle, pushing, waiting, connecting, finished
    case waiting(isConnected: Bool)  // a pause before the next try; → pushing, refreshing, idle, connecting
    case finished
  }

  private var state = State.unconnected
  /// Whether there is a push that the server has not settled.
  private(set) var hasPush = false
  /// Whether the push was sent before.
  private var wasSent = false
  private var needsRefresh = false
  /// Whether a 401 to this push has already led to a new token.
  private var hasRefreshedForPush = false
  private var isEnding = false
  private var backOff: BackOff

  init(backOff: BackOff) { self.backOff = backOff }

  var isFinished: Bool {
    switch state {
    case .finished: true
    case .unconnected, .connecting, .idle, .pushing, .refreshing, .waiting: false
    }
  }

  // MARK: The run

  /// Begins to connect. The collector is enrolled.
  mutating func begin() -> Action {
    guard case .unconnected = state else { preconditionFailure("begun twice") }
    state = .connecting
    return .connect(after: .zero)
  }

  /// Records that a push is due. Call it only while `hasPush` is false.
  mutating func pushDue() -> Action {
    precondition(!hasPush, "a collector has one push at a time")
    switch state {
    case .idle:
      hasPush = true
      return proceed()
    case .connecting, .refreshing, .waiting:
      hasPush = true
      return .none
    case .pushing, .unconnected: preconditionFailure("a push fell due while \(state)")
    case .finished: return .none
    }
  }

  /// Records that the token has to be refreshed.
  mutating func tokenAged() -> Action {
    needsRefresh = true
    switch state {
    case .idle: return proceed()
    case .unconnected, .connecting, .pushing, .refreshing, .waiting, .finished: return .none
    }
  }

  /// Records that no further push will fall due. The push in hand is still completed.
  mutating func runEnded() -> Action {
    isEnding = true
    return hasPush ? .none : finish()
  }

  /// Finishes at once, because the time limit of the drain has passed.
  mutating func abandoned() -> Action { finish() }

  // MARK: The connection

  /// Records that the connection is open.
  mutating func connected() -> Action {
    switch state {
    case .connecting: return proceed()
    case .unconnected, .idle, .pushing, .refreshing, .waiting: preconditionFailure("connected while \(state)")
    case .finished: return .none
    }
  }

  /// Records that the connection, or the attempt to make one, is lost.
  mutating func connectionLost() -> Action {
    switch state {
    case .connecting, .idle, .pushing, .refreshing:
      if isEnding, !hasPush { return finish() }
      state = .connecting
      return .connect(after: backOff.next())
    case .waiting:
      state = .waiting(isConnected: false)
      return .none
    case .unconnected: preconditionFailure("lost before it was begun")
    case .finished: return .none
    }
  }

  // MARK: Answers (`keepsConnection`: whether another request may follow on the connection)

  /// Records that the push is stored, or refused for ever.
  mutating func pushSettled(keepsConnection: Bool) -> Action {
    expectPushing()
    hasPush = false
    wasSent = false
    hasRefreshedForPush = false
    backOff.reset()
    return continued(keepsConnection)
  }

  /// Records that the push needs another request: the answer was to a faulty form of it, or it is sent once more.
  mutating func pushAgain(keepsConnection: Bool) -> Action {
    expectPushing()
    return continued(keepsConnection)
  }

  /// Records that the server does not take the push now.
  /// - Parameter retryAfter: the pause that the server asks for; nil leaves it to the back-off.
  mutating func pushDeferred(retryAfter: Duration?, keepsConnection: Bool) -> Action {
    expectPushing()
    return wait(retryAfter, keepsConnection)
  }

  /// Records that the server refused the token (401).
  mutating func pushUnauthorized(keepsConnection: Bool) -> Action {
    expectPushing()
    needsRefresh = true
    // The second refusal concerns a new token. Without a pause, the requests would repeat without end.
    if hasRefreshedForPush { return wait(nil, keepsConnection) }
    hasRefreshedForPush = true
    return continued(keepsConnection)
  }

  /// Records that the server has issued a new token.
  mutating func tokenRefreshed(keepsConnection: Bool) -> Action {
    guard case .refreshing = state else { preconditionFailure("a token came while \(state)") }
    needsRefresh = false
    return continued(keepsConnection)
  }

  /// Records that the server has not issued a new token.
  mutating func refreshRefused(retryAfter: Duration?, keepsConnection: Bool) -> Action {
    guard case .refreshing = state else { preconditionFailure("a token was refused while \(state)") }
    return wait(retryAfter, keepsConnection)
  }

  /// Continues after the pause of `.wait`.
  mutating func retryDue() -> Action {
    guard case .waiting(let isConnected) = state else { preconditionFailure("nobody waits while \(state)") }
    return continued(isConnected)
  }

  // MARK: Transitions

  /// Returns the next action on a connection without an unanswered request.
  private mutating func proceed() -> Action {
    if isEnding, !hasPush { return finish() }
    if needsRefresh {
      state = .refreshing
      return .refreshToken
    }
    guard hasPush else {
      state = .idle
      return .none
    }
    state = .pushing
    defer { wasSent = true }
    return .sendPush(isResend: wasSent)
  }

  private mutating func continued(_ isConnected: Bool) -> Action {
    if isConnected { return proceed() }
    if isEnding, !hasPush { return finish() }
    state = .connecting
    return .connect(after: .zero)
  }

  private mutating func wait(_ time: Duration?, _ isConnected: Bool) -> Action {
    state = .waiting(isConnected: isConnected)
    return .wait(time ?? backOff.next())
  }

  private mutating func finish() -> Action {
    state = .finished
    return .finish
  }

  private func expectPushing() {
    guard case .pushing = state else { preconditionFailure("a push was answered while \(state)") }
  }
}
