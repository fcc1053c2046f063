// One client connection: socket + TLS + HTTP machine, and the interpreter of what they say.
//
//   handshaking ──▶ idle ──head──▶ (waiting) ──▶ push | gathering | discarding ──end──▶ answering ──answer──▶ idle
//                    ▲                                                                      │
//                    └──────────────────────────────────────────────────────────────────────┘
//   any ──▶ closing (flush, close_notify) ──▶ lingering (drain what the client still sends) ──▶ gone
//
// Between requests it owns the TLS session and nothing else: bytes are read into the loop's scratch buffer, decrypted
// into the lane's, and kept only while a request waits (`pending`). It decides nothing about requests: the lane does.

import Protocol
import Reactor

final class HTTPConnection: EventHandler, DeadlineHandler, TurnEndHandler {
  private enum Phase {
    case handshaking
    case idle
    /// The lane needs a moment (a look-up) before it can say what becomes of the head.
    case waiting
    case push(PushReader, Push)
    case gathering(EndpointCall, body: [UInt8])
    /// The refusal is decided; the rest of the body is read past, so that the connection lives on.
    case discarding(HTTPResponse)
    case answering
    case closing
    case lingering(discarded: Int)
    case gone
  }

  private static let readsPerTurn = 4
  /// A refused body up to this size is read past; a larger one costs the connection.
  private static let discardBytes = 1024 * 1024
  private static let lingerBytes = 256 * 1024

  let id: ConnectionID
  let peerAddress: SocketAddress
  private let lane: Lane
  private var socket: StreamSocket
  private var tls: TLSSession
  private var http: HTTPServerMachine
  private var phase = Phase.handshaking
  private(set) var exchange: Exchange?
  private var exchangeNumber: UInt32 = 0
  private(set) var certificate: PeerCertificate?
  /// The last bearer token that was verified here: a keep-alive client sends the same one each time.
  var verifiedToken: VerifiedToken?

  /// Ciphertext for the socket.
  private var outbound = ByteBuffer()
  /// Plaintext that arrived while the request before it is being answered.
  private var pending = ByteBuffer()
  private var token: Token?
  private var timer: TimerID?
  private var isFlushQueued = false
  private var isWriteBlocked = false
  private var isReadPaused = false
  private var hasPeerClosed = false

  init(id: ConnectionID, socket: consuming StreamSocket, peer: SocketAddress, lane: Lane) {
    self.id = id
    self.socket = socket
    peerAddress = peer
    self.lane = lane
    tls = TLSSession(server: lane.tlsContext, now: lane.unixSeconds)
    http = HTTPServerMachine(limits: lane.httpLimits)
  }

  /// Registers with the loop. - Returns: false if the loop has no room; the connection is then gone.
  func open() -> Bool {
    do {
      token = try lane.loop.register(socket.raw, .read, self)
    } catch {
      phase = .gone
      return false
    }
    arm(lane.settings.handshakeDeadline)
    return true
  }

  // MARK: Events

  func ready(_ readiness: Readiness) {
    if readiness.contains(.write) { flush() }
    if case .gone = phase { return }
    // A hang-up of both directions is reported every turn, whatever we ask for: nobody is left to answer.
    if readiness.contains(.error) || (hasPeerClosed && readiness.contains(.peerClosed)) { return destroy() }
    if readiness.contains(.read) || readiness.contains(.peerClosed) {
      if case .handshaking = phase, !lane.mayHandshake() { return }
      read()
    }
  }

  private func read() {
    for _ in 0..<Self.readsPerTurn {
      switch socket.read(into: lane.loop.scratch) {
      case .bytes(let count):
        receive(UnsafeRawBufferPointer(rebasing: lane.loop.scratch[0..<count]))
        if count < lane.loop.scratch.count || isReadPaused { return }
        if case .gone = phase { return }
      case .wouldBlock: return
      case .endOfStream: return peerClosed()
      case .failed: return destroy()
      }
    }
  }

  private func receive(_ ciphertext: UnsafeRawBufferPointer) {
    var plaintext = lane.lendPlaintext()
    let status: TLSSession.Status
    do throws(TLSError) {
      // Safety: the scratch buffer is the loop's and nobody writes to it before this call returns.
      let span = Span<UInt8>(_unsafeBytes: ciphertext)
      status = try tls.receive(span, plaintext: &plaintext, ciphertextOut: &outbound)
    } catch {
      lane.takeBackPlaintext(plaintext)
      lane.counters.tlsFailures += 1
      // The alert, if there is one, tells the client why.
      flush()
      return destroy()
    }
    if !outbound.isEmpty { queueFlush() }
    if case .handshaking = phase, tls.isEstablished { established() }
    if !plaintext.isEmpty { consume(plaintext.span) }
    lane.takeBackPlaintext(plaintext)
    if status == .closedByPeer { peerClosed() }
  }

