// What a collector does next, without input or output, clock or connection. The law it keeps: a push once begun is sent
// again, byte for byte, until the server has acknowledged it or said that it never will.
//
//                 begin                 connected
//   unconnected ────────▶ connecting ───────────────▶ idle ◀──────────────┐ settled
//                          ▲  ▲  │ lost (backs off)     │ pushDue          │
//                          │  └──┘                      ▼                  │
//                          │ lost                    pushing ──────────────┤
//                          ├──────────────────────── refreshing ◀── 401, token aged
//                          └──── retryDue ────────── waiting ◀───── 429, 503

internal import Protocol

/// One collector's connection, push and token.
struct CollectorMachine: ~Copyable {
  enum Action: Equatable {
    case none
    /// Connect as soon as this time is over and a handshake slot is free.
    case connect(after: Duration)
    /// Send the push; make it first unless it `isResend`.
    case sendPush(isResend: Bool)
    case refreshToken
    /// Call `retryDue` after this time.
    case wait(Duration)
    /// All is done: close what is open.
    case finish
  }

  private enum State {
    case unconnected  // → connecting
    case connecting  // backing off, queueing for a slot, or shaking hands; → idle, pushing, refreshing, finished
    case idle  // connected, nothing to do; → pushing, refreshing, connecting, finished
    case pushing  // → idle, refreshing, waiting, connecting, finished
    case refreshing  // → idle, pushing, waiting, connecting, finished
    case waiting(isConnected: Bool)  // told, or resolved, to come back later; → pushing, refreshing, idle, connecting
    case finished
  }

  private var state = State.unconnected
  /// There is a push that the server has not settled.
  private(set) var hasPush = false
  /// The push has been on the wire.
  private var wasSent = false
  private var needsRefresh = false
  /// A 401 on this push has led to a new token already.
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

  /// The collector is enrolled.
  mutating func begin() -> Action {
    guard case .unconnected = state else { preconditionFailure("begun twice") }
    state = .connecting
    return .connect(after: .zero)
  }

  /// The schedule has a push to make. Only while `hasPush` is false.
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

  /// Four fifths of the token's life are over.
  mutating func tokenAged() -> Action {
    needsRefresh = true
    switch state {
    case .idle: return proceed()
    case .unconnected, .connecting, .pushing, .refreshing, .waiting, .finished: return .none
    }
  }

  /// No further push will fall due. A push in hand is still brought to its end.
  mutating func runEnded() -> Action {
    isEnding = true
    return hasPush ? .none : finish()
  }

  /// The time to bring pushes to their end is over too.
  mutating func abandoned() -> Action { finish() }

  // MARK: The connection

  mutating func connected() -> Action {
    switch state {
    case .connecting: return proceed()
    case .unconnected, .idle, .pushing, .refreshing, .waiting: preconditionFailure("connected while \(state)")
    case .finished: return .none
    }
  }

  /// The connection, or the attempt to make one, is no more.
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

  // MARK: Answers. `keepsConnection`: whether another request may follow on the connection.

  /// The push was stored, or refused for ever.
  mutating func pushSettled(keepsConnection: Bool) -> Action {
    expectPushing()
    hasPush = false
    wasSent = false
    hasRefreshedForPush = false
    backOff.reset()
    return continued(keepsConnection)
  }

  /// The answer was to something else than the push as it must be, or it is to be sent once more: it stays in hand.
  mutating func pushAgain(keepsConnection: Bool) -> Action {
    expectPushing()
    return continued(keepsConnection)
  }

  /// The server will not take the push now. - Parameter retryAfter: as it said; nil leaves the wait to us.
  mutating func pushDeferred(retryAfter: Duration?, keepsConnection: Bool) -> Action {
    expectPushing()
    return wait(retryAfter, keepsConnection)
  }

  /// The server doubts the token: 401.
  mutating func pushUnauthorized(keepsConnection: Bool) -> Action {
    expectPushing()
    needsRefresh = true
    // A second time the token was new, so asking at once would be a loop.
    if hasRefreshedForPush { return wait(nil, keepsConnection) }
    hasRefreshedForPush = true
    return continued(keepsConnection)
  }

  mutating func tokenRefreshed(keepsConnection: Bool) -> Action {
    guard case .refreshing = state else { preconditionFailure("a token came while \(state)") }
    needsRefresh = false
    return continued(keepsConnection)
  }

  mutating func refreshRefused(retryAfter: Duration?, keepsConnection: Bool) -> Action {
    guard case .refreshing = state else { preconditionFailure("a token was refused while \(state)") }
    return wait(retryAfter, keepsConnection)
  }

  /// The time of `.wait` is over.
  mutating func retryDue() -> Action {
    guard case .waiting(let isConnected) = state else { preconditionFailure("nobody waits while \(state)") }
    return continued(isConnected)
  }

  // MARK: Transitions

  /// Goes on with a connection on which no request is unanswered.
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
