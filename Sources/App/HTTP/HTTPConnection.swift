// One client connection: carries out what `ConnectionMachine` decides, by its socket (`ClientSocket`: bytes and TLS), its requests
// (`ClientRequests`: HTTP) and its deadline. docs/CONNECTION.md has the states and says who owns what.

import Protocol
import Reactor

final class HTTPConnection: EventHandler, TurnEndHandler, DeadlineHandler {
  let id: ConnectionID
  /// Where the client is: the other end of the socket, unless a balancer says whom it speaks for.
  var peerAddress: SocketAddress
  /// What the client has proved about itself.
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

  /// Has the loop watch the socket. - Returns: false if the loop has no room; the connection is then gone.
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

  // MARK: Events of the lane
  // They come in here, and not at the parts, because a part lives no longer than its connection, which each of them may end.

  /// The collector of the head of exchange `number` was looked up. - Parameter problem: why it could not be.
  func lookedUp(_ number: UInt32, _ problem: Problem?) { requests.lookedUp(number, problem) }

  /// The answer to exchange `number`, from a commit or an endpoint. A late one finds nothing and is dropped.
  func complete(_ number: UInt32, _ response: HTTPResponse) { requests.complete(number, response) }

  /// The answer to the push of exchange `number`, from a commit; it is only lent.
  func complete(_ number: UInt32, _ pushAnswer: Span<UInt8>) { requests.complete(number, pushAnswer) }

  /// The head of the answer to exchange `number`; the body comes through `pipe`.
  func stream(_ number: UInt32, _ head: HTTPResponse, _ pipe: BodyPipe) { requests.stream(number, head, pipe) }

  /// There is more of a streamed answer.
  func pumpStream() { requests.pumpStream() }

  /// A body that is being read may not be read to its end.
  func refuseBody(_ problem: Problem) { requests.refuseBody(problem) }

  /// The connection's turn to go on with its handshake.
  func proceedWithHandshake() { socket.proceedWithHandshake() }

  /// Memory is free again.
  func resumeReading() { socket.setReading(requests.pending.isEmpty) }

  /// The server is ending: an idle connection is closed at once, a busy one after its answer.
  func drain() { handle(.drained(isHeadBegun: requests.http.isReadingHead)) }

  /// The server ends now: a request in work is answered by that, as far as the socket takes it.
  func cutOff() { handle(.cutOff) }

  /// The collector or its certificate may not come in any more.
  func revoke(_ problem: Problem) {
    desk.records.count(.revoked)
    handle(.revoked(isCollectors: requests.exchange?.collector != nil), objection: problem)
  }

  /// Closes at once and gives back everything.
  func destroy() { handle(.failed) }

  /// Whether nothing is asked of us.
  var isIdle: Bool { machine.phase == .idle && requests.http.isIdle }

  // MARK: The interpreter

  /// Reports an event to the machine, and carries out what it decides.
  /// - Parameter objection: why the client may not go on, with `.revoked`.
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
    // Another action may have found the socket broken.
    if machine.phase == .gone { return }
    let end = deadline.time(
      of: wait, desk, requests.exchange, bodyBytes: requests.http.bodyBytesReceived, writeEnd: socket.writeEnd)
    deadline.set(end, desk.loop, self)
  }

  /// A session is established.
  func establish() {
    // The clock itself: the cryptography of this turn is part of it.
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
