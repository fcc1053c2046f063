// One HTTPS connection to the server: socket, TLS session and response machine, one request at a time.
// The owner is told of each thing last, when the connection's own work is done, so it may send or open at once.

internal import Protocol
internal import Reactor

/// Hears what becomes of a connection. Held by it from `open` until the connection is closed.
protocol ConnectionOwner: AnyObject {
  /// The handshake is done; a request may be sent.
  func connectionOpened(handshake: Duration)
  func connectionAnswered(_ answer: Answer)
  /// It is closed, and may be opened again.
  func connectionLost(_ loss: ConnectionLoss)
}

/// A connection that can be opened again and again.
final class ClientConnection: EventHandler, DeadlineHandler, TurnEndHandler {
  private enum Phase {
    case closed  // → connecting
    case connecting  // → handshaking, closed
    case handshaking  // → idle, closed
    case idle  // → answering, closed
    case answering  // a request is out; → idle, closed
  }

  /// What the connections of one loop share, since only one of them is at work at any moment.
  final class Buffers {
    var request = ByteBuffer()
    var plaintext = ByteBuffer()
  }

  private static let readsPerEvent = 4

  private let loop: EventLoop
  private let endpoint: Endpoint
  private let buffers: Buffers
  private var owner: (any ConnectionOwner)?
  private var phase = Phase.closed
  private var channel: SecureChannel?
  private var reader = ResponseReader()
  private var token: Token?
  private var isFlushQueued = false
  /// What went wrong inside of `send`, told at the end of the turn.
  private var failure: ConnectionLoss?
  private var deadline: TimerID?
  private var openedAt = MonotonicTime(nanoseconds: 0)
  private var attempts: Int

  /// - Parameter spread: where among the endpoint's addresses to begin.
  init(loop: EventLoop, endpoint: Endpoint, buffers: Buffers, spread: Int) {
    self.loop = loop
    self.endpoint = endpoint
    self.buffers = buffers
    attempts = spread
  }

  var isOpen: Bool {
    switch phase {
    case .idle, .answering: true
    case .closed, .connecting, .handshaking: false
    }
  }

  // MARK: Commands

  /// Begins to connect. - Throws: what shows at once; it stays closed then, and the owner is not told.
  func open(identity: TLSIdentity?, owner: any ConnectionOwner) throws(ConnectionLoss) {
    guard case .closed = phase else { preconditionFailure("opened while \(phase)") }
    let target = endpoint.addresses[attempts % endpoint.addresses.count]
    let source = endpoint.sources.isEmpty ? nil : endpoint.sources[attempts % endpoint.sources.count]
    attempts += 1
    openedAt = .now()
    do {
      let socket = try StreamSocket.connect(to: target, from: source)
      let raw = socket.raw
      channel = try SecureChannel(socket: socket, session: session(identity))
      token = try loop.register(raw, .write, self)
    } catch {
      channel = nil
      throw ConnectionLoss(error)
    }
    self.owner = owner
    reader = ResponseReader()
    phase = .connecting
    deadline = loop.schedule(self, at: openedAt + endpoint.handshakeLimit)
  }

  private func session(_ identity: TLSIdentity?) throws(TLSError) -> TLSSession {
    try TLSSession(
      client: endpoint.context, serverName: endpoint.serverName, identity: identity, now: WallClock.unixSeconds())
  }

  /// Sends a request on an idle connection. What fails is told later.
  func send(_ request: HTTPRequest) {
    guard case .idle = phase else { preconditionFailure("sent while \(phase)") }
    phase = .answering
    reader.expectResponse()
    do {
      try channel!.send(request, scratch: &buffers.request)
    } catch {
      failure = .tls(error)
    }
    deadline = loop.schedule(self, at: .now() + endpoint.answerLimit)
    queueFlush()
  }

  /// Closes without telling the owner. Harmless if it is closed.
  func close() {
    if case .closed = phase { return }
    if isOpen { channel!.close() }
    shut()
  }

  // MARK: Events

  func ready(_ readiness: Readiness) {
    switch phase {
    case .connecting: finishConnecting()
    case .handshaking, .idle, .answering:
      if readiness.contains(.write) { flush() }
      if !readiness.isDisjoint(with: [.read, .peerClosed, .error]) { receive() }
    case .closed: break
    }
  }

  func deadlineReached(_ id: TimerID) {
    deadline = nil
    switch phase {
    case .connecting, .handshaking: lose(.handshakeTimedOut)
    case .answering: lose(.answerTimedOut)
    case .idle, .closed: break
    }
  }

  func turnEnding() {
    isFlushQueued = false
    if let failure { return lose(failure) }
    if case .closed = phase { return }
    flush()
  }

  private func finishConnecting() {
    if let error = channel!.finishConnecting() { return lose(.connecting(error)) }
    phase = .handshaking
    flush()
  }

  /// Whoever is told of an answer, an opening or a loss may have opened this connection anew when it returns: each is the
  /// last thing done here.
  private func receive() {
    for _ in 0..<Self.readsPerEvent {
      buffers.plaintext.removeAll()
      switch channel!.read(scratch: loop.scratch, plaintext: &buffers.plaintext) {
      case .wouldBlock: return
      case .failed(let error): return lose(.broken(error))
      case .violated(let error): return lose(.tls(error))
      case .endOfStream: return inputEnded()
      case .received(let status):
        queueFlush()  // handshakes and key updates are answered
        if case .handshaking = phase, status == .established { return handshakeDone() }
        switch reader.read(buffers.plaintext) {
        case .needInput: break
        case .answer(let answer): return answered(answer)
        case .violated(let loss): return lose(loss)
        }
        if status == .closedByPeer { return inputEnded() }
      }
    }
  }

  private func handshakeDone() {
    if !buffers.plaintext.isEmpty { return lose(.unexpectedBytes) }
    disarm()
    phase = .idle
    owner!.connectionOpened(handshake: openedAt.duration(to: .now()))
  }

  private func answered(_ answer: Answer) {
    disarm()
    phase = .idle
    let owner = self.owner!
    if !answer.keepsConnection { close() }
    owner.connectionAnswered(answer)
  }

  private func inputEnded() {
    switch reader.inputEnded() {
    case .answer(let answer)?: answered(answer)
    case .violated(let loss)?: lose(loss)
    case .needInput?, nil: lose(isOpen ? .closedIdle : .closedInHandshake)
    }
  }

  // MARK: Output

  private func queueFlush() {
    if isFlushQueued { return }
    isFlushQueued = true
    loop.atTurnEnd(self)
  }

  private func flush() {
    switch channel!.flush() {
    case .done, .failed: setInterest(.read)
    case .wouldBlock: setInterest([.read, .write])
    }
  }

  private func setInterest(_ interest: Interest) {
    do {
      try loop.update(token!, interest)
    } catch {
      preconditionFailure("\(error): changing a mask allocates nothing")
    }
  }

  // MARK: The end

  private func lose(_ loss: ConnectionLoss) {
    let owner = self.owner
    shut()
    owner?.connectionLost(loss)
  }

  private func shut() {
    disarm()
    if let token { loop.deregister(token) }
    token = nil
    channel = nil
    owner = nil
    failure = nil
    phase = .closed
  }

  private func disarm() {
    if let deadline { loop.cancel(deadline) }
    deadline = nil
  }
}
