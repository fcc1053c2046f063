// Processes the requests of one connection, one at a time: from the bytes of a request's head to the bytes of its
// answer.

import Protocol
import Reactor

/// Drives the HTTP machine of one connection, and holds the request in work. Owned by the connection, and used on its
/// loop only.
final class ClientRequests {
  /// The data of the request in work, besides its exchange.
  private enum Work {
    case nothing
    /// A request for an endpoint, and the part of its body that has arrived.
    case call(EndpointCall, body: [UInt8])
    /// A refusal that is sent at the end of the body.
    case refusal(HTTPResponse)
    /// An answer whose body is being sent.
    case stream(StreamedBody)
  }

  /// The server skips the rest of a refused body up to this size, in bytes. For a longer rest it closes the connection.
  private static let skippedBytes = 1024 * 1024

  /// Set once by the connection, which owns this object.
  unowned var connection: HTTPConnection!
  private(set) var http: HTTPServerMachine
  /// The request in work; nil between requests.
  private(set) var exchange: Exchange?
  /// Bytes that arrived before they could be processed: plaintext, or TLS bytes of a handshake that waits for its turn.
  var pending = ByteBuffer()
  private var work = Work.nothing
  private var count: UInt32 = 0
  private let desk: RequestDesk

  init(desk: RequestDesk) {
    self.desk = desk
    http = HTTPServerMachine(limits: desk.httpLimits)
  }

  // MARK: Bytes

  /// Processes plaintext. Bytes behind a request that waits for its answer are kept, and the socket is not read until
  /// the answer is sent.
  func receive(_ plaintext: Span<UInt8>) {
    if connection.machine.isOver { return }
    let taken = connection.machine.isAnswerDue ? 0 : drive(plaintext)
    if taken < plaintext.count, !connection.machine.isOver {
      pending.append(plaintext.extracting(taken..<plaintext.count))
      connection.socket.setReading(false)
    }
  }

  /// Processes the bytes that arrived while a request waited for its answer, and reads the socket again.
  func resume() {
    if connection.machine.isOver { return }
    // A body may end without another byte: if it is empty, or if the request has none.
    if !pending.isEmpty || connection.machine.isBodyDue {
      var input = ByteBuffer()
      swap(&input, &pending)
      let taken = drive(input.span)
      if connection.machine.isOver { return }
      if taken < input.count {
        input.removeFirst(taken)
        swap(&input, &pending)
        return
      }
    }
    connection.socket.setReading(true)
  }

  /// Feeds the HTTP machine until it needs more input or a request has to be answered first.
  /// - Returns: the number of bytes taken.
  private func drive(_ input: Span<UInt8>) -> Int {
    var position = 0
    while !connection.machine.isAnswerDue, !connection.machine.isOver {
      if connection.machine.phase == .idle, http.isIdle {
        if connection.socket.isBackedUp { return position }
        // The limits may have changed since the connection's last request.
        http.apply(desk.httpLimits)
      }
      switch http.next(input, &position) {
      case .needInput:
        if connection.machine.phase == .idle, http.isReadingHead { connection.handle(.headBegun) }
        return position
      case .head(let head): begin(head)
      case .body(let range): take(input.extracting(range))
      case .end: connection.handle(.bodyEnded)
      case .reject(let error):
        desk.records.broken(error, from: connection.peerAddress)
        decide(Problem(error))
        connection.handle(.requestBroken)
      }
    }
    return position
  }

  // MARK: Heads

  private func begin(_ head: HTTPRequestHead) {
    count &+= 1
    let (exchange, opening) = desk.open(count, head, on: connection)
    self.exchange = exchange
    take(opening, of: exchange)
  }

  private func take(_ opening: Opening, of exchange: Exchange) {
    let admission: ConnectionMachine.Admission
    switch opening {
    case .push: admission = .push
    case .endpoint(let call):
      work = .call(call, body: [])
      admission = call.endpoint.answersFromHead ? .endpointAtOnce : .endpoint
    case .refuse(let response):
      work = .refusal(response)
      switch exchange.head.framing {
      case .none: admission = .refusedWithoutBody
      case .length(let length) where length <= Self.skippedBytes && !exchange.head.expectsContinue:
        admission = .refusedWithShortBody
      case .length, .chunked, .untilClose: admission = .refusedWithLongBody
      }
    case .wait: admission = .lookUp
    }
    connection.handle(.admitted(admission))
  }

  /// Continues with the exchange in work after the database was asked for its collector.
  /// - Parameter opening: the decision on its head.
  func opened(_ opening: Opening) {
    guard let exchange else { return }
    take(opening, of: exchange)
    resume()
  }

  /// Sends `100 Continue` if the client waits for it before it sends the body.
  func invite() {
    guard let exchange, exchange.head.expectsContinue else { return }
    var interim = ByteBuffer(minimumCapacity: 32)
    HTTPResponse.appendContinue(into: &interim)
    connection.socket.send(interim.span)
  }

