// An answer that is sent part by part. The connection takes only as much of the body as the client takes from it. Of one that
// is made meanwhile, what waits for the socket stays below `stream_unsent_bytes` and one part, and the pipe's producer stops
// at that; of one that is there anyway, a few records lie here encrypted.

import Protocol
import Reactor

/// A streamed answer in work.
struct StreamedBody {
  enum Source {
    case pipe(BodyPipe)
    /// The response's own body, so many bytes of which are sent.
    case shared(sent: Int)
  }

  var source: Source
  let framer: HTTPBodyFramer
  let disposition: HTTPServerMachine.Disposition
  /// What the log says of it at the end, and the body if it is shared.
  let response: HTTPResponse

  /// Bytes that wait for the client, besides those that are encrypted.
  var heldBytes: Int {
    switch source {
    case .pipe(let pipe): pipe.heldBytes
    case .shared: 0
    }
  }

  /// The rest is for nobody.
  func cancel() {
    switch source {
    case .pipe(let pipe): pipe.cancel()
    case .shared: break
    }
  }
}

extension HTTPConnection {
  /// Of a shared body, what is encrypted at a time, and up to how much of that may lie here.
  private static let sharedPartBytes = 16 * 1024
  private static let sharedUnsentBytes = 32 * 1024

  /// The head of the answer to exchange `number`; the body comes through `pipe`. A late one finds nothing.
  func stream(_ number: UInt32, _ head: HTTPResponse, _ pipe: BodyPipe) {
    guard case .answering = phase, let exchange, exchange.number == number else { return pipe.cancel() }
    var disposition = finishRequest()
    if http.exchange.minorVersion == 0 { disposition = .close }
    let framer = desk.renderer.encodeHead(head, exchange, http.exchange, disposition) { send($0) }
    if isOver { return pipe.cancel() }
    phase = .streaming(StreamedBody(source: .pipe(pipe), framer: framer, disposition: disposition, response: head))
    let (handle, desk, id) = (desk.loop.handle, LoopBound(desk, on: desk.loop), id)
    pipe.consume { handle.submit { desk.value(on: $0).connections[id]?.pumpStream() } }
    pumpStream()
  }

  /// A whole answer whose body is held elsewhere anyway: who is slow in taking it must not have us hold it once more.
  func stream(_ response: HTTPResponse) {
    guard let exchange else { return }
    let disposition = finishRequest()
    let framer = desk.renderer.encodeHead(response, length: response.body.count, exchange, http.exchange, disposition) {
      send($0)
    }
    if isOver { return }
    phase = .streaming(
      StreamedBody(source: .shared(sent: 0), framer: framer, disposition: disposition, response: response))
    pumpStream()
  }

  /// Takes what there is, as far as the client keeps up.
  func pumpStream() {
    guard case .streaming(let body) = phase else { return }
    if !body.framer.hasBody {
      body.cancel()
      return finishStream(body, trailers: [])
    }
    switch body.source {
    case .pipe(let pipe): pump(body, from: pipe)
    case .shared(let sent): pump(body, after: sent)
    }
  }

  private func pump(_ body: StreamedBody, from pipe: BodyPipe) {
    while outbound.count < desk.settings.streamUnsentBytes {
      switch pipe.take() {
      case .nothing: return
      case .part(let part):
        desk.renderer.frame(body.framer, part) { send($0) }
        if isOver { return }
        if !isWriteBlocked { arm(RequestDesk.answerDeadline) }
      case .end(let trailers): return finishStream(body, trailers: trailers)
      case .broken:
        desk.records.count(.streamBroken)
        return destroy()
      }
    }
  }

  private func pump(_ body: StreamedBody, after sent: Int) {
    let bytes = body.response.body
    var (body, sent) = (body, sent)
    while sent < bytes.count, outbound.count < Self.sharedUnsentBytes {
      let end = min(sent + Self.sharedPartBytes, bytes.count)
      bytes[sent..<end].withSpan { send($0) }
      if isOver { return }
      sent = end
    }
    body.source = .shared(sent: sent)
    phase = .streaming(body)
    if sent == bytes.count { finishStream(body, trailers: []) }
  }

  private func finishStream(_ body: StreamedBody, trailers: [HTTPField]) {
    desk.renderer.frameEnd(body.framer, trailers) { send($0) }
    if isOver { return }
    if let exchange { desk.answered(exchange, body.response, on: self) }
    finishAnswer(hasPeerClosed ? .close : body.disposition)
    resume()
  }
}
