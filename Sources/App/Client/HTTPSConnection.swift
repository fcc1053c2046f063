// One HTTPS connection of a client: a socket, a TLS session and an HTTP machine on one loop. It carries one request at
// a time.
//
// Each event calls the owner last, when the connection's own work is done. So the owner may send, open or close from
// within the call.

internal import Ground
public import Protocol
public import Reactor

/// Receives the results of a connection. The connection holds its owner strongly from `open` until it is closed.
public protocol HTTPSConnectionOwner: AnyObject {
  /// The handshake is done; a request may be sent. Both times are counted from the first packet.
  func connectionOpened(connect: Duration, handshake: Duration)
  /// The response to the request is complete. The connection is idle or, unless `answer.keepsConnection`, closed.
  func connectionAnswered(_ answer: HTTPAnswer)
  /// The connection is closed, and may be opened again.
  func connectionLost(_ loss: ConnectionLoss)
}

/// A connection to one server that can be opened again and again. It is used on its loop's thread only.
///
/// It never blocks: `HTTPSDestination` holds addresses, which `NameLookup` finds on other threads.
public final class HTTPSConnection: EventHandler, DeadlineHandler, TurnEndHandler {
  private enum Phase {
    case closed  // → connecting
    case connecting  // → handshaking, closed
    case handshaking  // → idle, closed
    case idle  // → answering, closed
    case answering  // a request is unanswered; → idle, closed
  }

  /// Buffers that the connections of one loop share. Only one connection uses them at any moment.
  public final class Buffers {
    var request = ByteBuffer()
    var plaintext = ByteBuffer()

    public init() {}
  }

  private static let readsPerEvent = 4

  private let loop: EventLoop
  private let destination: HTTPSDestination
  private let buffers: Buffers
  private var owner: (any HTTPSConnectionOwner)?
  private var phase = Phase.closed
  private var channel: SecureChannel?
  private var reader: HTTPAnswerReader
  private var token: Token?
  private var isFlushQueued = false
  /// An error inside of `send`. The connection reports it to the owner at the end of the turn.
  private var failure: ConnectionLoss?
  private var deadline: TimerID?
  private var openedAt = MonotonicTime(nanoseconds: 0)
  private var connectedAt = MonotonicTime(nanoseconds: 0)
  /// The client's identity. It is needed until the TCP connection is made.
  private var identity: TLSIdentity?
  private var addressIndex = 0
  private var untriedAddresses = 0
  private var sourceIndex: Int

  /// - Parameter spread: the index of the first source address to use. It may exceed the number of sources.
  public init(loop: EventLoop, destination: HTTPSDestination, buffers: Buffers, spread: Int = 0) {
    self.loop = loop
    self.destination = destination
    self.buffers = buffers
    reader = HTTPAnswerReader(limits: destination.limits)
    sourceIndex = spread
  }

  /// Whether the handshake is done and the connection is not closed.
  public var isOpen: Bool {
    switch phase {
    case .idle, .answering: true
    case .closed, .connecting, .handshaking: false
    }
  }

  // MARK: Commands

  /// Begins to connect. It tries the destination's addresses one after the other until one accepts. Call it only while
  /// the connection is closed.
  /// - Parameter identity: the client certificate to show, and its key; nil for none.
  /// - Throws: an error that is known at once. The connection then stays closed, and the owner is not called.
  public func open(identity: TLSIdentity?, owner: any HTTPSConnectionOwner) throws(ConnectionLoss) {
    guard case .closed = phase else { preconditionFailure("opened while \(phase)") }
    openedAt = .now()
    self.identity = identity
    untriedAddresses = destination.addresses.count
    try connect()
    self.owner = owner
    deadline = loop.schedule(self, at: openedAt + destination.handshakeLimit)
  }

  private func connect() throws(ConnectionLoss) {
    while true {
      do {
        untriedAddresses -= 1
        return try connect(to: destination.addresses[addressIndex % destination.addresses.count])
      } catch {
        channel = nil
        addressIndex += 1
        if untriedAddresses == 0 { throw ConnectionLoss(error) }
      }
    }
  }