  // MARK: Bodies

  private func take(_ bytes: Span<UInt8>) {
    do throws(Problem) {
      if let exchange, let arriving = exchange.arriving {
        try desk.ingest.intake.receive(bytes, of: arriving)
        connection.handle(.bodyTaken(isChunked: exchange.head.framing == .chunked))
        if desk.ingest.mustPause { connection.socket.pauseForPressure() }
      } else if case .call(let call, var body) = work {
        try charge(bytes.count, beside: body.count)
        work = .nothing  // Gives up the other reference, so that the append below does not copy.
        bytes.withUnsafeBufferPointer { body.append(contentsOf: $0) }
        work = .call(call, body: body)
      }
    } catch {
      refuseBody(error)
    }
  }

  /// Counts bytes of a body for an endpoint against the limits.
  /// - Throws: the reason why the endpoint may not receive more of the body.
  private func charge(_ bytes: Int, beside gathered: Int) throws(Problem) {
    let limit = desk.settings.adminBodyBytes
    if gathered + bytes > limit { throw Problem(.bodyTooLarge, "admin_body_bytes is \(limit)") }
    if let exchange, !desk.pressure.gather(bytes, for: exchange) {
      throw Problem(.overloaded, "admin_bytes_in_flight", retryAfterSeconds: desk.ingest.intake.jittered(5))
    }
  }

  /// Refuses a request whose body is partly read. The rest of the body is skipped if it is short.
  func refuseBody(_ problem: Problem) {
    decide(problem)
    var isRestShort = false
    if case .length(let length) = exchange?.head.framing {
      isRestShort = length - http.bodyBytesReceived <= Self.skippedBytes
    }
    connection.handle(.bodyRefused(isRestShort: isRestShort))
  }

  /// Hands the complete push to the request desk.
  func store() {
    guard let exchange else { return }
    desk.complete(exchange, on: connection)
  }

  /// Hands the complete request to its endpoint.
  func perform() {
    guard case .call(let call, let body) = work, let exchange else { return }
    work = .nothing
    desk.perform(call, body: body, exchange, on: connection)
  }

  // MARK: Answers

  /// Answers exchange `number`. Does nothing if that exchange no longer waits for an answer.
  func complete(_ number: UInt32, _ response: HTTPResponse) {
    guard let exchange = awaited(number) else { return }
    if !response.isBodyShared {
      answer(response)
      return resume()
    }
    // Other references hold the body in any case, so the connection sends it in parts. Otherwise a slow client would
    // make the server hold a second copy of it.
    let disposition = beginAnswer()
    let framer = desk.renderer.encodeHead(
      response, length: response.body.count, exchange, http.exchange, disposition
    ) { send($0) }
    begin(StreamedBody(source: .shared(sent: 0), framer: framer, response: response))
  }

  /// Answers the push of exchange `number` after its commit. `pushAnswer` is valid only during the call.
  func complete(_ number: UInt32, _ pushAnswer: Span<UInt8>) {
    guard let exchange = awaited(number) else { return }
    let disposition = beginAnswer()
    desk.renderer.encode(pushAnswer: pushAnswer, exchange, http.exchange, disposition) { send($0) }
    endAnswer()
    resume()
  }

  /// Begins a streamed answer to exchange `number`. The body comes through `pipe`. Cancels `pipe` if that exchange no
  /// longer waits for an answer.
  func stream(_ number: UInt32, _ head: HTTPResponse, _ pipe: BodyPipe) {
    guard let exchange = awaited(number) else { return pipe.cancel() }
    // In HTTP/1.0, only the end of the connection marks the end of such a body.
    let disposition = beginAnswer(canKeepAlive: http.exchange.minorVersion > 0)
    let framer = desk.renderer.encodeHead(head, exchange, http.exchange, disposition) { send($0) }
    if connection.machine.isOver { return pipe.cancel() }
    let (handle, desk, id) = (desk.loop.handle, LoopBound(desk, on: desk.loop), connection.id)
    pipe.consume { handle.submit { desk.value(on: $0).connections[id]?.pumpStream() } }
    begin(StreamedBody(source: .pipe(pipe), framer: framer, response: head))
  }

  private func send(_ bytes: Span<UInt8>) { connection.socket.send(bytes) }

  private func awaited(_ number: UInt32) -> Exchange? {
    guard connection.machine.phase == .answering, let exchange, exchange.number == number else { return nil }
    return exchange
  }

  private func answer(_ response: HTTPResponse) {
    let disposition = beginAnswer()
    desk.renderer.encode(response, exchange, http.exchange, disposition) { send($0) }
    if let exchange { desk.answered(exchange, response, on: connection) }
    endAnswer()
  }

