// The requests of one connection, one after the other: from the bytes of a head to those of its answer.

import Protocol
import Reactor

final class ClientRequests {
  /// What is held for the request in work, beside its head.
  private enum Work {
    case nothing
    /// A push in reading.
    case push(ArrivingPush)
    /// The body for an endpoint, as far as it is here.
    case call(EndpointCall, body: [UInt8])
    /// A refusal that waits for the end of the body.
    case refusal(HTTPResponse)
    /// An answer whose body is on its way.
    case stream(StreamedBody)
  }

  /// A refused body up to this size is skipped; a larger one costs the connection.
  private static let skippedBytes = 1024 * 1024

  /// Set once, by the connection that owns the requests.
  unowned var connection: HTTPConnection!
  private(set) var http: HTTPServerMachine
  /// The request in work; nil between requests.
  private(set) var exchange: Exchange?
  /// Plaintext, or TLS that has to wait for its turn, that arrived before it could be taken.
  var pending = ByteBuffer()
  private var work = Work.nothing
  private var count: UInt32 = 0
  private let desk: RequestDesk

  init(desk: RequestDesk) {
    self.desk = desk
    http = HTTPServerMachine(limits: desk.httpLimits)
  }

  // MARK: Bytes

  /// Takes plaintext; what has to wait for an answer is kept, and no more is read until then.
  func receive(_ plaintext: Span<UInt8>) {
    if connection.machine.isOver { return }
    let taken = connection.machine.isAnswerDue ? 0 : drive(plaintext)
    if taken < plaintext.count, !connection.machine.isOver {
      pending.append(plaintext.extracting(taken..<plaintext.count))
      connection.socket.setReading(false)
    }
  }

