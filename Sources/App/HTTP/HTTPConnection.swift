// One client connection: socket + TLS + HTTP machine, and the interpreter of what they say.
//
//   handshaking ──▶ idle ──head──▶ (waiting) ──▶ push | gathering | discarding ──end──▶ answering ──answer──▶ idle
//                    ▲                                                                      └▶ streaming ──▶ idle
//   any ──▶ closing (flush, close_notify) ──▶ lingering (drain what the client still sends) ──▶ gone
//
// Between requests it owns the TLS session and nothing else: bytes are read into the loop's scratch buffer, decrypted
// into the lane's, and kept only while a request waits (`pending`). It decides nothing about requests: the lane does.

import Protocol
import Reactor

final class HTTPConnection: EventHandler, TurnEndHandler {
  private static let readsPerTurn = 4
  /// A refused body up to this size is read past; a larger one costs the connection.
  static let discardBytes = 1024 * 1024
  /// Answers that lie here above which the next request of the connection is not begun.
  private static let unsentBytes = 64 * 1024

  let id: ConnectionID
  /// Where the client is: the other end of the socket, unless a balancer says whom it speaks for.
  var peerAddress: SocketAddress
  let desk: RequestDesk
  let arrivals: Arrivals
  let link: any ClientLink
  var http: HTTPServerMachine
  var phase: Phase
  var exchange: Exchange?
  var exchangeNumber: UInt32 = 0
  var client = ClientIdentity()
  /// Closes after the answer in work: see `revoke`.
  var isSevered = false

  /// Ciphertext for the socket.
  var outbound = ByteBuffer()
  /// Plaintext that arrived while the request before it is being answered.
  var pending = ByteBuffer()
  private var token: Token?
  var timer: TimerID?
  private var isFlushQueued = false
  private(set) var isWriteBlocked = false
  /// Until when it may be: the client is given up then.
  private(set) var writeEnd = MonotonicTime(nanoseconds: 0)
  /// What is accounted for as held for the client.
  private var untakenBytes = 0
  private var isReadPaused = false
  var hasPeerClosed = false
  var isHeadTimed = false
  /// What may come before TLS; nil once TLS has begun.
  var preface: ConnectionPreface?
  /// When the client has to be done with what it still sends, however it goes on.
  var lingerEnd = MonotonicTime(nanoseconds: 0)

  init(id: ConnectionID, link: any ClientLink, peer: SocketAddress, desk: RequestDesk, arrivals: Arrivals) {
    self.id = id
    self.link = link
    peerAddress = peer
    self.desk = desk
    self.arrivals = arrivals
    phase = .handshaking(since: desk.loop.now)
    http = HTTPServerMachine(limits: desk.httpLimits)
    preface = ConnectionPreface(expectsHeader: desk.settings.proxyProtocolFrom.contains { $0.contains(peer) })
  }

  /// Registers with the loop. - Returns: false if the loop has no room; the connection is then gone.
  func open() -> Bool {
    do {
      token = try desk.loop.register(link.descriptor, .read, self)
    } catch {
      phase = .gone
      return false
    }
    arm(awaitsProxyHeader ? desk.settings.headDeadline : desk.settings.handshakeDeadline)
    return true
  }

  // MARK: Events

  func ready(_ readiness: Readiness) {
    if readiness.contains(.write) {
      flush()
      takeUp()
    }
    if case .gone = phase { return }
    // A hang-up of both directions is reported every turn, whatever we ask for: nobody is left to answer.
    if readiness.contains(.error) || (hasPeerClosed && readiness.contains(.peerClosed)) { return destroy() }
    if readiness.contains(.read) || readiness.contains(.peerClosed) {
      if case .handshaking = phase, !awaitsProxyHeader { return arrivals.moved(self, to: .handshakeDue) }
      read()
    }
  }

  func read() {
    if desk.ingest.mustPause, isBetweenPushes { return pauseForPressure() }
    for _ in 0..<Self.readsPerTurn {
      switch link.read(into: desk.loop.scratch) {
      case .bytes(let count):
        receive(UnsafeRawBufferPointer(rebasing: desk.loop.scratch[0..<count]))
        if count < desk.loop.scratch.count || isReadPaused { return }
        if case .gone = phase { return }
      case .wouldBlock: return
      case .endOfStream: return peerClosed()
      case .failed: return destroy()
      }
    }
  }