  private func established() {
    certificate = tls.peer
    lane.handshakeEnded()
    phase = .idle
    arm(lane.settings.idleDeadline)
  }

  private func consume(_ plaintext: Span<UInt8>) {
    switch phase {
    case .lingering(let discarded):
      if discarded + plaintext.count > Self.lingerBytes { return destroy() }
      phase = .lingering(discarded: discarded + plaintext.count)
    case .closing, .gone: return
    case .waiting, .answering:
      pending.append(plaintext)
      setReading(false)
    case .handshaking, .idle, .push, .gathering, .discarding:
      let taken = drive(plaintext)
      if taken < plaintext.count, !isOver {
        pending.append(plaintext.extracting(taken..<plaintext.count))
        setReading(false)
      }
    }
  }

  private var isOver: Bool {
    switch phase {
    case .closing, .lingering, .gone: true
    case .handshaking, .idle, .waiting, .push, .gathering, .discarding, .answering: false
    }
  }

  /// Feeds the HTTP machine until it wants more, or a request has to be answered first. - Returns: bytes taken.
  private func drive(_ input: Span<UInt8>) -> Int {
    var position = 0
    while true {
      switch phase {
      case .waiting, .answering, .closing, .lingering, .gone: return position
      case .handshaking, .idle, .push, .gathering, .discarding: break
      }
      switch http.next(input, &position) {
      case .needInput:
        if http.isReadingHead, exchange == nil { armHead() }
        return position
      case .head(let head): begin(head)
      case .body(let range): bodyArrived(input.extracting(range))
      case .end: bodyEnded()
      case .reject(let error):
        lane.counters.framingErrors += 1
        answer(lane.response(to: error))
      }
    }
  }

  private var isHeadTimed = false

  /// The head's deadline runs from its first byte and is not extended by later ones.
  private func armHead() {
    if isHeadTimed { return }
    isHeadTimed = true
    arm(lane.settings.headDeadline)
  }

  // MARK: An exchange

  private func begin(_ head: HTTPRequestHead) {
    isHeadTimed = false
    exchangeNumber &+= 1
    exchange = Exchange(number: exchangeNumber, head: head, startedAt: lane.loop.now)
    open(exchange!)
  }

  /// Asks the lane again after `.wait`.
  func reopen(_ number: UInt32) {
    guard case .waiting = phase, exchange?.number == number else { return }
    phase = .idle
    exchange?.hasLookedUp = true
    if let exchange { open(exchange) }
    resume()
  }

  /// The lane could not find out what it waited for.
  func completeWaiting(_ number: UInt32, _ response: HTTPResponse) {
    guard case .waiting = phase, exchange?.number == number else { return }
    phase = .idle
    refuse(response)
    resume()
  }

  private func open(_ exchange: Exchange) {
    switch lane.open(exchange, on: self) {
    case .push(let reader, let push):
      phase = .push(reader, push)
      invite()
    case .endpoint(let call):
      if call.endpoint.answersFromHead {
        phase = .answering
        lane.perform(call, body: [], on: self)
      } else {
        phase = .gathering(call, body: [])
        invite()
      }
    case .refuse(let response): refuse(response)
    case .wait:
      phase = .waiting
      arm(Lane.answerDeadline)
    }
  }

  /// The body is wanted: says so to a client that asked, and starts its deadline.
  private func invite() {
    guard let exchange else { return }
    if exchange.head.expectsContinue {
      var interim = ByteBuffer(minimumCapacity: 32)
      HTTPResponse.appendContinue(into: &interim)
      send(interim.span)
    }
    armBody()
  }

  private func armBody() {
    guard let exchange else { return }
    let announced: Int
    switch exchange.head.framing {
    case .length(let length): announced = length
    case .chunked: announced = http.bodyBytesReceived
    case .none, .untilClose: announced = 0
    }
    let patience = Duration.seconds(announced / lane.settings.bodyBytesPerSecond)
    arm(at: exchange.startedAt + max(lane.settings.bodyDeadline, patience))
  }

