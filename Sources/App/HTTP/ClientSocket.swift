// The socket and the TLS session of one client. It passes received bytes to the requests, and writes the bytes of
// answers.

import Protocol
import Reactor

/// Reads and writes the link of one connection. Owned by the connection, and used on its loop only.
final class ClientSocket {
  private static let readsPerTurn = 4
  /// The number of unsent bytes from which on the connection begins no further request.
  private static let unsentBytes = 64 * 1024

  /// Set once by the connection, which owns this object.
  unowned var connection: HTTPConnection!
  let link: any ClientLink
  /// The parser of the bytes before TLS; nil once TLS has begun.
  private var preface: ConnectionPreface?
  /// Bytes that are not written yet: ciphertext, or an answer without TLS.
  private(set) var outbound = ByteBuffer()
  /// Whether the loop reports that the socket can be read.
  private(set) var isReading = true
  /// Whether the socket takes no more bytes.
  private(set) var isBlocked = false
  /// While the socket is blocked: the time until which the client has to take more bytes.
  private(set) var writeEnd = MonotonicTime(nanoseconds: 0)
  /// The number of bytes that `MemoryPressure` counts for this client.
  private var untakenBytes = 0
  /// The number of bytes that were skipped after the connection's last request.
  private var skippedBytes = 0
  /// Whether a flush is due at the end of the turn.
  private var isFlushQueued = false
  private var token: Token?
  private let desk: RequestDesk

  /// - Parameter awaitsHeader: whether the peer is a balancer, which has to send a PROXY header first.
  init(_ link: any ClientLink, awaitsHeader: Bool, desk: RequestDesk) {
    self.link = link
    self.desk = desk
    preface = ConnectionPreface(expectsHeader: awaitsHeader)
  }

  // MARK: The loop

  /// Registers the socket on the loop, which reports readiness to `handler`.
  /// - Returns: false if the loop has no room.
  func watch(_ handler: any EventHandler) -> Bool {
    do {
      token = try desk.loop.register(link.descriptor, .read, handler)
      return true
    } catch {
      return false
    }
  }

  /// Processes the readiness that the loop reports.
  func ready(_ readiness: Readiness) {
    if readiness.contains(.write) {
      flush()
      takePending()
    }
    if connection.machine.phase == .gone { return }
    // The kernel reports the end of both directions in every turn, whatever the interest is. No answer can be
    // delivered.
    if readiness.contains(.error) || (connection.machine.state.hasPeerClosed && readiness.contains(.peerClosed)) {
      return connection.handle(.failed)
    }
    if readiness.contains(.read) || readiness.contains(.peerClosed) {
      if connection.machine.awaitsTurn { connection.arrivals.moved(connection, to: .handshakeDue) } else { read() }
    }
  }

  /// Writes the bytes that this turn has produced.
  func turnEnding() {
    isFlushQueued = false
    flush()
    takePending()
  }

  /// Sets whether the loop reports that the socket can be read.
  func setReading(_ isWanted: Bool) {
    if isReading == isWanted { return }
    isReading = isWanted
    updateInterest()
  }

  /// Sets whether the loop reports that the socket can be written.
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

  /// Deregisters the socket, and gives back the memory that is counted for the client.
  func release() {
    accountUntaken(0)
    if let token { desk.loop.deregister(token) }
    token = nil
  }

  // MARK: Input

  /// Processes the bytes of the handshake, now that it has its turn.
  func proceedWithHandshake() {
    guard connection.machine.awaitsTurn || connection.machine.phase == .proxied else { return }
    var early = ByteBuffer()
    swap(&early, &connection.requests.pending)
    // The turn is ending, so the output is written here and not queued.
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
    // Safety: the buffer is the loop's scratch or belongs to the caller. Nothing writes to it before this call returns.
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
      // The alert, if TLS produced one, names the reason to the client.
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
    // The client has more to send, and the server has nothing to send. Without an acknowledgement now, the client's
    // next bytes would wait for the kernel's delayed acknowledgement.
    if !hadHead, connection.requests.isBodyNext { isBegun = true }
    if isBegun, outbound.isEmpty, !connection.machine.isOver { link.acknowledge() }
  }

