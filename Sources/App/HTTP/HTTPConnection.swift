// One client connection. It carries out the decisions of `ConnectionMachine` with its socket (`ClientSocket`: bytes and
// TLS), its requests (`ClientRequests`: HTTP) and its deadline. docs/CONNECTION.md describes the phases and the owner
// of each part.

import Protocol
import Reactor

/// A connection of one client. The `ConnectionTable` of its loop owns it, and it is used on that loop only.
final class HTTPConnection: EventHandler, TurnEndHandler, DeadlineHandler {
  let id: ConnectionID
  /// The client's address: the address of the socket's peer, or the address that a balancer's PROXY header names.
  var peerAddress: SocketAddress
  /// The identity that the client has proved.
  var client = ClientIdentity()
  let desk: RequestDesk
  let arrivals: Arrivals
  let socket: ClientSocket
  let requests: ClientRequests
  private(set) var machine: ConnectionMachine
  private var deadline: ConnectionDeadline

  init(id: ConnectionID, link: any ClientLink, peer: SocketAddress, desk: RequestDesk, arrivals: Arrivals) {
    self.id = id
    self.desk = desk
    self.arrivals = arrivals
    peerAddress = peer
    let awaitsHeader = desk.settings.proxyProtocolFrom.contains { $0.contains(peer) }
    machine = ConnectionMachine(awaitsHeader: awaitsHeader)
    deadline = ConnectionDeadline(openedAt: desk.loop.now)
    socket = ClientSocket(link, awaitsHeader: awaitsHeader, desk: desk)
    requests = ClientRequests(desk: desk)
    socket.connection = self
    requests.connection = self
  }

  // MARK: Events of the loop

  /// Registers the socket on the loop.
  /// - Returns: false if the loop has no room. The connection is then in the phase `gone`.
  func open() -> Bool {
    let isWatched = socket.watch(self)
    handle(isWatched ? .opened : .unwatched)
    return isWatched
  }

  func ready(_ readiness: Readiness) { socket.ready(readiness) }

  func turnEnding() { socket.turnEnding() }

  func deadlineReached(_ id: TimerID) {
    deadline.reached()
    desk.records.count(.deadlineReached)
    handle(.deadlineReached(isHeadBegun: requests.http.isReadingHead))
  }

  // MARK: Calls from the lane
  // Callers reach the parts through the connection, because each of these calls may end the connection and its parts.

  /// Continues with the exchange in work after the database was asked for its collector.
  func opened(_ opening: Opening) { requests.opened(opening) }

  /// Answers exchange `number`. Does nothing if that exchange no longer waits for an answer.
  func complete(_ number: UInt32, _ response: HTTPResponse) { requests.complete(number, response) }

  /// Answers the push of exchange `number` after its commit. `pushAnswer` is valid only during the call.
  func complete(_ number: UInt32, _ pushAnswer: Span<UInt8>) { requests.complete(number, pushAnswer) }

  /// Begins a streamed answer to exchange `number`. The body comes through `pipe`.
  func stream(_ number: UInt32, _ head: HTTPResponse, _ pipe: BodyPipe) { requests.stream(number, head, pipe) }

  /// Sends more of a streamed answer.
  func pumpStream() { requests.pumpStream() }

  /// Refuses a request whose body is being read.
  func refuseBody(_ problem: Problem) { requests.refuseBody(problem) }

  /// Processes the bytes of the handshake, now that it has its turn.
  func proceedWithHandshake() { socket.proceedWithHandshake() }

  /// Reads the socket again after a pause for memory.
  func resumeReading() { socket.setReading(requests.pending.isEmpty) }

  /// Closes the connection for the server's shutdown: at once if it is idle, otherwise after its answer.
  func drain() { handle(.drained(isHeadBegun: requests.http.isReadingHead)) }

  /// Ends the connection because the time for the shutdown is over. A request in work is refused, as far as the socket
  /// takes the answer.
  func cutOff() { handle(.cutOff) }

  /// Ends the connection because its collector or certificate has lost its access.
  /// - Parameter problem: the reason, for the answer.
  func revoke(_ problem: Problem) {
    desk.records.count(.revoked)
    handle(.revoked(isCollectors: requests.exchange?.collector != nil), objection: problem)
  }

  /// Closes the connection at once and releases everything that it holds.
  func destroy() { handle(.failed) }

  /// Whether no request is in work and no part of a head has arrived.
  var isIdle: Bool { machine.phase == .idle && requests.http.isIdle }

  // MARK: The interpreter

  /// Reports an event to the machine and carries out the actions that it returns.
  /// - Parameter objection: the reason why the client is cut off; given with `.revoked`.
  func handle(_ event: ConnectionMachine.Event, objection: Problem? = nil) {
    for action in machine.handle(event) {
      switch action {
      case .arm(let wait): arm(wait)
      case .invite: requests.invite()
      case .store: requests.store()
      case .perform: requests.perform()
      case .refuse(let cause): requests.refuse(cause, objection)
      case .resume: requests.resume()
      case .stopReading: socket.setReading(false)
      case .startReading: socket.setReading(true)
      case .close: close()
      case .closeSending: closeSending()
      case .awaitWritable: socket.setBlocked(true)
      case .becomeWritable: socket.setBlocked(false)
      case .reportMissingHeader: desk.records.refused(.proxyHeaderMissing, from: peerAddress, "head_deadline")
      case .failHandshake: desk.records.count(.handshakeEnded)
      case .breakStream: requests.breakStream()
      case .release: release()
      }
    }
  }

  private func arm(_ wait: ConnectionMachine.Wait) {
    // An earlier action may have found that the socket is broken.
    if machine.phase == .gone { return }
    let end = deadline.time(
      of: wait, desk, requests.exchange, bodyBytes: requests.http.bodyBytesReceived, writeEnd: socket.writeEnd)
    deadline.set(end, desk.loop, self)
  }

  /// Records that the TLS session is established, and takes the client's certificate.
  func establish() {
    // Reads the clock itself, because `loop.now` does not include the cryptography of this turn.
    desk.records.count(.established(after: desk.loop.readClock() - deadline.openedAt))
    client.certificate = socket.link.peer.map(ShownCertificate.init)
    arrivals.moved(self, to: .handshakeEnded(isVerified: client.certificate?.isGenuine ?? false))
    handle(.established)
  }

  private func close() {
    requests.pending.removeAll(keepingCapacity: false)
    socket.close()
  }

  private func closeSending() {
    socket.link.shutdownWrite()
    deadline.beginLinger(desk)
  }

  private func release() {
    requests.abandon()
    socket.release()
    deadline.cancel(desk.loop)
    arrivals.moved(self, to: .gone)
  }
}