  private func refuse(_ response: HTTPResponse) {
    guard let exchange else { return }
    switch exchange.head.framing {
    case .none: phase = .discarding(response)
    case .length(let length) where length <= Self.discardBytes && !exchange.head.expectsContinue:
      phase = .discarding(response)
      armBody()
    case .length, .chunked, .untilClose: answer(response)
    }
  }

  private func bodyArrived(_ bytes: Span<UInt8>) {
    switch phase {
    case .push(let reader, let push):
      do throws(PushRefusal) {
        try reader.receive(bytes, into: push, known: &lane.known)
        lane.account(push, reader)
        if let exchange, exchange.head.framing == .chunked { armBody() }
        if lane.mustPause() { pauseForPressure() }
      } catch {
        lane.recycle(push, reader)
        refuseMidway(lane.response(to: error, exchange))
      }
    case .gathering(let call, var body):
      if body.count + bytes.count > lane.settings.adminBodyBytes {
        refuseMidway(
          lane.response(to: Problem(.bodyTooLarge, "admin_body_bytes is \(lane.settings.adminBodyBytes)"), exchange))
        return
      }
      phase = .idle  // Gives up the other reference, so that the append below does not copy.
      bytes.withUnsafeBufferPointer { body.append(contentsOf: $0) }
      phase = .gathering(call, body: body)
    case .discarding: break
    case .handshaking, .idle, .waiting, .answering, .closing, .lingering, .gone: break
    }
  }

  /// Refuses a body that is partly read; what is left of it is read past where that is cheap.
  private func refuseMidway(_ response: HTTPResponse) {
    if let exchange, case .length(let length) = exchange.head.framing,
      length - http.bodyBytesReceived <= Self.discardBytes
    {
      phase = .discarding(response)
    } else {
      answer(response)
    }
  }

  private func bodyEnded() {
    switch phase {
    case .push(let reader, let push):
      phase = .answering
      arm(Lane.answerDeadline)
      lane.complete(push, reader, exchange!, on: self)
    case .gathering(let call, let body):
      phase = .answering
      arm(Lane.answerDeadline)
      lane.perform(call, body: body, on: self)
    case .discarding(let response): answer(response)
    case .handshaking, .idle, .waiting, .answering, .closing, .lingering, .gone: break
    }
  }

  // MARK: Answers

  /// The answer to exchange `number`, from a commit or an async endpoint. A late one finds nothing and is dropped.
  func complete(_ number: UInt32, _ response: HTTPResponse) {
    guard case .answering = phase, exchange?.number == number else { return }
    answer(response)
    resume()
  }

  private func answer(_ response: HTTPResponse) {
    var disposition = http.responseFinished()
    if lane.isDraining || hasPeerClosed { disposition = .close }
    lane.encode(response, exchange, http.exchange, disposition) { send($0) }
    lane.answered(exchange, response, peerAddress)
    exchange = nil
    switch disposition {
    case .keepAlive:
      phase = .idle
      arm(lane.settings.idleDeadline)
    case .close: beginClose()
    }
  }

  /// Goes on with what arrived meanwhile.
  private func resume() {
    if isOver { return }
    if !pending.isEmpty {
      var input = ByteBuffer()
      swap(&input, &pending)
      let taken = drive(input.span)
      if isOver { return }
      if taken < input.count {
        input.removeFirst(taken)
        swap(&input, &pending)
        return
      }
    }
    setReading(true)
  }

  private func send(_ plaintext: Span<UInt8>) {
    do throws(TLSError) {
      try tls.send(plaintext, ciphertextOut: &outbound)
      queueFlush()
    } catch {
      destroy()
    }
  }

  // MARK: Back-pressure

  private func pauseForPressure() {
    if isReadPaused { return }
    setReading(false)
    lane.paused.append(id)
  }

  /// There is room again.
  func relieve() { setReading(pending.isEmpty) }

  private func setReading(_ isWanted: Bool) {
    if isReadPaused == !isWanted { return }
    isReadPaused = !isWanted
    updateInterest()
  }

  private func updateInterest() {
    guard let token else { return }
    var interest: Interest = isReadPaused ? [] : .read
    if isWriteBlocked { interest.insert(.write) }
    do { try lane.loop.update(token, interest) } catch { destroy() }
  }

  // MARK: Output

  private func queueFlush() {
    if isFlushQueued { return }
    isFlushQueued = true
    lane.loop.atTurnEnd(self)
  }

