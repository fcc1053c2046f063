// One delivery on the loop: name look-up, connection, TLS, and the conversation. Its deadline covers all of them. The
// attempt makes no second connection once a conversation has begun, because the target may have taken the delivery.

internal import Ground
internal import Protocol
internal import Reactor
internal import Synchronization

/// The place to deliver to.
struct DeliveryTarget: Sendable {
  let host: String
  let port: UInt16
  /// Host and port, for people.
  let place: String
  /// The context for TLS; nil if the target never uses it.
  let context: TLSContext?
  /// Whether TLS begins with the connection. Otherwise the conversation begins it, if it does.
  let beginsWithTLS: Bool
  let policy: AddressPolicy
  let deadline: MonotonicTime
}

/// Carries the result of a delivery to the task that waits for it. If nobody sets a result, because the loop has ended,
/// the end of the last reference does.
final class DeliveryPromise: Sendable {
  private let continuation: Mutex<CheckedContinuation<DeliveryResult, Never>?>

  init(_ continuation: CheckedContinuation<DeliveryResult, Never>) { self.continuation = Mutex(continuation) }

  deinit { resolve(.failure(DeliveryFailure(.retryable, "The delivery was broken off because the server stops."))) }

  /// Sets the result. Only the first one counts.
  func resolve(_ result: DeliveryResult) {
    let waiting = continuation.withLock { continuation in
      defer { continuation = nil }
      return continuation
    }
    waiting?.resume(returning: result)
  }
}

// Safety: an attempt is made on the loop's thread, and all its methods are called there. The name look-up on a worker
// only carries the reference back to the loop.
final class DeliveryAttempt: EventHandler, DeadlineHandler, @unchecked Sendable {  // Safety: see above.
  private enum Phase {
    case resolving  // → connecting, ended
    case connecting  // → handshaking, conversing, ended
    case handshaking  // → conversing, ended
    case conversing  // → handshaking, ended
    case ended
  }

  private static let readsPerEvent = 4

  private let loop: EventLoop
  private let target: DeliveryTarget
  private let conversation: any Conversation
  private let promise: DeliveryPromise
  private var phase = Phase.resolving
  /// Permitted addresses that were not tried, in the order in which to try them.
  private var addresses: ArraySlice<SocketAddress> = []
  /// Whether the conversation has begun, so that a TLS handshake is one within it.
  private var isOpened = false
  private var channel: SecureChannel?
  private var token: Token?
  private var deadline: TimerID?
  /// The time at which the next address is tried; nil for the last address.
  private var nextAddress: TimerID?
  private var plaintext = ByteBuffer()
  private var output = ByteBuffer()

  init(
    loop: EventLoop, target: DeliveryTarget, conversation: any Conversation, promise: DeliveryPromise
  ) {
    self.loop = loop
    self.target = target
    self.conversation = conversation
    self.promise = promise
  }

  /// Begins the delivery. The loop holds the attempt until its end.
  func start(_ names: NameLookup) {
    deadline = loop.schedule(self, at: target.deadline)
    do throws(WorkerPoolError) {
      try names.find(host: target.host, port: target.port, for: loop.handle) { [self] _, found in resolved(found) }
    } catch {
      end(
        .failure(
          DeliveryFailure(.retryable, "The address of \(target.host) was not looked up: too many look-ups wait.")))
    }
  }

  private func resolved(_ found: Result<[SocketAddress], NameResolutionError>) {
    guard case .resolving = phase else { return }
    switch found {
    case .failure(let error): end(.failure(DeliveryFailure(.retryable, "The look-up of an address failed: \(error).")))
    case .success(let found):
      addresses = found.filter(target.policy.permits)[...]
      if addresses.isEmpty {
        return end(
          .failure(
            DeliveryFailure(
              .permanent,
              "\(target.host) has the address \(found[0].ipString), to which no channel may connect. channel_networks can permit it."
            )))
      }
      phase = .connecting
      connect(after: nil)
    }
  }

  // MARK: Events

  func ready(_ readiness: Readiness) {
    switch phase {
    case .connecting: finishConnecting()
    case .handshaking, .conversing:
      if readiness.contains(.write) { flush() }
      if !readiness.isDisjoint(with: [.read, .peerClosed, .error]) { receive() }
    case .resolving, .ended: break
    }
  }

