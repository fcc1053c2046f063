// How answers become bytes: in one buffer of the loop, with the fields that every one has, and handed to `send` at once.

import Protocol
import Reactor

/// Renders the answers of one loop. `send` gets a span that is only lent.
final class AnswerRenderer {
  private let clock: LoopClock
  private var bytes = ByteBuffer()
  /// What the answers to pushes begin with, for this second.
  private var pushAnswerTemplate: HTTPResponseTemplate?

  init(clock: LoopClock) { self.clock = clock }

  /// Renders a response and hands its bytes to `send`.
  func encode(
    _ response: HTTPResponse, _ exchange: Exchange?, _ http: HTTPExchange,
    _ disposition: HTTPServerMachine.Disposition, _ send: (Span<UInt8>) -> Void
  ) {
    render(send) { buffer, date throws(HTTPEncodingError) in
      try dressed(response, exchange).encode(into: &buffer, date: date, exchange: http, disposition: disposition)
    }
  }

  /// Renders the answer to a push that was accepted.
  func encode(
    pushAnswer body: Span<UInt8>, _ exchange: Exchange, _ http: HTTPExchange,
    _ disposition: HTTPServerMachine.Disposition, _ send: (Span<UInt8>) -> Void
  ) {
    render(send) { buffer, date throws(HTTPEncodingError) in
      let template: HTTPResponseTemplate
      if let rendered = pushAnswerTemplate, rendered.date == date {
        template = rendered
      } else {
        template = try HTTPResponseTemplate(dressed(Push.answerHead, nil), date: date)
        pushAnswerTemplate = template
      }
      template.encode(
        into: &buffer, field: Self.requestIDField, value: { exchange.appendRequestID(to: &$0) }, body: body,
        exchange: http, disposition: disposition)
    }
  }

  /// Renders the head of a response whose body follows in parts. - Parameter length: of the body, if it is known.
  func encodeHead(
    _ head: HTTPResponse, length: Int? = nil, _ exchange: Exchange, _ http: HTTPExchange,
    _ disposition: HTTPServerMachine.Disposition, _ send: (Span<UInt8>) -> Void
  ) -> HTTPBodyFramer {
    render(send) { buffer, date throws(HTTPEncodingError) in
      try dressed(head, exchange).encodeHead(
        into: &buffer, date: date, exchange: http, disposition: disposition, length: length)
    }
  }

  /// Renders one part of such a body.
  func frame(_ framer: HTTPBodyFramer, _ part: [UInt8], _ send: (Span<UInt8>) -> Void) {
    render(send) { buffer, _ in part[...].withSpan { framer.append($0, to: &buffer) } }
  }

  /// Renders its end.
  func frameEnd(_ framer: HTTPBodyFramer, _ trailers: [HTTPField], _ send: (Span<UInt8>) -> Void) {
    render(send) { buffer, _ throws(HTTPEncodingError) in try framer.finish(trailers: trailers, to: &buffer) }
  }

  /// The response with the fields that every one has.
  private func dressed(_ response: HTTPResponse, _ exchange: Exchange?) -> HTTPResponse {
    var response = response
    if let exchange { response.fields.append(HTTPField("\(Self.requestIDField)", exchange.requestID)) }
    response.fields.append(contentsOf: Self.securityFields)
    if !response.fields.contains(where: { $0.name == "Cache-Control" }) { response.fields.append(Self.notCached) }
    return response
  }

  private func render<R>(
    _ send: (Span<UInt8>) -> Void, _ write: (inout ByteBuffer, String) throws(HTTPEncodingError) -> R
  ) -> R {
    bytes.removeAll()
    let result: R
    do throws(HTTPEncodingError) {
      result = try write(&bytes, clock.httpDate)
    } catch {
      // A field that we wrote ourselves is not sendable: a bug, and the client must not hang because of it.
      preconditionFailure("unsendable response: \(error)")
    }
    if !bytes.isEmpty { send(bytes.span) }
    bytes.removeAll(keepingCapacity: bytes.allocatedBytes <= EventLoop.scratchBytes)
    return result
  }

  private static let requestIDField: StaticString = "X-Request-ID"
  private static let securityFields = [HTTPField("X-Content-Type-Options", "nosniff")]
  private static let notCached = HTTPField("Cache-Control", "no-store")
}
