// The life of one client connection, without input or output: which phase follows which event, and what is to be done then. Bytes,
// pushes, answers and clocks stay with the owner, which tells of events and carries out the actions in their order.
//
//   proxied ─▶ arriving ─▶ handshaking ─▶ idle ─head─▶ (lookingUp) ─▶ reading | gathering | discarding ─end─▶ answering ─▶ idle
//                                          ▲                                                                      └▶ streaming ─▶ idle
//   any phase ─▶ closing (what is unsent leaves) ─▶ lingering (what the client still sends is skipped) ─▶ gone
//
// docs/CONNECTION.md has every transition, in a table that a test makes by walking this machine.

/// Decides what becomes of a connection. A deadline counts in each phase but `refusing` and `gone`.
struct ConnectionMachine: ~Copyable {
  enum Phase: String, CaseIterable {
    /// A balancer has to say for whom it speaks. → arriving, closing, gone
    case proxied
    /// Nothing has come from the client. → handshaking, closing, gone
    case arriving
    /// TLS has begun. → idle, gone
    case handshaking
    /// No request is in work; a part of the next head may be here.
    /// → lookingUp, reading, gathering, discarding, answering, refusing, closing, gone
    case idle
    /// The database is asked for the collector of a head.
    /// → reading, gathering, discarding, answering, refusing, gone
    case lookingUp
    /// The body of a push is fed to its reader. → answering, discarding, refusing, gone
    case reading
    /// The body for an endpoint is gathered. → answering, discarding, refusing, gone
    case gathering
    /// The refusal is decided; the rest of the body is skipped, so that the connection lives on. → refusing, gone
    case discarding
    /// The writer or an endpoint works on the answer. → idle, streaming, refusing, closing, gone
    case answering
    /// The head of the answer is out, the body follows part by part. → idle, closing, gone
    case streaming
    /// A refusal is rendered: `answered` follows at once. → idle, closing, gone
    case refusing
    /// What is unsent leaves, and TLS's farewell. → lingering, gone
    case closing
    /// The client may still be sending: that is skipped, so that no reset takes the answer from it. → gone
    case lingering
    /// Everything is given back.
    case gone
  }

  struct State: Hashable {
    var phase: Phase
    /// Whose deadline counts.
    var wait: Wait?
    /// The client takes nothing. Until it does, only its write deadline counts, and nothing that it sends puts that off.
    var isBlocked = false
    /// The client sends nothing any more.
    var hasPeerClosed = false
    /// The connection closes behind the next answer: its collector may not come in any more.
    var isRevoked = false
    /// The connection closes behind the answer that is being rendered.
    var closesAfterAnswer = false
    /// The head's deadline runs from its first byte and is not put off by later ones.
    var isHeadTimed = false
  }

  private(set) var state: State

  /// - Parameter awaitsHeader: a balancer has to say first for whom it speaks.
  init(awaitsHeader: Bool) { state = State(phase: awaitsHeader ? .proxied : .arriving) }

  /// In the middle of its life.
  init(_ state: State) { self.state = state }

  var phase: Phase { state.phase }

  /// Whether no request can come any more.
  var isOver: Bool {
    switch state.phase {
    case .closing, .lingering, .gone: true
    case .proxied, .arriving, .handshaking, .idle, .lookingUp, .reading, .gathering, .discarding, .answering,
      .streaming, .refusing:
      false
    }
  }

  /// Whether bytes wait for the connection's turn, because a handshake costs much. A balancer's header costs nothing.
  var awaitsTurn: Bool { state.phase == .arriving || state.phase == .handshaking }

  /// Whether a further request has to wait for an answer. What arrives meanwhile is kept by the owner.
  var isAnswerDue: Bool {
    switch state.phase {
    case .lookingUp, .answering, .streaming, .refusing: true
    case .proxied, .arriving, .handshaking, .idle, .reading, .gathering, .discarding, .closing, .lingering, .gone: false
    }
  }

  /// Whether bytes of a body are wanted, or its end.
  var isBodyDue: Bool {
    switch state.phase {
    case .reading, .gathering, .discarding: true
    case .proxied, .arriving, .handshaking, .idle, .lookingUp, .answering, .streaming, .refusing, .closing, .lingering,
      .gone:
      false
    }
  }

  /// Takes an event. An event that `Event.isExpected` excludes is a fault of the owner, but for a connection that is gone: it
  /// may have gone amid the owner's work.
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
    // Whoever works on the answer has deadlines of its own, which are shorter: this one is for work that has none.
    case .lookingUp, .answering: return refuse(.answerDeadline, .resume)
    case .arriving, .handshaking, .streaming, .closing, .lingering: return end()
    case .refusing, .gone: return Actions()
    }
  }

  private mutating func peerClosed(_ isAnswerWanted: Bool) -> Actions {
    state.hasPeerClosed = true
    switch state.phase {
    // The client may have said all it had to say, and read on.
    case .idle where isAnswerWanted: return enter(.closing, .stopReading, .close, arm(.close))
    case .lookingUp, .answering, .streaming: return isAnswerWanted ? Actions(.stopReading) : end()
    case .closing: return Actions(.stopReading)
    case .proxied, .arriving, .handshaking, .idle, .reading, .gathering, .discarding, .refusing, .lingering, .gone:
      return end()
    }
  }

  /// Of the collector's own requests, one that is still arriving is refused, and one in work gets no answer: a push that waits
  /// for its commit may be stored all the same. What was asked for without being a collector (to enrol again, say) is
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

  /// An idle connection ends at once, a busy one after its answer.
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

  /// The client takes bytes again: what the connection is at has a deadline of its own.
  private mutating func armPhase(_ isHeadBegun: Bool) -> Action? {
    switch state.phase {
    case .idle: arm(isHeadBegun ? .head : .idle)
    case .reading, .gathering, .discarding: arm(.body)
    case .lookingUp, .answering, .streaming: arm(.answer)
    case .proxied, .arriving, .handshaking, .refusing, .closing, .lingering, .gone: nil  // the write deadline goes on
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
