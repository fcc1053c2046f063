// An answer whose body is made while it is sent. The connection takes from the pipe only as much as the client takes from
// it: what waits for the socket stays below `stream_unsent_bytes` and one part, and the pipe's producer stops at that.

import Protocol

/// A streamed answer in work.
struct StreamedBody {
  let pipe: BodyPipe
  let framer: HTTPBodyFramer
  let disposition: HTTPServerMachine.Disposition
  /// What the log says of it at the end.
  let head: HTTPResponse
}

extension HTTPConnection {
  /// The head of the answer to exchange `number`; the body comes through `pipe`. A late one finds nothing.
  func stream(_ number: UInt32, _ head: HTTPResponse, _ pipe: BodyPipe) {
    guard case .answering = phase, let exchange, exchange.number == number else { return pipe.cancel() }
    var disposition = http.responseFinished()
    if lane.isDraining || hasPeerClosed || isSevered || http.exchange.minorVersion == 0 { disposition = .close }
    let framer = lane.encodeHead(head, exchange, http.exchange, disposition) { send($0) }
    if isOver { return pipe.cancel() }
    phase = .streaming(StreamedBody(pipe: pipe, framer: framer, disposition: disposition, head: head))
    let (handle, id) = (lane.handle, id)
    pipe.consume { handle.submit { $0.connections[id]?.pumpStream() } }
    pumpStream()
  }

  /// Takes what there is, as far as the client keeps up.
  func pumpStream() {
    guard case .streaming(let body) = phase else { return }
    if !body.framer.hasBody {
      body.pipe.cancel()
      return finishStream(body, trailers: [])
    }
    while outbound.count < lane.settings.streamUnsentBytes {
      switch body.pipe.take() {
      case .nothing: return
      case .part(let part):
        lane.frame(body.framer, part) { send($0) }
        if isOver { return }
        if !isWriteBlocked { arm(Lane.answerDeadline) }
      case .end(let trailers): return finishStream(body, trailers: trailers)
      case .broken:
        lane.counters.streamsBroken += 1
        lane.answered(exchange, body.head, peerAddress, isBroken: true)
        endExchange()
        return destroy()
      }
    }
  }

  private func finishStream(_ body: StreamedBody, trailers: [HTTPField]) {
    lane.frameEnd(body.framer, trailers) { send($0) }
    if isOver { return }
    lane.answered(exchange, body.head, peerAddress)
    endExchange()
    switch body.disposition {
    case .keepAlive:
      phase = .idle
      arm(lane.settings.idleDeadline)
      resume()
    case .close: beginClose()
    }
  }
}

extension Lane {
  func stream(_ head: HTTPResponse, _ pipe: BodyPipe, to ticket: Ticket) {
    guard let connection = connections[ticket.connection] else { return pipe.cancel() }
    connection.stream(ticket.exchange, head, pipe)
  }
}
