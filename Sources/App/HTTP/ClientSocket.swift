// The socket and the TLS session of one client: what comes in, on its way to the requests, and what is on its way out.

import Protocol
import Reactor

final class ClientSocket {
  private static let readsPerTurn = 4
  /// Answers that lie here above which the next request of the connection is not begun.
  private static let unsentBytes = 64 * 1024

  /// Set once, by the connection that owns the socket.
  unowned var connection: HTTPConnection!
  let link: any ClientLink
  /// What may come before TLS; nil once TLS has begun.
  private var preface: ConnectionPreface?
  /// Ciphertext for the socket.
  private(set) var outbound = ByteBuffer()
  private(set) var isReading = true
  private(set) var isBlocked = false
  /// Until when the client has to take something, while the socket is blocked.
  private(set) var writeEnd = MonotonicTime(nanoseconds: 0)
  /// What is accounted for as held for the client.
  private var untakenBytes = 0
  /// Bytes that were skipped since the connection is over.
  private var skippedBytes = 0
  /// Whether a flush is due at the end of the turn.
  private var isFlushQueued = false
  private var token: Token?
  private let desk: RequestDesk

  /// - Parameter awaitsHeader: a balancer has to say first for whom it speaks.
  init(_ link: any ClientLink, awaitsHeader: Bool, desk: RequestDesk) {
    self.link = link
    self.desk = desk
    preface = ConnectionPreface(expectsHeader: awaitsHeader)
  }

  // MARK: The loop

  /// Has the loop report readiness to `handler`. - Returns: false if the loop has no room.
  func watch(_ handler: any EventHandler) -> Bool {
    do {
      token = try desk.loop.register(link.descriptor, .read, handler)
      return true
    } catch {
      return false
    }
  }

  func ready(_ readiness: Readiness) {
    if readiness.contains(.write) {
      flush()
      takePending()
    }
    if connection.machine.phase == .gone { return }
    // A hang-up of both directions is reported every turn, whatever we ask for: nobody is left to answer.
    if readiness.contains(.error) || (connection.machine.state.hasPeerClosed && readiness.contains(.peerClosed)) {
      return connection.handle(.failed)
    }
    if readiness.contains(.read) || readiness.contains(.peerClosed) {
      if connection.machine.awaitsTurn { connection.arrivals.moved(connection, to: .handshakeDue) } else { read() }
    }
  }

  func turnEnding() {
    isFlushQueued = false
    flush()
    takePending()
  }

  func setReading(_ isWanted: Bool) {
    if isReading == isWanted { return }
    isReading = isWanted
    updateInterest()
  }

  func setBlocked(_ isBlocked: Bool) {
    self.isBlocked = isBlocked
    if !isBlocked { accountUntaken(0) }
    updateInterest()
  }

  private func updateInterest() {
    guard let token else { return }
    var interest: Interest = isReading ? .read : []
    if isBlocked { interest.insert(.write) }
    do { try desk.loop.update(token, interest) } catch { connection.handle(.failed) }
  }

  /// The connection is gone: nothing is held for it any more.
  func release() {
    accountUntaken(0)
    if let token { desk.loop.deregister(token) }
    token = nil
  }

  // MARK: Input

  func proceedWithHandshake() {
    guard connection.machine.awaitsTurn || connection.machine.phase == .proxied else { return }
    var early = ByteBuffer()
    swap(&early, &connection.requests.pending)
    // What comes of it is written at once: the turn is ending.
    let wasQueued = isFlushQueued
    isFlushQueued = true
    if !early.isEmpty { early.withUnsafeBytes { receive($0) } }
    if !connection.machine.isOver {
      setReading(true)
      read()
    }
    isFlushQueued = wasQueued
    flush()
    takePending()
  }

  private func read() {
    if connection.requests.isBetweenPushes, desk.ingest.mustPause { return pauseForPressure() }
    for _ in 0..<Self.readsPerTurn {
      switch link.read(into: desk.loop.scratch) {
      case .bytes(let count):
        receive(UnsafeRawBufferPointer(rebasing: desk.loop.scratch[0..<count]))
        if count < desk.loop.scratch.count || !isReading { return }
        if connection.machine.phase == .gone { return }
      case .wouldBlock: return
      case .endOfStream: return peerClosed()
      case .failed: return connection.handle(.failed)
      }
    }
  }

  private func receive(_ bytes: UnsafeRawBufferPointer) {
    // Safety: the buffer is the loop's scratch, or the caller's own, and nobody writes to it before this call returns.
    var ciphertext = Span<UInt8>(_unsafeBytes: bytes)
    if connection.machine.phase == .lingering { return skip(ciphertext.count) }
    if preface != nil {
      var position = 0
      guard arrive(ciphertext, &position) else { return }
      ciphertext = ciphertext.extracting(position...)
    }
    let hadHead = connection.requests.exchange != nil
    var plaintext = desk.plaintext.lend()
    let status: TLSSession.Status
    do throws(TLSError) {
      status = try link.receive(ciphertext, plaintext: &plaintext, ciphertextOut: &outbound)
    } catch {
      desk.plaintext.takeBack(plaintext)
      desk.records.count(.tlsFailed)
      desk.records.refused(ConnectionRefusal(error), from: connection.peerAddress)
      // The alert, if there is one, tells the client why.
      flush()
      return connection.handle(.failed)
    }
    if !outbound.isEmpty { queueFlush() }
    var isBegun = false
    if connection.machine.phase == .handshaking, link.isEstablished {
      connection.establish()
      isBegun = plaintext.isEmpty
    }
    if !plaintext.isEmpty { connection.requests.receive(plaintext.span) }
    desk.plaintext.takeBack(plaintext)
    if status == .closedByPeer { return peerClosed() }
    // Where a client has more to send and we have nothing to say, its next piece would wait for our kernel's patience.
    if !hadHead, connection.requests.isBodyNext { isBegun = true }
    if isBegun, outbound.isEmpty, !connection.machine.isOver { link.acknowledge() }
  }