  private func beginAnswer(canKeepAlive: Bool = true) -> HTTPServerMachine.Disposition {
    let keepsAlive = http.responseFinished() == .keepAlive && canKeepAlive && !desk.isDraining
    connection.handle(.answerBegun(keepsAlive: keepsAlive))
    return connection.machine.state.closesAfterAnswer ? .close : .keepAlive
  }

  private func endAnswer() {
    end()
    connection.handle(.answered)
  }

  /// Ends the request in work.
  private func end() {
    if let exchange { desk.ended(exchange) }
    exchange = nil
    work = .nothing
  }

  // MARK: Answers in parts

  private func begin(_ body: StreamedBody) {
    if connection.machine.isOver { return }
    work = .stream(body)
    connection.handle(.streamBegun)
    pumpStream()
  }

  /// Sends as much of the streamed answer as the client takes.
  func pumpStream() {
    guard case .stream(var body) = work, connection.machine.phase == .streaming else { return }
    let progress = body.pump(into: connection)
    if connection.machine.isOver { return }
    work = .stream(body)
    switch progress {
    case .waiting: return
    case .finished(let trailers):
      desk.renderer.frameEnd(body.framer, trailers) { send($0) }
      if connection.machine.isOver { return }
      if let exchange { desk.answered(exchange, body.response, on: connection) }
      endAnswer()
      resume()
    case .broken:
      desk.records.count(.streamBroken)
      connection.handle(.failed)
    }
  }

  /// Ends a streamed answer before its body is complete. The connection is reset, so that the client does not take the
  /// body for complete.
  func breakStream() {
    guard case .stream(let body) = work else { return }
    body.cancel()
    if let exchange { desk.answered(exchange, body.response, on: connection, isBroken: true) }
    connection.socket.link.willReset()
  }

  // MARK: Refusals

  /// Sets the refusal that answers the request once its body is skipped.
  private func decide(_ problem: Problem) {
    work = .refusal(desk.refusal(problem, of: exchange))
  }

  /// Sends the refusal of the request in work.
  /// - Parameter objection: the reason why the client is cut off; used for the cause `.revoked`.
  func refuse(_ cause: ConnectionMachine.Cause, _ objection: Problem?) {
    if cause == .decided, case .refusal(let response) = work { return answer(response) }
    answer(desk.refusal(problem(cause, objection), of: exchange))
  }

  private func problem(_ cause: ConnectionMachine.Cause, _ objection: Problem?) -> Problem {
    switch cause {
    case .headDeadline: return Problem(.requestTimeout, "head_deadline")
    case .bodyDeadline: return Problem(.requestTimeout, "body_deadline")
    case .answerDeadline:
      // A request that only reads has no unknown outcome.
      let isRead = exchange.map { $0.head.method == .get || $0.head.method == .head } ?? true
      return Problem(isRead ? .overloaded : .outcomeUnknown, "no answer in time", retryAfterSeconds: 10)
    case .shuttingDown: return Problem(.shuttingDown, retryAfterSeconds: desk.ingest.intake.jittered(5))
    case .revoked: return objection ?? Problem(.collectorRevoked)
    case .decided: preconditionFailure("a refusal was decided and is not there")
    }
  }

  /// Ends the request in work without an answer, because its connection ends.
  func abandon() {
    exchange?.departure?.happened()
    end()
  }

  // MARK: State for the connection

  /// Whether the connection belongs to a collector and has no request. The next push may then wait in the kernel's
  /// buffers.
  var isBetweenPushes: Bool { connection.isIdle && connection.client.verifiedToken != nil }

  /// Whether a head is complete and no byte of its body has arrived.
  var isBodyNext: Bool { exchange != nil && http.isReadingBody && http.bodyBytesReceived == 0 }

  /// The number of bytes of a streamed answer that wait for the client, without those that are already encrypted.
  var heldBytes: Int {
    guard case .stream(let body) = work else { return 0 }
    return body.heldBytes
  }

  /// The push whose body is being read; nil if there is none.
  var arrivingPush: Push? { exchange?.arriving?.push }

  /// Whether a client that has closed its sending half still gets its answer.
  /// - Parameter hasUnsent: whether bytes of an answer are not sent yet.
  func isAnswerWanted(hasUnsent: Bool) -> Bool {
    switch connection.machine.phase {
    // A half-closed client still reads, unless an endpoint has asked to be called when the client is gone.
    case .lookingUp, .answering: return exchange?.departure?.isAwaited != true
    // A half-closed client gets a body that is complete in memory. The server does not query further rows for a client
    // that may be gone.
    case .streaming:
      guard case .stream(let body) = work else { return false }
      return body.isShared
    case .idle: return hasUnsent
    case .proxied, .arriving, .handshaking, .reading, .gathering, .discarding, .refusing, .closing, .lingering, .gone:
      return false
    }
  }
}
