// The life of one client connection, without input or output: the phases, the events that change them, and the actions
// that follow. The owner holds the bytes, pushes, answers and clocks. It reports events and carries out the actions in
// their order.
//
//   proxied ─▶ arriving ─▶ handshaking ─▶ idle ─head─▶ (lookingUp) ─▶ reading | gathering | discarding ─end─▶ answering ─▶ idle
//                                          ▲                                                                      └▶ streaming ─▶ idle
//   any phase ─▶ closing (unsent bytes are written) ─▶ lingering (the client's bytes are skipped) ─▶ gone
//
// docs/CONNECTION.md lists every transition in a table that a test prints from this machine.

/// The state machine of a connection. A deadline counts in each phase except `refusing` and `gone`.
struct ConnectionMachine: ~Copyable {
  enum Phase: String, CaseIterable {
    /// A balancer has to send a PROXY header. → arriving, closing, gone
    case proxied
    /// The client has sent no byte. → handshaking, closing, gone
    case arriving
    /// TLS has begun. → idle, gone
    case handshaking
    /// No request is in work. A part of the next head may have arrived.
    /// → lookingUp, reading, gathering, discarding, answering, refusing, closing, gone
    case idle
    /// The database is asked for the collector of a head.
    /// → reading, gathering, discarding, answering, refusing, gone
    case lookingUp
    /// The reader processes the body of a push. → answering, discarding, refusing, gone
    case reading
    /// The body of a request for an endpoint is collected. → answering, discarding, refusing, gone
    case gathering
    /// The refusal is decided. The rest of the body is skipped, so that the connection can stay open. → refusing, gone
    case discarding
    /// The writer or an endpoint works on the answer. → idle, streaming, refusing, closing, gone
    case answering
    /// The head of the answer is sent, and the body follows in parts. → idle, closing, gone
    case streaming
    /// A refusal is rendered: `answered` follows at once. → idle, closing, gone
    case refusing
    /// The unsent bytes and the close_notify of TLS are written. → lingering, gone
    case closing
    /// The client may still be sending. Its bytes are skipped: a reset would destroy the answer that it has not read. →
    /// gone
    case lingering
    /// Everything is released.
    case gone
  }

  /// The whole state of the machine.
  struct State: Hashable {
    var phase: Phase
    /// The wait whose deadline counts.
    var wait: Wait?
    /// The socket takes no bytes. Until it does, only the write deadline counts, and bytes from the client do not
    /// postpone it.
    var isBlocked = false
    /// The client has closed its sending half.
    var hasPeerClosed = false
    /// The collector has lost its access. The connection closes after the next answer.
    var isRevoked = false
    /// The connection closes after the answer that is being rendered.
    var closesAfterAnswer = false
    /// The deadline of a head counts from its first byte. Later bytes do not postpone it.
    var isHeadTimed = false
  }

  private(set) var state: State

  /// - Parameter awaitsHeader: whether the peer is a balancer, which has to send a PROXY header first.
  init(awaitsHeader: Bool) { state = State(phase: awaitsHeader ? .proxied : .arriving) }

  /// Makes a machine in a given state, for tests.
  init(_ state: State) { self.state = state }

  var phase: Phase { state.phase }

  /// Whether no further request is accepted.
  var isOver: Bool {
    switch state.phase {
    case .closing, .lingering, .gone: true
    case .proxied, .arriving, .handshaking, .idle, .lookingUp, .reading, .gathering, .discarding, .answering,
      .streaming, .refusing:
      false
    }
  }

  /// Whether received bytes wait for the turn of the connection's network, because a handshake is expensive. The header
  /// of a balancer does not wait.
  var awaitsTurn: Bool { state.phase == .arriving || state.phase == .handshaking }

  /// Whether the next request has to wait for an answer. The owner keeps the bytes that arrive meanwhile.
  var isAnswerDue: Bool {
    switch state.phase {
    case .lookingUp, .answering, .streaming, .refusing: true
    case .proxied, .arriving, .handshaking, .idle, .reading, .gathering, .discarding, .closing, .lingering, .gone: false
    }
  }

  /// Whether the machine expects bytes of a body, or its end.
  var isBodyDue: Bool {
    switch state.phase {
    case .reading, .gathering, .discarding: true
    case .proxied, .arriving, .handshaking, .idle, .lookingUp, .answering, .streaming, .refusing, .closing, .lingering,
      .gone:
      false
    }
  }