  func turnEnding() {
    isFlushQueued = false
    flush()
  }

  private func flush() {
    if case .gone = phase { return }
    while !outbound.isEmpty {
      switch socket.write(outbound.span) {
      case .written(let count): outbound.removeFirst(count)
      case .wouldBlock:
        if !isWriteBlocked {
          isWriteBlocked = true
          updateInterest()
          arm(lane.settings.writeDeadline)
        }
        return
      case .failed: return destroy()
      }
    }
    outbound.removeAll(keepingCapacity: false)
    if isWriteBlocked {
      isWriteBlocked = false
      updateInterest()
      if case .idle = phase { arm(lane.settings.idleDeadline) }
    }
    if case .closing = phase { linger() }
  }

  // MARK: The end

  /// Stops after what is in the output: an idle connection at once, a busy one after its answer.
  func drain() {
    switch phase {
    case .idle: if http.isIdle { beginClose() }
    case .handshaking: destroy()
    case .waiting, .push, .gathering, .discarding, .answering, .closing, .lingering, .gone: break
    }
  }

  private func beginClose() {
    phase = .closing
    pending.removeAll(keepingCapacity: false)
    tls.close(ciphertextOut: &outbound)
    arm(lane.settings.writeDeadline)
    queueFlush()
  }

  /// Everything is out. Closing now could reset the connection and eat the answer if the client is still sending
  /// (RFC 9112 section 9.6): half-close, then read until it is done, for a bounded time.
  private func linger() {
    if hasPeerClosed { return destroy() }
    socket.shutdownWrite()
    phase = .lingering(discarded: 0)
    setReading(true)
    arm(lane.settings.lingerDeadline)
  }

  private func peerClosed() {
    hasPeerClosed = true
    switch phase {
    case .waiting, .answering:
      // The answer may still be wanted: a half-closed client reads on.
      setReading(false)
    case .closing: setReading(false)
    case .handshaking, .idle, .push, .gathering, .discarding, .lingering, .gone: destroy()
    }
  }

  private func arm(_ patience: Duration) { arm(at: lane.loop.now + patience) }

  private func arm(at time: MonotonicTime) {
    if let timer, lane.loop.reschedule(timer, at: time) { return }
    timer = lane.loop.schedule(self, at: time)
  }

  func deadlineReached(_ id: TimerID) {
    timer = nil
    lane.counters.deadlines += 1
    if isWriteBlocked { return destroy() }
    switch phase {
    case .idle:
      if http.isReadingHead {
        answer(lane.response(to: Problem(.requestTimeout, "head_deadline"), nil))
      } else {
        beginClose()
      }
    case .push(let reader, let push):
      lane.recycle(push, reader)
      phase = .idle
      answer(lane.response(to: Problem(.requestTimeout, "body_deadline"), exchange))
    case .gathering, .discarding: answer(lane.response(to: Problem(.requestTimeout, "body_deadline"), exchange))
    case .handshaking, .waiting, .answering, .closing, .lingering, .gone: destroy()
    }
  }

  /// Closes at once and gives back everything.
  func destroy() {
    switch phase {
    case .gone: return
    case .handshaking: lane.handshakeEnded()
    case .push(let reader, let push): lane.recycle(push, reader)
    case .idle, .waiting, .gathering, .discarding, .answering, .closing, .lingering: break
    }
    phase = .gone
    if let token { lane.loop.deregister(token) }
    if let timer { lane.loop.cancel(timer) }
    timer = nil
    lane.forget(self)
  }
}

/// One request and its answer.
struct Exchange {
  /// Counts the connection's requests, so that a late answer cannot meet the wrong one.
  let number: UInt32
  let head: HTTPRequestHead
  let startedAt: MonotonicTime
  /// The client's own `X-Request-ID` if it is short and printable, else a fresh one.
  let requestID: String
  /// Whether the database was asked for the collector already.
  var hasLookedUp = false

  init(number: UInt32, head: HTTPRequestHead, startedAt: MonotonicTime) {
    self.number = number
    self.head = head
    self.startedAt = startedAt
    requestID = Self.requestID(of: head)
  }

  private static func requestID(of head: HTTPRequestHead) -> String {
    if let given = head.string(named: "x-request-id"), (1...64).contains(given.utf8.count),
      given.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
    {
      return given
    }
    let bits = UInt64.random(in: .min ... .max)
    let digits = String(bits, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