  func receive(_ bytes: UnsafeRawBufferPointer) {
    // Safety: the buffer is the loop's scratch, or the caller's own, and nobody writes to it before this call returns.
    var ciphertext = Span<UInt8>(_unsafeBytes: bytes)
    if case .lingering(let discarded) = phase { return discard(ciphertext.count, after: discarded) }
    if preface != nil {
      var position = 0
      guard arrive(ciphertext, &position) else { return }
      ciphertext = ciphertext.extracting(position...)
    }
    let hadHead = exchange != nil
    var plaintext = desk.plaintext.lend()
    let status: TLSSession.Status
    do throws(TLSError) {
      status = try link.receive(ciphertext, plaintext: &plaintext, ciphertextOut: &outbound)
    } catch {
      desk.plaintext.takeBack(plaintext)
      desk.records.count(.tlsFailed)
      desk.records.refused(ConnectionRefusal(error), from: peerAddress)
      // The alert, if there is one, tells the client why.
      flush()
      return destroy()
    }
    if !outbound.isEmpty { queueFlush() }
    var isBegun = false
    if case .handshaking(let begin) = phase, link.isEstablished {
      established(since: begin)
      isBegun = plaintext.isEmpty
    }
    if !plaintext.isEmpty { consume(plaintext.span) }
    desk.plaintext.takeBack(plaintext)
    if status == .closedByPeer { return peerClosed() }
    // Where a client has more to send and we have nothing to say, its next piece would wait for our kernel's patience.
    if !hadHead, exchange != nil, http.isReadingBody, http.bodyBytesReceived == 0 { isBegun = true }
    if isBegun, outbound.isEmpty, !isOver { link.acknowledge() }
  }

  private func established(since begin: MonotonicTime) {
    // The clock itself: the cryptography of this turn is part of it.
    desk.records.count(.established(after: desk.loop.readClock() - begin))
    client.certificate = link.peer.map(ShownCertificate.init)
    arrivals.moved(self, to: .handshakeEnded(isVerified: client.certificate?.isGenuine ?? false))
    phase = .idle
    arm(desk.settings.idleDeadline)
  }