  /// Goes on with what arrived meanwhile.
  func resume() {
    if connection.machine.isOver { return }
    // A body may end without a further byte: an empty one, or none at all.
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

  /// Feeds the HTTP machine until it wants more, or a request has to be answered first. - Returns: bytes taken.
  private func drive(_ input: Span<UInt8>) -> Int {
    var position = 0
    while !connection.machine.isAnswerDue, !connection.machine.isOver {
      if connection.machine.phase == .idle, http.isIdle {
        if connection.socket.isBackedUp { return position }
        // They may have changed since the connection's last request.
        http.use(desk.httpLimits)
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
    let exchange = desk.exchange(count, head)
    self.exchange = exchange
    take(desk.open(exchange, on: connection), exchange.head)
  }

  private func take(_ opening: Opening, _ head: HTTPRequestHead) {
    let admission: ConnectionMachine.Admission
    switch opening {
    case .push(let arriving):
      work = .push(arriving)
      admission = .push
    case .endpoint(let call):
      work = .call(call, body: [])
      admission = call.endpoint.answersFromHead ? .endpointAtOnce : .endpoint
    case .refuse(let response):
      work = .refusal(response)
      switch head.framing {
      case .none: admission = .refusedWithoutBody
      case .length(let length) where length <= Self.skippedBytes && !head.expectsContinue:
        admission = .refusedWithShortBody
      case .length, .chunked, .untilClose: admission = .refusedWithLongBody
      }
    case .wait: admission = .lookUp
    }
    connection.handle(.admitted(admission))
  }

  /// The collector of a head was looked up, for exchange `number`. - Parameter problem: why it could not be.
  func lookedUp(_ number: UInt32, _ problem: Problem?) {
    guard connection.machine.phase == .lookingUp, let exchange, exchange.number == number else { return }
    exchange.hasLookedUp = problem == nil
    let opening = problem.map { .refuse(desk.refusal($0, of: exchange)) } ?? desk.open(exchange, on: connection)
    take(opening, exchange.head)
    resume()
  }

  /// Asks for the body, if the client waits to be asked.
  func invite() {
    guard let exchange, exchange.head.expectsContinue else { return }
    var interim = ByteBuffer(minimumCapacity: 32)
    HTTPResponse.appendContinue(into: &interim)
    connection.socket.send(interim.span)
  }

  // MARK: Bodies

  private func take(_ bytes: Span<UInt8>) {
    do throws(Problem) {
      switch work {
      case .push(let arriving):
        try desk.ingest.intake.receive(bytes, of: arriving)
        connection.handle(.bodyTaken(isChunked: exchange?.head.framing == .chunked))
        if desk.ingest.mustPause { connection.socket.pauseForPressure() }
      case .call(let call, var body):
        try charge(bytes.count, beside: body.count)
        work = .nothing  // Gives up the other reference, so that the append below does not copy.
        bytes.withUnsafeBufferPointer { body.append(contentsOf: $0) }
        work = .call(call, body: body)
      case .nothing, .refusal, .stream: break
      }
    } catch {
      refuseBody(error)
    }
  }

  /// Accounts for more of a body for an endpoint. - Throws: why there may be no more of it.
  private func charge(_ bytes: Int, beside gathered: Int) throws(Problem) {
    let limit = desk.settings.adminBodyBytes
    if gathered + bytes > limit { throw Problem(.bodyTooLarge, "admin_body_bytes is \(limit)") }
    if let exchange, !desk.pressure.gather(bytes, for: exchange) {
      throw Problem(.overloaded, "admin_bytes_in_flight", retryAfterSeconds: desk.ingest.intake.jittered(5))
    }
  }

  /// Refuses a body that is partly read; what is left of it is skipped where that is cheap.
  func refuseBody(_ problem: Problem) {
    decide(problem)
    var isRestShort = false
    if case .length(let length) = exchange?.head.framing {
      isRestShort = length - http.bodyBytesReceived <= Self.skippedBytes
    }
    connection.handle(.bodyRefused(isRestShort: isRestShort))
  }

  /// Hands the complete push over.
  func store() {
    guard case .push(let arriving) = work, let exchange else { return }
    work = .nothing
    desk.complete(arriving, exchange, on: connection)
  }

  /// Has the endpoint run.
  func perform() {
    guard case .call(let call, let body) = work, let exchange else { return }
    work = .nothing
    desk.perform(call, body: body, exchange, on: connection)
  }

  /// A push that is not read to its end goes back to the pools, and its memory to the budget.
  private func giveBack() {
    guard case .push(let arriving) = work else { return }
    work = .nothing
    desk.ingest.intake.giveBack(arriving)
  }

  // MARK: Answers

  /// The answer to exchange `number`, from a commit or an endpoint. A late one finds nothing and is dropped.
  func complete(_ number: UInt32, _ response: HTTPResponse) {
    guard let exchange = awaited(number) else { return }
    if !response.isBodyShared {
      answer(response)
      return resume()
    }
    // The body is held elsewhere anyway: a client that is slow in taking it must not have us hold it once more.
    let disposition = beginAnswer()
    let framer = desk.renderer.encodeHead(
      response, length: response.body.count, exchange, http.exchange, disposition
    ) { send($0) }
    begin(StreamedBody(source: .shared(sent: 0), framer: framer, response: response))
  }

  /// The answer to the push of exchange `number`, from a commit.
  func complete(_ number: UInt32, _ pushAnswer: Span<UInt8>) {
    guard let exchange = awaited(number) else { return }
    let disposition = beginAnswer()
    desk.renderer.encode(pushAnswer: pushAnswer, exchange, http.exchange, disposition) { send($0) }
    endAnswer()
    resume()
  }

  /// The head of the answer to exchange `number`; the body comes through `pipe`. A late one finds nothing.
  func stream(_ number: UInt32, _ head: HTTPResponse, _ pipe: BodyPipe) {
    guard let exchange = awaited(number) else { return pipe.cancel() }
    // Nothing but the end of the connection ends such a body in HTTP/1.0.
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

  /// The request is over.
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

  /// Sends more of a streamed answer, as far as the client keeps up.
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

  /// The body ends before its end: the client must not take it for whole.
  func breakStream() {
    guard case .stream(let body) = work else { return }
    body.cancel()
    if let exchange { desk.answered(exchange, body.response, on: connection, isBroken: true) }
    connection.socket.link.willReset()
  }

  // MARK: Refusals

  /// Decides what the request is answered with, once its body is skipped.
  private func decide(_ problem: Problem) {
    giveBack()
    work = .refusal(desk.refusal(problem, of: exchange))
  }

  /// - Parameter objection: why the client may not go on, for the cause `.revoked`.
  func refuse(_ cause: ConnectionMachine.Cause, _ objection: Problem?) {
    if cause == .decided, case .refusal(let response) = work { return answer(response) }
    giveBack()
    answer(desk.refusal(problem(cause, objection), of: exchange))
  }

  private func problem(_ cause: ConnectionMachine.Cause, _ objection: Problem?) -> Problem {
    switch cause {
    case .headDeadline: return Problem(.requestTimeout, "head_deadline")
    case .bodyDeadline: return Problem(.requestTimeout, "body_deadline")
    case .answerDeadline:
      // What only reads has no outcome to be known.
      let isRead = exchange.map { $0.head.method == .get || $0.head.method == .head } ?? true
      return Problem(isRead ? .overloaded : .outcomeUnknown, "no answer in time", retryAfterSeconds: 10)
    case .shuttingDown: return Problem(.shuttingDown, retryAfterSeconds: desk.ingest.intake.jittered(5))
    case .revoked: return objection ?? Problem(.collectorRevoked)
    case .decided: preconditionFailure("a refusal was decided and is not there")
    }
  }

  /// The client is gone, or has to go.
  func abandon() {
    exchange?.departure?.happened()
    giveBack()
    if exchange?.isOpenPush == true { desk.ingest.records.abandoned() }
    end()
  }

  // MARK: What the connection has to know

  /// Whether this is a collector's connection without a request: its next push can wait in the kernel's buffers.
  var isBetweenPushes: Bool { connection.isIdle && connection.client.verifiedToken != nil }

  /// Whether a head is here, and the body behind it has not begun.
  var isBodyNext: Bool { exchange != nil && http.isReadingBody && http.bodyBytesReceived == 0 }

  /// Bytes of a streamed answer that wait for the client, besides those that are encrypted.
  var heldBytes: Int {
    guard case .stream(let body) = work else { return 0 }
    return body.heldBytes
  }

  /// The push whose body is being read.
  var arrivingPush: Push? {
    guard case .push(let arriving) = work else { return nil }
    return arriving.push
  }

  /// Whether a client that sends nothing any more is answered all the same. - Parameter hasUnsent: an answer is on its way.
  func isAnswerWanted(hasUnsent: Bool) -> Bool {
    switch connection.machine.phase {
    // A half-closed client reads on, unless an endpoint has asked to be called when its client is gone.
    case .lookingUp, .answering: return exchange?.departure?.isAwaited != true
    // Who half-closes and reads on gets what is there; to have rows read for it, it must be seen to be there.
    case .streaming:
      guard case .stream(let body) = work else { return false }
      return body.isShared
    case .idle: return hasUnsent
    case .proxied, .arriving, .handshaking, .reading, .gathering, .discarding, .refusing, .closing, .lingering, .gone:
      return false
    }
  }
}