  private func peerClosed() {
    let isAnswerWanted = connection.requests.isAnswerWanted(hasUnsent: !outbound.isEmpty)
    connection.handle(.peerClosed(isAnswerWanted: isAnswerWanted))
  }

  /// Skips bytes of a connection that closes. To close at once would destroy the answer for a client that sends all its
  /// bytes before it reads.
  private func skip(_ count: Int) {
    skippedBytes += count
    connection.handle(.skipped(isTooMuch: skippedBytes > desk.settings.lingerBytes))
  }

  /// Stops reading until there is memory. The client's bytes stay in the kernel's buffers.
  func pauseForPressure() {
    if !isReading { return }
    setReading(false)
    desk.pressure.paused(connection.id)
  }

  // MARK: Before TLS

  /// Parses the bytes before TLS.
  /// - Returns: whether the bytes from `position` on are TLS.
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
        // The bytes behind the header wait until the handshake has the turn of the client's network.
        connection.requests.pending.append(bytes.extracting(position...))
        setReading(false)
        connection.arrivals.moved(connection, to: .handshakeDue)
        return false
      }
    }
  }

  /// Takes the client's address from a PROXY header.
  private func speaks(for header: ProxyHeader) {
    if let source = header.source, let address = SocketAddress(octets: source.octets, port: source.port) {
      connection.peerAddress = address
      connection.arrivals.moved(connection, to: .arrived)
    }
    connection.handle(.headerRead)
  }

  /// Refuses a connection before TLS has begun.
  private func refuse(_ refusal: ConnectionRefusal, _ details: String?) {
    desk.records.refused(refusal, from: connection.peerAddress, details)
    guard let problem = refusal.problem else { return connection.handle(.refusedBeforeTLS(isAnswered: false)) }
    preface = nil
    connection.arrivals.moved(connection, to: .handshakeEnded(isVerified: false))
    desk.renderer.encode(problem.response(requestID: ""), nil, HTTPExchange(), .close) { outbound.append($0) }
    connection.handle(.refusedBeforeTLS(isAnswered: true))
  }

  // MARK: Output

  /// Encrypts `plaintext`. The bytes are written at the end of the turn.
  func send(_ plaintext: Span<UInt8>) {
    do throws(TLSError) {
      try link.send(plaintext, ciphertextOut: &outbound)
      queueFlush()
    } catch {
      connection.handle(.failed)
    }
  }

  /// Ends the TLS session with a close_notify behind the unsent bytes.
  func close() {
    link.close(ciphertextOut: &outbound)
    queueFlush()
  }

  /// Whether the client has to take unsent answers before its next request is processed. Otherwise a client that sends
  /// requests and reads nothing would make the server hold answers without limit.
  var isBackedUp: Bool { isBlocked || outbound.count >= Self.unsentBytes }

  private func queueFlush() {
    if isFlushQueued { return }
    isFlushQueued = true
    desk.loop.atTurnEnd(connection)
  }

  /// Processes requests that waited until the answers before them were sent.
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

  /// Records that the socket takes no more bytes.
  /// - Parameter taken: the number of bytes that it took before.
  private func blocked(having taken: Int) {
    let latest = desk.loop.now + desk.settings.writeDeadline
    if !isBlocked {
      writeEnd = latest
    } else if taken > 0 {
      // The deadline moves only as far as the taken bytes allow. A client that takes single bytes cannot postpone it.
      writeEnd = min(latest, writeEnd + .seconds(1) * taken / desk.settings.bodyBytesPerSecond)
    }
    connection.handle(.blocked(hasTaken: taken > 0))
    if connection.machine.phase == .gone { return }
    accountUntaken(outbound.allocatedBytes + connection.requests.heldBytes)
  }

  /// Reports to `MemoryPressure` how many bytes are held for this client.
  private func accountUntaken(_ bytes: Int) {
    if bytes == untakenBytes { return }
    let more = bytes - untakenBytes
    untakenBytes = bytes
    desk.pressure.holdAnswers(more)
  }
}