  private func consume(_ plaintext: Span<UInt8>) {
    switch phase {
    case .closing, .lingering, .gone: return
    case .waiting, .answering, .streaming:
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

  /// Feeds the HTTP machine until it wants more, or a request has to be answered first. - Returns: bytes taken.
  func drive(_ input: Span<UInt8>) -> Int {
    var position = 0
    while true {
      switch phase {
      case .waiting, .answering, .streaming, .closing, .lingering, .gone: return position
      case .idle:
        if http.isIdle {
          if isBackedUp { return position }
          // They may have changed since the connection's last request.
          http.use(desk.httpLimits)
        }
      case .handshaking, .push, .gathering, .discarding: break
      }
      switch http.next(input, &position) {
      case .needInput:
        if http.isReadingHead, exchange == nil { armHead() }
        return position
      case .head(let head): begin(head)
      case .body(let range): bodyArrived(input.extracting(range))
      case .end: bodyEnded()
      case .reject(let error):
        desk.records.broken(error, from: peerAddress)
        givePushBack()
        answer(desk.refusal(Problem(error), of: exchange))
      }
    }
  }

  // MARK: Back-pressure

  /// Whether this is a collector's connection without a request: its next push can wait in the kernel's buffers.
  private var isBetweenPushes: Bool {
    guard case .idle = phase else { return false }
    return client.verifiedToken != nil && http.isIdle
  }

  func pauseForPressure() {
    if isReadPaused { return }
    setReading(false)
    desk.pressure.paused(id)
  }

  /// There is room again.
  func resumeReading() { setReading(pending.isEmpty) }

  func setReading(_ isWanted: Bool) {
    if isReadPaused == !isWanted { return }
    isReadPaused = !isWanted
    updateInterest()
  }

  private func updateInterest() {
    guard let token else { return }
    var interest: Interest = isReadPaused ? [] : .read
    if isWriteBlocked { interest.insert(.write) }
    do { try desk.loop.update(token, interest) } catch { destroy() }
  }

  // MARK: Output

  func queueFlush() {
    if isFlushQueued { return }
    isFlushQueued = true
    desk.loop.atTurnEnd(self)
  }

  func turnEnding() {
    isFlushQueued = false
    flush()
    takeUp()
  }

  /// Does `work`, and writes what comes of it at once: for who is called at the end of the turn.
  func afterwards(_ work: () -> Void) {
    let wasQueued = isFlushQueued
    isFlushQueued = true
    work()
    isFlushQueued = wasQueued
    flush()
    takeUp()
  }

  /// Whether the client has to take the answers that are here before it gets another one: who sends requests and reads
  /// nothing would have us hold answers without end.
  private var isBackedUp: Bool { isWriteBlocked || outbound.count >= Self.unsentBytes }

  /// Goes on with requests that waited for their answers' predecessors to leave.
  private func takeUp() {
    guard case .idle = phase, !pending.isEmpty, !isBackedUp else { return }
    resume()
  }

  private func flush() {
    if case .gone = phase { return }
    var taken = 0
    while !outbound.isEmpty {
      switch link.write(outbound.span) {
      case .written(let count):
        outbound.removeFirst(count)
        taken += count
      case .wouldBlock:
        wait(having: taken)
        return pumpStream()
      case .failed: return destroy()
      }
    }
    outbound.removeAll(keepingCapacity: false)
    if isWriteBlocked {
      isWriteBlocked = false
      accountUntaken(0)
      updateInterest()
      armPhase()
    }
    if case .closing = phase { linger() }
    pumpStream()
  }

  /// The client's socket is full. - Parameter taken: bytes that it took before.
  private func wait(having taken: Int) {
    let latest = desk.loop.now + desk.settings.writeDeadline
    if !isWriteBlocked {
      isWriteBlocked = true
      writeEnd = latest
      updateInterest()
      setTimer(writeEnd)
    } else if taken > 0 {
      // A long answer may take long, but a byte now and then does not keep it.
      writeEnd = min(latest, writeEnd + .seconds(1) * taken / desk.settings.bodyBytesPerSecond)
      setTimer(writeEnd)
    }
    if case .gone = phase { return }
    var held = outbound.allocatedBytes
    if case .streaming(let body) = phase { held += body.heldBytes }
    accountUntaken(held)
  }

  private func accountUntaken(_ bytes: Int) {
    if bytes == untakenBytes { return }
    let more = bytes - untakenBytes
    untakenBytes = bytes
    desk.pressure.holdAnswers(more)
  }

  // MARK: The end

  /// Whether nothing is asked of us, nor being sent.
  var isIdle: Bool {
    guard case .idle = phase else { return false }
    return http.isIdle
  }

  /// Stops after what is in the output: an idle connection at once, a busy one after its answer.
  func drain() {
    switch phase {
    case .idle: if isIdle { beginClose() }
    case .handshaking: destroy()
    case .waiting, .push, .gathering, .discarding, .answering, .streaming, .closing, .lingering, .gone: break
    }
  }

  func beginClose() {
    phase = .closing
    pending.removeAll(keepingCapacity: false)
    link.close(ciphertextOut: &outbound)
    arm(desk.settings.writeDeadline)
    queueFlush()
  }

  private func peerClosed() {
    hasPeerClosed = true
    switch phase {
    case .waiting, .answering:
      if exchange?.departure?.isAwaited == true { return destroy() }
      // The answer may still be wanted: a half-closed client reads on.
      setReading(false)
    case .streaming(let body):
      // Who half-closes and reads on gets what is there; to have rows read for it, it must be seen to be there.
      guard case .shared = body.source else { return destroy() }
      setReading(false)
    case .closing: setReading(false)
    case .idle where !outbound.isEmpty:
      // It said all it had to say, and reads on.
      setReading(false)
      beginClose()
    case .handshaking, .idle, .push, .gathering, .discarding, .lingering, .gone: destroy()
    }
  }

  /// The push whose body is being read.
  var arrivingPush: Push? {
    guard case .push(let arriving) = phase else { return nil }
    return arriving.push
  }

  /// A push that is not read to its end goes back to the lane's pool, and its memory to the budget.
  func givePushBack() {
    guard case .push(let arriving) = phase else { return }
    desk.ingest.intake.giveBack(arriving)
    phase = .idle
  }

  /// Closes at once and gives back everything.
  func destroy() {
    switch phase {
    case .gone: return
    case .handshaking: desk.records.count(.handshakeEnded)
    case .streaming(let body):
      body.cancel()
      if let exchange { desk.answered(exchange, body.response, on: self, isBroken: true) }
      // What is not there to its end must not look as if it were.
      link.willReset()
    case .idle, .waiting, .push, .gathering, .discarding, .answering, .closing, .lingering: break
    }
    exchange?.departure?.happened()
    givePushBack()
    if exchange?.isOpenPush == true { desk.ingest.records.abandoned() }
    endExchange()
    phase = .gone
    accountUntaken(0)
    if let token { desk.loop.deregister(token) }
    if let timer { desk.loop.cancel(timer) }
    timer = nil
    arrivals.moved(self, to: .gone)
  }
}
