// One request of a connection, from its head to its answer.

import Protocol
import Reactor

extension HTTPConnection {
  // MARK: An exchange

  func begin(_ head: HTTPRequestHead) {
    isHeadTimed = false
    exchangeNumber &+= 1
    exchange = Exchange(
      number: exchangeNumber, head: head, startedAt: lane.loop.now, freshID: lane.random.next())
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
  func completeWaiting(_ number: UInt32, _ problem: Problem) {
    guard case .waiting = phase, exchange?.number == number else { return }
    phase = .idle
    refuse(lane.refusal(problem, on: self))
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

  func armBody() {
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

  func bodyArrived(_ bytes: Span<UInt8>) {
    switch phase {
    case .push(let reader, let push):
      do throws(PushRefusal) {
        let begun = lane.loop.readClock()
        try reader.receive(bytes, into: push, known: &lane.known)
        push.decodeTime += lane.loop.readClock() - begun
        lane.account(push, reader)
        if let problem = lane.excess() { return refusePush(problem) }
        if let exchange, exchange.head.framing == .chunked { armBody() }
        if lane.mustPause() { pauseForPressure() }
      } catch {
        refusePush(Problem(error))
      }
    case .gathering(let call, var body):
      if body.count + bytes.count > lane.settings.adminBodyBytes {
        refuseMidway(
          lane.refusal(Problem(.bodyTooLarge, "admin_body_bytes is \(lane.settings.adminBodyBytes)"), on: self))
        return
      }
      if !lane.gather(bytes.count, for: &exchange) {
        let problem = Problem(.overloaded, "admin_bytes_in_flight", retryAfterSeconds: lane.admission.jittered(5))
        return refuseMidway(lane.refusal(problem, on: self))
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
    refuseMidway(lane.refusal(problem, on: self))
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
    case .push(let reader, let push):
      phase = .answering
      arm(Lane.answerDeadline)
      lane.complete(push, reader, exchange!, on: self)
    case .gathering(let call, let body):
      phase = .answering
      arm(Lane.answerDeadline)
      lane.perform(call, body: body, on: self)
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
    lane.encode(pushAnswer: pushAnswer, exchange, http.exchange, disposition) { send($0) }
    finishAnswer(disposition)
    resume()
  }

  func answer(_ response: HTTPResponse) {
    let disposition = finishRequest()
    lane.encode(response, exchange, http.exchange, disposition) { send($0) }
    lane.answered(exchange, response, peerAddress, claimed: collectors.first)
    finishAnswer(disposition)
  }

  /// Whether the connection lives on behind the answer that is now to be written.
  func finishRequest() -> HTTPServerMachine.Disposition {
    let disposition = http.responseFinished()
    return lane.isDraining || hasPeerClosed || isSevered ? .close : disposition
  }

  func finishAnswer(_ disposition: HTTPServerMachine.Disposition) {
    endExchange()
    switch disposition {
    case .keepAlive:
      phase = .idle
      arm(lane.settings.idleDeadline)
    case .close: beginClose()
    }
  }

  func endExchange() {
    lane.scatter(exchange)
    exchange = nil
  }

  /// The collector, or its certificate, was revoked while connected. Of its own requests, one that is still arriving is
  /// refused, and one in work gets no answer: a push that waits for its commit may be stored all the same. What was asked
  /// for without being a collector (to enrol again, say) is answered first.
  func sever(_ problem: Problem) {
    lane.counters.connectionsSevered += 1
    isSevered = true
    switch phase {
    case .idle: beginClose()
    case .push:
      givePushBack()
      answer(lane.refusal(problem, on: self))
    case .gathering: if exchange?.collector != nil { answer(lane.refusal(problem, on: self)) }
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
