// One HTTPS connection to the server: socket, TLS session and response machine, one request at a time.
// The owner is told of each thing last, when the connection's own work is done, so it may send or open at once.

internal import Ground
internal import Protocol
internal import Reactor

/// Hears what becomes of a connection. Held by it from `open` until the connection is closed.
protocol ConnectionOwner: AnyObject {
  /// The handshake is done; a request may be sent. Both times are from the first packet on.
  func connectionOpened(connect: Duration, handshake: Duration)
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
  /// In how many pieces a slow body is sent.
  private static let pieces = 20
  /// How long a cut-off request gets to arrive before the reset, which would overtake it.
  private static let resetDelay: Duration = .milliseconds(20)

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
  /// What is still to be sent of a slow request, and when the next piece is.
  private var unsent = ByteBuffer()
  private var pieceBytes = 0
  private var pieceInterval = Duration.zero
  private var pieceTimer: TimerID?
  private var openedAt = MonotonicTime(nanoseconds: 0)
  private var connectedAt = MonotonicTime(nanoseconds: 0)
  /// Needed until the TCP connection stands.
  private var identity: TLSIdentity?
  private var addressIndex = 0
  private var untriedAddresses = 0
  private var sourceIndex: Int

  /// - Parameter spread: which of the endpoint's sources to begin with.
  init(loop: EventLoop, endpoint: Endpoint, buffers: Buffers, spread: Int) {
    self.loop = loop
    self.endpoint = endpoint
    self.buffers = buffers
    sourceIndex = spread
  }

  var isOpen: Bool {
    switch phase {
    case .idle, .answering: true
    case .closed, .connecting, .handshaking: false
    }
  }

  // MARK: Commands

  /// Begins to connect, to one of the endpoint's addresses after the other until one accepts.
  /// - Throws: what shows at once; it stays closed then, and the owner is not told.
  func open(identity: TLSIdentity?, owner: any ConnectionOwner) throws(ConnectionLoss) {
    guard case .closed = phase else { preconditionFailure("opened while \(phase)") }
    openedAt = .now()
    self.identity = identity
    untriedAddresses = endpoint.addresses.count
    try connect()
    self.owner = owner
    deadline = loop.schedule(self, at: openedAt + endpoint.handshakeLimit)
  }

  private func connect() throws(ConnectionLoss) {
    while true {
      do {
        untriedAddresses -= 1
        return try connect(to: endpoint.addresses[addressIndex % endpoint.addresses.count])
      } catch {
        channel = nil
        addressIndex += 1
        if untriedAddresses == 0 { throw ConnectionLoss(error) }
      }
    }
  }

  private func connect(to target: SocketAddress) throws {
    // An address of the other family cannot lead there.
    let sources = endpoint.sources.filter { $0.version == target.version }
    let source = sources.isEmpty ? nil : sources[sourceIndex % sources.count]
    sourceIndex += 1
    let socket = try StreamSocket.connect(to: target, from: source)
    let raw = socket.raw
    channel = try SecureChannel(socket: socket, session: session(identity))
    token = try loop.register(raw, .write, self)
    reader = ResponseReader()
    phase = .connecting
  }

  private func session(_ identity: TLSIdentity?) throws(TLSError) -> TLSSession {
    try TLSSession(
      client: endpoint.context, serverName: endpoint.serverName, identity: identity, now: WallClock.unixSeconds())
  }

  /// Sends a request on an idle connection. What fails is told later.
  func send(_ head: RequestHead, _ body: [UInt8], _ delivery: Delivery = .atOnce) {
    guard case .idle = phase else { preconditionFailure("sent while \(phase)") }
    phase = .answering
    reader.expectResponse()
    buffers.request.removeAll()
    head.encode(bodyBytes: body.count, into: &buffers.request)
    let headBytes = buffers.request.count
    buffers.request.append(body)
    switch delivery {
    case .atOnce: encrypt(buffers.request.count)
    case .slowly(let time):
      unsent.append(body)
      pieceBytes = body.count / Self.pieces + 1
      pieceInterval = time / Self.pieces
      encrypt(headBytes)
      pieceTimer = loop.schedule(self, at: .now() + pieceInterval)
    case .cutOff:
      encrypt(headBytes + body.count / 2)
      pieceTimer = loop.schedule(self, at: .now() + Self.resetDelay)
    }
    deadline = loop.schedule(self, at: .now() + endpoint.answerLimit)
  }

  /// Encrypts the first `count` bytes of the loop's request buffer.
  private func encrypt(_ count: Int) {
    do {
      try buffers.request.withSpan(0..<count) { bytes throws(TLSError) in try channel!.send(bytes) }
    } catch {
      failure = .tls(error)
    }
    queueFlush()
  }

  private func sendPiece() {
    if unsent.isEmpty {  // nothing was held back, so the request is one to cut off
      loop.deregister(token!)
      token = nil
      channel.take()?.reset()
      return lose(.cutOff)
    }
    let count = min(pieceBytes, unsent.count)
    buffers.request.removeAll()
    unsent.withSpan(0..<count) { buffers.request.append($0) }
    unsent.removeFirst(count)
    encrypt(count)
    if !unsent.isEmpty { pieceTimer = loop.schedule(self, at: .now() + pieceInterval) }
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
    if id == pieceTimer {
      pieceTimer = nil
      return sendPiece()
    }
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
    if let error = channel!.finishConnecting() { return tryNextAddress(after: .connecting(error)) }
    identity = nil
    connectedAt = .now()
    phase = .handshaking
    flush()
  }

  private func tryNextAddress(after loss: ConnectionLoss) {
    addressIndex += 1
    if untriedAddresses == 0 { return lose(loss) }
    loop.deregister(token!)
    token = nil
    channel = nil
    do {
      try connect()
    } catch {
      lose(error)
    }
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
    owner!.connectionOpened(connect: openedAt.duration(to: connectedAt), handshake: openedAt.duration(to: .now()))
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
    identity = nil
    failure = nil
    phase = .closed
  }

  private func disarm() {
    if let deadline { loop.cancel(deadline) }
    deadline = nil
    if let pieceTimer { loop.cancel(pieceTimer) }
    pieceTimer = nil
    unsent.removeAll(keepingCapacity: false)
  }
}
