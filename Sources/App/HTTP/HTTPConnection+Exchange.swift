// One request of a connection, from its head to its answer.

import Protocol
import Reactor

extension HTTPConnection {
  // MARK: An exchange

  func begin(_ head: HTTPRequestHead) {
    isHeadTimed = false
    exchangeNumber &+= 1
    let exchange = desk.exchange(exchangeNumber, head)
    self.exchange = exchange
    open(exchange)
  }

  /// Asks the desk again after `.wait`. - Parameter problem: why it could not find out what it waited for.
  func lookedUp(_ number: UInt32, _ problem: Problem?) {
    guard case .waiting = phase, let exchange, exchange.number == number else { return }
    phase = .idle
    if let problem {
      refuse(desk.refusal(problem, of: exchange))
    } else {
      exchange.hasLookedUp = true
      open(exchange)
    }
    resume()
  }

  private func open(_ exchange: Exchange) {
    switch desk.open(exchange, on: self) {
    case .push(let arriving):
      phase = .push(arriving)
      invite()
    case .endpoint(let call):
      if call.endpoint.answersFromHead {
        phase = .answering
        desk.perform(call, body: [], exchange, on: self)
      } else {
        phase = .gathering(call, body: [])
        invite()
      }
    case .refuse(let response): refuse(response)
    case .wait:
      phase = .waiting
      arm(RequestDesk.answerDeadline)
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

  func armBody() {
    guard let exchange else { return }
    let announced: Int
    switch exchange.head.framing {
    case .length(let length): announced = length
    case .chunked: announced = http.bodyBytesReceived
    case .none, .untilClose: announced = 0
    }
    let patience = Duration.seconds(announced / desk.settings.bodyBytesPerSecond)
    arm(at: exchange.startedAt + max(desk.settings.bodyDeadline, patience))
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

  func bodyArrived(_ bytes: Span<UInt8>) {
    switch phase {
    case .push(let arriving):
      do throws(Problem) {
        try desk.ingest.intake.receive(bytes, of: arriving)
        if let exchange, exchange.head.framing == .chunked { armBody() }
        if desk.ingest.mustPause { pauseForPressure() }
      } catch {
        refusePush(error)
      }
    case .gathering(let call, var body):
      if body.count + bytes.count > desk.settings.adminBodyBytes {
        refuseMidway(
          desk.refusal(Problem(.bodyTooLarge, "admin_body_bytes is \(desk.settings.adminBodyBytes)"), of: exchange))
        return
      }
      if let exchange, !desk.pressure.gather(bytes.count, for: exchange) {
        let problem = Problem(.overloaded, "admin_bytes_in_flight", retryAfterSeconds: desk.ingest.intake.jittered(5))
        return refuseMidway(desk.refusal(problem, of: exchange))
      }
      phase = .idle  // Gives up the other reference, so that the append below does not copy.
      bytes.withUnsafeBufferPointer { body.append(contentsOf: $0) }
      phase = .gathering(call, body: body)
    case .discarding: break
    case .handshaking, .idle, .waiting, .answering, .streaming, .closing, .lingering, .gone: break
    }
  }

  /// Refuses a push that is partly read.
  func refusePush(_ problem: Problem) {
    givePushBack()
    refuseMidway(desk.refusal(problem, of: exchange))
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

  func bodyEnded() {
    switch phase {
    case .push(let arriving):
      phase = .answering
      arm(RequestDesk.answerDeadline)
      desk.complete(arriving, exchange!, on: self)
    case .gathering(let call, let body):
      phase = .answering
      arm(RequestDesk.answerDeadline)
      desk.perform(call, body: body, exchange!, on: self)
    case .discarding(let response): answer(response)
    case .handshaking, .idle, .waiting, .answering, .streaming, .closing, .lingering, .gone: break
    }
  }

  // MARK: Answers

  /// The answer to exchange `number`, from a commit or an async endpoint. A late one finds nothing and is dropped.
  func complete(_ number: UInt32, _ response: HTTPResponse) {
    guard case .answering = phase, exchange?.number == number else { return }
    if response.isBodyShared { return stream(response) }
    answer(response)
    resume()
  }

  /// The answer to the push of exchange `number`, from a commit. A late one finds nothing, as above.
  func complete(_ number: UInt32, _ pushAnswer: Span<UInt8>) {
    guard case .answering = phase, let exchange, exchange.number == number else { return }
    let disposition = finishRequest()
    desk.renderer.encode(pushAnswer: pushAnswer, exchange, http.exchange, disposition) { send($0) }
    finishAnswer(disposition)
    resume()
  }

  func answer(_ response: HTTPResponse) {
    let disposition = finishRequest()
    desk.renderer.encode(response, exchange, http.exchange, disposition) { send($0) }
    if let exchange { desk.answered(exchange, response, on: self) }
    finishAnswer(disposition)
  }

  /// Whether the connection lives on behind the answer that is now to be written.
  func finishRequest() -> HTTPServerMachine.Disposition {
    let disposition = http.responseFinished()
    return desk.isDraining || hasPeerClosed || isSevered ? .close : disposition
  }

  func finishAnswer(_ disposition: HTTPServerMachine.Disposition) {
    endExchange()
    switch disposition {
    case .keepAlive:
      phase = .idle
      arm(desk.settings.idleDeadline)
    case .close: beginClose()
    }
  }

  func endExchange() {
    if let exchange { desk.ended(exchange) }
    exchange = nil
  }

  /// The collector, or its certificate, was revoked while connected. Of its own requests, one that is still arriving is
  /// refused, and one in work gets no answer: a push that waits for its commit may be stored all the same. What was asked
  /// for without being a collector (to enrol again, say) is answered first.
  func revoke(_ problem: Problem) {
    desk.records.count(.revoked)
    isSevered = true
    switch phase {
    case .idle: beginClose()
    case .push:
      givePushBack()
      answer(desk.refusal(problem, of: exchange))
    case .gathering: if exchange?.collector != nil { answer(desk.refusal(problem, of: exchange)) }
    case .discarding(let response): answer(response)
    case .answering: if exchange?.collector != nil { beginClose() }
    case .streaming: if exchange?.collector != nil { destroy() }
    case .handshaking, .waiting, .closing, .lingering, .gone: break
    }
  }

  /// Goes on with what arrived meanwhile.
  func resume() {
    if isOver { return }
    let isReadingBody: Bool
    switch phase {
    case .push, .gathering, .discarding: isReadingBody = true
    case .handshaking, .idle, .waiting, .answering, .streaming, .closing, .lingering, .gone: isReadingBody = false
    }
    // A body may end without a further byte: an empty one, or none at all.
    if !pending.isEmpty || isReadingBody {
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

  func send(_ plaintext: Span<UInt8>) {
    do throws(TLSError) {
      try link.send(plaintext, ciphertextOut: &outbound)
      queueFlush()
    } catch {
      destroy()
    }
  }
}