  /// Processes an event and returns the actions that follow. An event that `Event.isExpected` excludes is a fault of
  /// the owner. In the phase `gone` every event is ignored, because the connection may end in the middle of the owner's
  /// work.
  mutating func handle(_ event: Event) -> Actions {
    if state.phase == .gone { return Actions() }
    precondition(event.isExpected(in: state.phase), "\(event) in phase \(state.phase)")
    switch event {
    case .opened: return Actions(arm(state.phase == .proxied ? .head : .handshake))
    case .unwatched:
      state = State(phase: .gone)
      return Actions()
    case .headerRead: return enter(.arriving, arm(.handshake))
    case .tlsBegun: return enter(.handshaking)
    case .refusedBeforeTLS(let isAnswered): return isAnswered ? close() : end()
    case .established: return enter(.idle, arm(.idle))
    case .headBegun: return headBegun()
    case .admitted(let admission): return admitted(admission)
    case .bodyTaken(let isChunked): return Actions(isChunked ? arm(.body) : nil)
    case .bodyRefused(let isRestShort): return isRestShort ? enter(.discarding) : refuse(.decided)
    case .bodyEnded: return bodyEnded()
    case .requestBroken: return refuse(.decided)
    case .answerBegun(let keepsAlive):
      state.closesAfterAnswer = !keepsAlive || state.hasPeerClosed || state.isRevoked
      return Actions()
    case .streamBegun: return enter(.streaming)
    case .partSent: return Actions(arm(.answer))
    case .answered: return state.closesAfterAnswer || state.hasPeerClosed ? close() : enter(.idle, arm(.idle))
    case .deadlineReached(let isHeadBegun): return deadlineReached(isHeadBegun)
    case .peerClosed(let isAnswerWanted): return peerClosed(isAnswerWanted)
    case .revoked(let isCollectors): return revoked(isCollectors)
    case .drained(let isHeadBegun): return drained(isHeadBegun)
    case .cutOff: return cutOff()
    case .blocked(let hasTaken): return blocked(hasTaken)
    case .flushed(let isHeadBegun): return flushed(isHeadBegun)
    case .skipped(let isTooMuch): return isTooMuch ? end() : Actions(arm(.linger))
    case .failed: return end()
    }
  }

  // MARK: Requests

  private mutating func headBegun() -> Actions {
    if state.isHeadTimed { return Actions() }
    state.isHeadTimed = true
    return Actions(arm(.head))
  }

  private mutating func admitted(_ admission: Admission) -> Actions {
    state.isHeadTimed = false
    switch admission {
    case .push: return enter(.reading, .invite, arm(.body))
    case .endpoint: return enter(.gathering, .invite, arm(.body))
    case .endpointAtOnce: return enter(.answering, .perform)
    case .lookUp: return enter(.lookingUp, arm(.answer))
    case .refusedWithoutBody: return enter(.discarding)
    case .refusedWithShortBody: return enter(.discarding, arm(.body))
    case .refusedWithLongBody: return refuse(.decided)
    }
  }

  private mutating func bodyEnded() -> Actions {
    switch state.phase {
    case .reading: return enter(.answering, arm(.answer), .store)
    case .gathering: return enter(.answering, arm(.answer), .perform)
    case .discarding: return refuse(.decided)
    case .proxied, .arriving, .handshaking, .idle, .lookingUp, .answering, .streaming, .refusing, .closing, .lingering,
      .gone:
      return Actions()
    }
  }

  // MARK: Interruptions

  private mutating func deadlineReached(_ isHeadBegun: Bool) -> Actions {
    state.wait = nil
    if state.isBlocked { return end() }
    switch state.phase {
    case .proxied:
      _ = end()
      return Actions(.reportMissingHeader, .failHandshake, .release)
    case .idle: return isHeadBegun ? refuse(.headDeadline) : close()
    case .reading, .gathering, .discarding: return refuse(.bodyDeadline)
    // The writer and the endpoint have their own, shorter deadlines. This one is for work without a deadline.
    case .lookingUp, .answering: return refuse(.answerDeadline, .resume)
    case .arriving, .handshaking, .streaming, .closing, .lingering: return end()
    case .refusing, .gone: return Actions()
    }
  }

