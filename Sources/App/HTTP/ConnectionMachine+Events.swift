// What the machine of a connection hears, and what it answers.

extension ConnectionMachine {
  /// What the connection waits for. Each has a deadline of its own, see `ConnectionDeadline`.
  enum Wait: String, CaseIterable {
    case handshake, head, idle, body, answer
    /// For the client to take what is unsent.
    case write
    /// For what is unsent to leave, on a connection that is over.
    case close
    /// For the client to stop sending.
    case linger
  }

  /// What is to be done with a head.
  enum Admission: CaseIterable {
    case push, endpoint
    /// The endpoint answers before the body is read.
    case endpointAtOnce
    /// The collector is looked up first; the event comes again then.
    case lookUp
    /// Refused, and there is no body.
    case refusedWithoutBody
    /// Refused, and the body is short enough to be skipped.
    case refusedWithShortBody
    case refusedWithLongBody
  }

  enum Event: Equatable {
    /// The loop watches the socket.
    case opened
    /// The loop has no room for the socket.
    case unwatched
    /// The balancer's header is complete.
    case headerRead
    case tlsBegun
    /// The first bytes are neither a header that is believed nor TLS. `isAnswered`: the client is told so, without TLS.
    case refusedBeforeTLS(isAnswered: Bool)
    case established
    /// The first bytes of a head are here, and not all of it.
    case headBegun
    case admitted(Admission)
    /// Bytes of a push were fed to its reader. `isChunked`: nobody knows how many are to come.
    case bodyTaken(isChunked: Bool)
    /// A body is refused midway. `isRestShort`: what is left of it is short enough to be skipped.
    case bodyRefused(isRestShort: Bool)
    case bodyEnded
    /// The request breaks HTTP, in its head or its body.
    case requestBroken
    /// An answer is about to be rendered. `keepsAlive`: the connection can serve a further request.
    case answerBegun(keepsAlive: Bool)
    /// The head of the answer is rendered, the body follows.
    case streamBegun
    case partSent
    /// All of the answer is rendered.
    case answered
    /// `isHeadBegun`: a part of the next head is here.
    case deadlineReached(isHeadBegun: Bool)
    /// The client sends nothing any more. `isAnswerWanted`: it is answered all the same, see `HTTPConnection`.
    case peerClosed(isAnswerWanted: Bool)
    /// The connection's collector may not come in any more. `isCollectors`: the request in work is that collector's.
    case revoked(isCollectors: Bool)
    /// The server is ending, and this connection may be closed if it is idle.
    case drained(isHeadBegun: Bool)
    /// The server ends now.
    case cutOff
    /// The socket takes no more; `hasTaken`: it took something before.
    case blocked(hasTaken: Bool)
    /// Nothing is unsent.
    case flushed(isHeadBegun: Bool)
    /// Bytes came over a connection that is over; `isTooMuch`: more than are skipped.
    case skipped(isTooMuch: Bool)
    /// Socket, TLS or the producer of a streamed answer failed, or the connection has to make room.
    case failed
  }

  /// Why a request in work is refused.
  enum Cause: Equatable {
    case headDeadline, bodyDeadline, answerDeadline
    /// The collector, its certificate or the certificate's authority.
    case revoked
    case shuttingDown
    /// What the owner has decided: by the head, by the body, or by a rule of HTTP.
    case decided
  }

  enum Action: Equatable {
    /// The deadline of this wait counts from now on, and no other.
    case arm(Wait)
    /// Ask for the body, if the client waits to be asked.
    case invite
    /// Hand the complete push to the ingest desk.
    case store
    /// Run the endpoint.
    case perform
    /// Render the refusal, between `answerBegun` and `answered`. A push in reading goes back to the intake before.
    case refuse(Cause)
    /// Go on with what has arrived meanwhile.
    case resume
    case stopReading
    case startReading
    /// Drop what has arrived, and say farewell in TLS behind what is unsent.
    case close
    /// Close the sending half of the socket.
    case closeSending
    /// The socket takes nothing: ask the loop when it does.
    case awaitWritable
    /// The socket takes bytes again.
    case becomeWritable
    /// Log that a balancer has sent no header.
    case reportMissingHeader
    /// Count a handshake that led to nothing.
    case failHandshake
    /// The body of a streamed answer ends too early: the client must see that.
    case breakStream
    /// Give back everything.
    case release
  }

  /// Up to four actions, in their order, without an allocation.
  struct Actions: Equatable, Sequence, IteratorProtocol {
    private var first: Action?
    private var second: Action?
    private var third: Action?
    private var fourth: Action?

    /// Leaves out what is nil.
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

    /// Takes the next one.
    mutating func next() -> Action? {
      let taken = first
      (first, second, third, fourth) = (second, third, fourth, nil)
      return taken
    }
  }
}

extension ConnectionMachine.Event {
  /// Whether the owner may report the event in this phase. What clients, clocks and the server's end bring may come in any.
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
    // A refusal is rendered within one call: nothing but a failure comes between.
    case .deadlineReached, .peerClosed, .revoked, .drained, .cutOff, .blocked, .flushed: phase != .refusing
    case .failed: true
    }
  }
}
