// The events that the connection's machine receives, and the actions that it returns.

extension ConnectionMachine {
  /// What the connection waits for. Each wait has its own deadline, see `ConnectionDeadline`.
  enum Wait: String, CaseIterable {
    case handshake, head, idle, body, answer
    /// The client has to take the unsent bytes.
    case write
    /// The unsent bytes of a connection that closes have to be sent.
    case close
    /// The client has to stop sending.
    case linger
  }

  /// The decision of the request desk on a head.
  enum Admission: CaseIterable {
    /// The body is read.
    case push, endpoint
    /// The endpoint answers before the body is read.
    case endpointAtOnce
    /// The database is asked for the collector first. The event follows a second time with the decision.
    case lookUp
    /// The request is refused, and it has no body.
    case refusedWithoutBody
    /// The request is refused, and its body is short enough to be skipped.
    case refusedWithShortBody
    /// The request is refused, and its body is too long to be skipped.
    case refusedWithLongBody
  }

  /// What happened to the connection.
  enum Event: Equatable {
    /// The socket is registered on the loop.
    case opened
    /// The loop has no room for the socket.
    case unwatched
    /// The balancer's header is complete.
    case headerRead
    case tlsBegun
    /// The first bytes are neither a trusted header nor TLS. `isAnswered`: the client gets an answer without TLS.
    case refusedBeforeTLS(isAnswered: Bool)
    /// The TLS session is established.
    case established
    /// The first bytes of a head have arrived, and the head is incomplete.
    case headBegun
    /// The request desk has decided on a head.
    case admitted(Admission)
    /// The reader has processed bytes of a push. `isChunked`: the length of the body is not known.
    case bodyTaken(isChunked: Bool)
    /// A request is refused while its body is being read. `isRestShort`: the rest of the body is short enough to be
    /// skipped.
    case bodyRefused(isRestShort: Bool)
    /// The body is complete.
    case bodyEnded
    /// The request violates HTTP in its head or its body.
    case requestBroken
    /// An answer is about to be rendered. `keepsAlive`: the connection can serve a further request.
    case answerBegun(keepsAlive: Bool)
    /// The head of the answer is rendered, and the body follows.
    case streamBegun
    /// A part of a streamed answer is handed to the socket.
    case partSent
    /// The answer is rendered completely.
    case answered
    /// The deadline of the wait has passed. `isHeadBegun`: a part of the next head has arrived.
    case deadlineReached(isHeadBegun: Bool)
    /// The client has closed its sending half. `isAnswerWanted`: the client still gets its answer, see
    /// `ClientRequests`.
    case peerClosed(isAnswerWanted: Bool)
    /// The connection's collector, or its certificate, has lost its access. `isCollectors`: the request in work belongs
    /// to that collector.
    case revoked(isCollectors: Bool)
    /// The server is shutting down. A connection without a request closes.
    case drained(isHeadBegun: Bool)
    /// The time for the shutdown is over.
    case cutOff
    /// The socket takes no more bytes. `hasTaken`: it took some bytes before.
    case blocked(hasTaken: Bool)
    /// All bytes are written.
    case flushed(isHeadBegun: Bool)
    /// The client has sent bytes while the connection lingers. `isTooMuch`: the limit of skipped bytes is passed.
    case skipped(isTooMuch: Bool)
    /// The socket, TLS or the producer of a streamed answer has failed, or the connection has to make room for another.
    case failed
  }

  /// The reason why the request in work is refused.
  enum Cause: Equatable {
    case headDeadline, bodyDeadline, answerDeadline
    /// The collector or its certificate is revoked, or the certificate's authority is no longer trusted.
    case revoked
    case shuttingDown
    /// The owner holds the refusal. The head, the body or a rule of HTTP is its reason.
    case decided
  }

  /// What the owner has to do.
  enum Action: Equatable {
    /// Arm the timer with the deadline of this wait, which replaces any other.
    case arm(Wait)
    /// Send `100 Continue` if the client waits for it.
    case invite
    /// Hand the complete push to the ingest desk.
    case store
    /// Run the endpoint.
    case perform
    /// Render the refusal and report `answerBegun` and `answered`. A push whose body is being read goes back to the
    /// intake first.
    case refuse(Cause)
    /// Process the bytes that arrived while the request waited for its answer.
    case resume
    case stopReading
    case startReading
    /// Drop the bytes that have arrived, and end TLS behind the unsent bytes.
    case close
    /// Close the sending half of the socket.
    case closeSending
    /// Ask the loop to report when the socket takes bytes again.
    case awaitWritable
    /// Stop asking the loop whether the socket takes bytes.
    case becomeWritable
    /// Log that a balancer has sent no PROXY header.
    case reportMissingHeader
    /// Count a handshake that has failed.
    case failHandshake
    /// End a streamed answer so that the client can see that the body is incomplete.
    case breakStream
    /// Release everything that the connection holds.
    case release
  }

  /// Up to four actions in the order in which the owner carries them out. The type needs no allocation.
  struct Actions: Equatable, Sequence, IteratorProtocol {
    private var first: Action?
    private var second: Action?
    private var third: Action?
    private var fourth: Action?

    /// Makes a list of the arguments that are not nil.
    init(_ first: Action? = nil, _ second: Action? = nil, _ third: Action? = nil, _ fourth: Action? = nil) {
      append(first)
      append(second)
      append(third)
      append(fourth)
    }

    private mutating func append(_ action: Action?) {
      if first == nil {
        first = action
      } else if second == nil {
        second = action
      } else if third == nil {
        third = action
      } else {
        fourth = action
      }
    }

    /// Removes and returns the next action.
    mutating func next() -> Action? {
      let taken = first
      (first, second, third, fourth) = (second, third, fourth, nil)
      return taken
    }
  }
}

extension ConnectionMachine.Event {
  /// Whether the owner may report the event in this phase. Events that clients, clocks and the shutdown cause are
  /// allowed in any phase.
  func isExpected(in phase: ConnectionMachine.Phase) -> Bool {
    switch self {
    case .opened, .unwatched, .refusedBeforeTLS: phase == .proxied || phase == .arriving
    case .headerRead: phase == .proxied
    case .tlsBegun: phase == .arriving
    case .established: phase == .handshaking
    case .headBegun, .admitted(.lookUp): phase == .idle
    case .admitted: phase == .idle || phase == .lookingUp
    case .bodyTaken: phase == .reading
    case .bodyRefused: phase == .reading || phase == .gathering
    case .bodyEnded: phase == .reading || phase == .gathering || phase == .discarding
    case .requestBroken: phase == .idle || phase == .reading || phase == .gathering || phase == .discarding
    case .answerBegun: phase == .answering || phase == .refusing
    case .streamBegun: phase == .answering
    case .partSent: phase == .streaming
    case .answered: phase == .answering || phase == .streaming || phase == .refusing
    case .skipped: phase == .lingering
    // A refusal is rendered within one call, so only a failure can come in between.
    case .deadlineReached, .peerClosed, .revoked, .drained, .cutOff, .blocked, .flushed: phase != .refusing
    case .failed: true
    }
  }
}