  private func connect(to target: SocketAddress) throws {
    // A source address must have the target's family.
    let sources = destination.sources.filter { $0.version == target.version }
    let source = sources.isEmpty ? nil : sources[sourceIndex % sources.count]
    sourceIndex += 1
    let socket = try StreamSocket.connect(to: target, from: source)
    let raw = socket.raw
    channel = try SecureChannel(socket: socket, session: session(identity))
    token = try loop.register(raw, .write, self)
    reader = HTTPAnswerReader(limits: destination.limits)
    phase = .connecting
  }

  private func session(_ identity: TLSIdentity?) throws(TLSError) -> TLSSession {
    try TLSSession(
      client: destination.context, serverName: destination.url.host, identity: identity, now: WallClock.unixSeconds())
  }

  /// Sends a request with `body`. Call it only while the connection is open and no request is unanswered. Any failure
  /// is reported to the owner later.
  public func send(_ head: HTTPRequestTemplate, _ body: [UInt8]) {
    begin(head, body[...], of: body.count)
  }

  /// Sends the head of a request and the first part of its body; `sendMore` sends the rest. Otherwise the same as
  /// `send`.
  /// - Parameter bodyBytes: the length of the whole body.
  public func begin(_ head: HTTPRequestTemplate, _ part: ArraySlice<UInt8>, of bodyBytes: Int) {
    guard case .idle = phase else { preconditionFailure("sent while \(phase)") }
    precondition(part.count <= bodyBytes, "a part is not longer than the whole")
    phase = .answering
    buffers.request.removeAll()
    reader.send(head, bodyBytes: bodyBytes, to: &buffers.request)
    part.withUnsafeBytes { buffers.request.append($0) }
    encryptRequest()
    deadline = loop.schedule(self, at: .now() + destination.answerLimit)
  }

  /// Sends the next part of a body. Call it only while the request is unanswered.
  public func sendMore(_ part: ArraySlice<UInt8>) {
    guard case .answering = phase else { preconditionFailure("sent more while \(phase)") }
    buffers.request.removeAll()
    part.withUnsafeBytes { buffers.request.append($0) }
    encryptRequest()
  }

  private func encryptRequest() {
    do {
      try buffers.request.withSpan(0..<buffers.request.count) { bytes throws(TLSError) in try channel!.send(bytes) }
    } catch {
      failure = .tls(error)
    }
    queueFlush()
  }

  /// Resets the connection (RST), even while a request is unanswered. The owner receives `.cutOff`. Call it only while
  /// the connection is open.
  public func cutOff() {
    precondition(isOpen, "only an open connection can be cut off")
    loop.deregister(token!)
    token = nil
    channel.take()?.reset()
    lose(.cutOff)
  }

  /// Closes the connection without a call to the owner. Does nothing if the connection is closed.
  public func close() {
    if case .closed = phase { return }
    if isOpen { channel!.close() }
    shut()
  }

  // MARK: Events

  public func ready(_ readiness: Readiness) {
    switch phase {
    case .connecting: finishConnecting()
    case .handshaking, .idle, .answering:
      if readiness.contains(.write) { flush() }
      if !readiness.isDisjoint(with: [.read, .peerClosed, .error]) { receive() }
    case .closed: break
    }
  }

  public func deadlineReached(_ id: TimerID) {
    deadline = nil
    switch phase {
    case .connecting, .handshaking: lose(.handshakeTimedOut)
    case .answering: lose(.answerTimedOut)
    case .idle, .closed: break
    }
  }

  public func turnEnding() {
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

  /// Reads from the socket. A call to the owner ends the method, because the owner may have opened the connection
  /// again.
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
        case .failed(let error): return lose(ConnectionLoss(error))
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

  private func answered(_ answer: HTTPAnswer) {
    disarm()
    phase = .idle
    let owner = self.owner!
    if !answer.keepsConnection { close() }
    owner.connectionAnswered(answer)
  }

  private func inputEnded() {
    switch reader.inputEnded() {
    case .answer(let answer)?: answered(answer)
    case .failed(let error)?: lose(ConnectionLoss(error))
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
  }
}