  func deadlineReached(_ id: TimerID) {
    if id == nextAddress {
      nextAddress = nil
      if case .connecting = phase { connect(after: .handshakeTimedOut) }
      return
    }
    deadline = nil
    switch phase {
    case .resolving:
      end(.failure(DeliveryFailure(.retryable, "The address of \(target.host) was not found in time.")))
    case .connecting:
      end(.failure(DeliveryFailure(.retryable, "\(target.place) did not accept a connection in time.")))
    case .handshaking: lose(.handshakeTimedOut)
    case .conversing: lose(.answerTimedOut)
    case .ended: break
    }
  }

  // MARK: The connection

  /// Tries the next address that does not fail at once.
  private func connect(after loss: ConnectionLoss?) {
    var loss = loss
    leave()
    while let address = addresses.popFirst() {
      do {
        let socket = try StreamSocket.connect(to: address)
        let raw = socket.raw
        channel = SecureChannel(plain: socket)
        token = try loop.register(raw, .write, self)
        if !addresses.isEmpty {
          // Half of the time that is left, so that one silent address does not use up the time of the others.
          nextAddress = loop.schedule(self, at: loop.now + loop.now.duration(to: target.deadline) / 2)
        }
        return
      } catch {
        channel = nil
        loss = ConnectionLoss(error)
      }
    }
    lose(loss ?? .handshakeTimedOut)
  }

  private func finishConnecting() {
    if let error = channel!.finishConnecting() { return connect(after: .connecting(error)) }
    if let nextAddress { loop.cancel(nextAddress) }
    nextAddress = nil
    if target.beginsWithTLS { startTLS() } else { converse() }
  }

  private func startTLS() {
    guard let context = target.context else { preconditionFailure("TLS begins without a context") }
    phase = .handshaking
    do throws(TLSError) {
      try channel!.startTLS(
        TLSSession(client: context, serverName: target.host, now: loop.readWallClock() / 1_000_000))
      flush()
    } catch {
      lose(.tls(error))
    }
  }

  private func converse() {
    phase = .conversing
    flush()  // from now on the loop reports what the target sends
    if isOpened { return follow(conversation.secured(&output)) }
    isOpened = true
    follow(conversation.opened(from: channel!.localAddress(), &output))
  }

  private func receive() {
    for _ in 0..<Self.readsPerEvent {
      plaintext.removeAll()
      switch channel!.read(scratch: loop.scratch, plaintext: &plaintext) {
      case .wouldBlock: return
      case .failed(let error): return lose(.broken(error))
      case .violated(let error): return lose(.tls(error))
      case .endOfStream: return inputEnded()
      case .received(let status):
        flush()  // handshakes and key updates are answered
        if case .handshaking = phase {
          if status == .handshaking { continue }
          converse()
        }
        if case .conversing = phase, !plaintext.isEmpty {
          follow(plaintext.withSpan(0..<plaintext.count) { conversation.received($0, &output) })
        }
        if case .ended = phase { return }
        if status == .closedByPeer { return inputEnded() }
      }
    }
  }

  private func inputEnded() {
    if case .handshaking = phase { return lose(.closedInHandshake) }
    lose(.closedUnanswered)
  }

  private func follow(_ step: ConversationStep) {
    send()
    switch step {
    case .goOn: break
    case .startTLS: startTLS()
    case .ended(let result): end(result)
    }
  }

  private func send() {
    if output.isEmpty { return }
    do throws(TLSError) {
      try output.withSpan(0..<output.count) { bytes throws(TLSError) in try channel!.send(bytes) }
    } catch {
      preconditionFailure("\(error): a session that has just taken input takes output")
    }
    output.removeAll(keepingCapacity: false)
    flush()
  }

  private func flush() {
    let interest: Interest
    switch channel!.flush() {
    case .done, .failed: interest = .read
    case .wouldBlock: interest = [.read, .write]
    }
    do {
      try loop.update(token!, interest)
    } catch {
      preconditionFailure("\(error): changing a mask allocates nothing")
    }
  }

  // MARK: The end

  private func lose(_ loss: ConnectionLoss) {
    end(isOpened ? conversation.lost(loss) : .failure(DeliveryFailure(loss, at: target.place)))
  }

  private func end(_ result: DeliveryResult) {
    if case .ended = phase { return }
    phase = .ended
    channel?.close()
    leave()
    if let deadline { loop.cancel(deadline) }
    deadline = nil
    promise.resolve(result)
  }

  /// Closes the socket and ends what belongs to it.
  private func leave() {
    if let nextAddress { loop.cancel(nextAddress) }
    nextAddress = nil
    if let token { loop.deregister(token) }
    token = nil
    channel = nil
  }
}