  private mutating func peerClosed(_ isAnswerWanted: Bool) -> Actions {
    state.hasPeerClosed = true
    switch state.phase {
    // The client may have sent all its requests and still read.
    case .idle where isAnswerWanted: return enter(.closing, .stopReading, .close, arm(.close))
    case .lookingUp, .answering, .streaming: return isAnswerWanted ? Actions(.stopReading) : end()
    case .closing: return Actions(.stopReading)
    case .proxied, .arriving, .handshaking, .idle, .reading, .gathering, .discarding, .refusing, .lingering, .gone:
      return end()
    }
  }

  /// Refuses a request of the collector that is still arriving. A request in work gets no answer: a push that waits for
  /// its commit may be stored nevertheless. A request without the identity of a collector, such as an enrolment, is
  /// answered first.
  private mutating func revoked(_ isCollectors: Bool) -> Actions {
    state.isRevoked = true
    switch state.phase {
    case .idle: return close()
    case .reading: return refuse(.revoked)
    case .gathering: return isCollectors ? refuse(.revoked) : Actions()
    case .discarding: return refuse(.decided)
    case .answering: return isCollectors ? close() : Actions()
    case .streaming: return isCollectors ? end() : Actions()
    case .proxied, .arriving, .handshaking, .lookingUp, .refusing, .closing, .lingering, .gone: return Actions()
    }
  }

  /// Closes an idle connection at once. A busy connection closes after its answer.
  private mutating func drained(_ isHeadBegun: Bool) -> Actions {
    switch state.phase {
    case .idle: return isHeadBegun ? Actions() : close()
    case .proxied, .arriving, .handshaking: return end()
    case .lookingUp, .reading, .gathering, .discarding, .answering, .streaming, .refusing, .closing, .lingering, .gone:
      return Actions()
    }
  }

  private mutating func cutOff() -> Actions {
    switch state.phase {
    case .lookingUp, .reading, .gathering, .discarding, .answering: return refuse(.shuttingDown)
    case .proxied, .arriving, .handshaking, .idle, .streaming: return end()
    case .refusing, .closing, .lingering, .gone: return Actions()
    }
  }

  // MARK: The socket

  private mutating func blocked(_ hasTaken: Bool) -> Actions {
    if state.isBlocked { return Actions(hasTaken ? .arm(.write) : nil) }
    state.isBlocked = true
    state.wait = .write
    return Actions(.awaitWritable, .arm(.write))
  }

  private mutating func flushed(_ isHeadBegun: Bool) -> Actions {
    let unblocking: Action? = state.isBlocked ? .becomeWritable : nil
    state.isBlocked = false
    if state.phase == .closing {
      if state.hasPeerClosed { return end() }
      return enter(.lingering, unblocking, .closeSending, .startReading, arm(.linger))
    }
    return Actions(unblocking, unblocking == nil ? nil : armPhase(isHeadBegun))
  }

  /// The client takes bytes again. Returns the action that arms the deadline of the phase.
  private mutating func armPhase(_ isHeadBegun: Bool) -> Action? {
    switch state.phase {
    case .idle: arm(isHeadBegun ? .head : .idle)
    case .reading, .gathering, .discarding: arm(.body)
    case .lookingUp, .answering, .streaming: arm(.answer)
    case .proxied, .arriving, .handshaking, .refusing, .closing, .lingering, .gone: nil  // the write deadline stays
    }
  }

  // MARK: Steps that several events have in common

  private mutating func enter(
    _ phase: Phase, _ first: Action? = nil, _ second: Action? = nil, _ third: Action? = nil, _ fourth: Action? = nil
  ) -> Actions {
    state.phase = phase
    return Actions(first, second, third, fourth)
  }

  private mutating func arm(_ wait: Wait) -> Action? {
    if state.isBlocked { return nil }
    state.wait = wait
    return .arm(wait)
  }

  private mutating func refuse(_ cause: Cause, _ then: Action? = nil) -> Actions {
    enter(.refusing, .refuse(cause), then)
  }

  private mutating func close() -> Actions { enter(.closing, .close, arm(.close)) }

  private mutating func end() -> Actions {
    let phase = state.phase
    state = State(phase: .gone)
    switch phase {
    case .proxied, .arriving, .handshaking: return Actions(.failHandshake, .release)
    case .streaming: return Actions(.breakStream, .release)
    case .idle, .lookingUp, .reading, .gathering, .discarding, .answering, .refusing, .closing, .lingering:
      return Actions(.release)
    case .gone: return Actions()
    }
  }
}