  private func peerClosed() {
    let isAnswerWanted = connection.requests.isAnswerWanted(hasUnsent: !outbound.isEmpty)
    connection.handle(.peerClosed(isAnswerWanted: isAnswerWanted))
  }

  /// What still comes over a connection that is over is skipped: closing now would take the answer from a client that sends
  /// first and reads then.
  private func skip(_ count: Int) {
    skippedBytes += count
    connection.handle(.skipped(isTooMuch: skippedBytes > desk.settings.lingerBytes))
  }

  /// Leaves what comes in the kernel's buffers until there is memory for it.
  func pauseForPressure() {
    if !isReading { return }
    setReading(false)
    desk.pressure.paused(connection.id)
  }

  // MARK: Before TLS

  /// Looks at bytes that come before TLS. - Returns: whether those from `position` on are TLS.
  private func arrive(_ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
    while true {
      guard let step = preface?.next(bytes, &position) else { return true }
      switch step {
      case .needInput: return false
      case .tls:
        preface = nil
        link.begin(desk.gatekeeper.tlsContext, now: desk.clock.unixSeconds)
        connection.handle(.tlsBegun)
        connection.arrivals.moved(connection, to: .handshakeBegun)
        return true
      case .refused(let refusal):
        refuse(ConnectionRefusal(refusal), refusal.details)
        return false
      case .proxied(let header):
        speaks(for: header)
        if position == bytes.count { return false }
        // The client's own bytes wait for the turn of its own network.
        connection.requests.pending.append(bytes.extracting(position...))
        setReading(false)
        connection.arrivals.moved(connection, to: .handshakeDue)
        return false
      }
    }
  }

  private func speaks(for header: ProxyHeader) {
    if let source = header.source, let address = SocketAddress(octets: source.octets, port: source.port) {
      connection.peerAddress = address
      connection.arrivals.moved(connection, to: .arrived)
    }
    connection.handle(.headerRead)
  }

  /// Ends a connection that never came to TLS.
  private func refuse(_ refusal: ConnectionRefusal, _ details: String?) {
    desk.records.refused(refusal, from: connection.peerAddress, details)
    guard let problem = refusal.problem else { return connection.handle(.refusedBeforeTLS(isAnswered: false)) }
    preface = nil
    connection.arrivals.moved(connection, to: .handshakeEnded(isVerified: false))
    desk.renderer.encode(problem.response(requestID: ""), nil, HTTPExchange(), .close) { outbound.append($0) }
    connection.handle(.refusedBeforeTLS(isAnswered: true))
  }

  // MARK: Output

  func send(_ plaintext: Span<UInt8>) {
    do throws(TLSError) {
      try link.send(plaintext, ciphertextOut: &outbound)
      queueFlush()
    } catch {
      connection.handle(.failed)
    }
  }

  /// Says farewell in TLS, behind what is unsent.
  func close() {
    link.close(ciphertextOut: &outbound)
    queueFlush()
  }

  /// Whether the client has to take the answers that are here before it gets another one: a client that sends requests and
  /// reads nothing would have us hold answers without end.
  var isBackedUp: Bool { isBlocked || outbound.count >= Self.unsentBytes }

  private func queueFlush() {
    if isFlushQueued { return }
    isFlushQueued = true
    desk.loop.atTurnEnd(connection)
  }

  /// Goes on with requests that waited for the answers before them to leave.
  private func takePending() {
    if connection.machine.phase == .idle, !connection.requests.pending.isEmpty, !isBackedUp {
      connection.requests.resume()
    }
  }

  private func flush() {
    if connection.machine.phase == .gone { return }
    var taken = 0
    while !outbound.isEmpty {
      switch link.write(outbound.span) {
      case .written(let count):
        outbound.removeFirst(count)
        taken += count
      case .wouldBlock:
        blocked(having: taken)
        return connection.requests.pumpStream()
      case .failed: return connection.handle(.failed)
      }
    }
    outbound.removeAll(keepingCapacity: false)
    connection.handle(.flushed(isHeadBegun: connection.requests.http.isReadingHead))
    connection.requests.pumpStream()
  }

  /// The client's socket is full. - Parameter taken: bytes that it took before.
  private func blocked(having taken: Int) {
    let latest = desk.loop.now + desk.settings.writeDeadline
    if !isBlocked {
      writeEnd = latest
    } else if taken > 0 {
      // A long answer may take long, but a byte now and then does not keep it.
      writeEnd = min(latest, writeEnd + .seconds(1) * taken / desk.settings.bodyBytesPerSecond)
    }
    connection.handle(.blocked(hasTaken: taken > 0))
    if connection.machine.phase == .gone { return }
    accountUntaken(outbound.allocatedBytes + connection.requests.heldBytes)
  }

  private func accountUntaken(_ bytes: Int) {
    if bytes == untakenBytes { return }
    let more = bytes - untakenBytes
    untakenBytes = bytes
    desk.pressure.holdAnswers(more)
  }
}
