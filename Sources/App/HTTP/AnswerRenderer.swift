// Renders answers as bytes. One buffer of the loop serves all answers, so each answer is handed to the connection as
// soon as it is rendered.

import Protocol
import Reactor

/// Renders the answers of one loop. It adds the fields that every answer has, such as `Date` and `X-Request-ID`. The
/// span that `send` receives is valid only during the call.
final class AnswerRenderer {
  private let clock: LoopClock
  private var bytes = ByteBuffer()
  /// The rendered head of the answers to pushes, for the current second. Nil before the first such answer.
  private var pushAnswerTemplate: HTTPResponseTemplate?

  init(clock: LoopClock) { self.clock = clock }

  /// Renders a complete response and hands its bytes to `send`.
  /// - Parameter exchange: nil for an answer that belongs to no request.
  func encode(
    _ response: HTTPResponse, _ exchange: Exchange?, _ http: HTTPExchange,
    _ disposition: HTTPServerMachine.Disposition, _ send: (Span<UInt8>) -> Void
  ) {
    render(send) { buffer, date throws(HTTPEncodingError) in
      try dressed(response, exchange).encode(into: &buffer, date: date, exchange: http, disposition: disposition)
    }
  }

  /// Renders the answer to a push that was accepted. `body` is the JSON of the answer.
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

  /// Renders the head of a response whose body follows in parts.
  /// - Parameter length: the length of the body in bytes; nil if it is not known.
  /// - Returns: the framer that `frame` and `frameEnd` need.
  func encodeHead(
    _ head: HTTPResponse, length: Int? = nil, _ exchange: Exchange, _ http: HTTPExchange,
    _ disposition: HTTPServerMachine.Disposition, _ send: (Span<UInt8>) -> Void
  ) -> HTTPBodyFramer {
    render(send) { buffer, date throws(HTTPEncodingError) in
      try dressed(head, exchange).encodeHead(
        into: &buffer, date: date, exchange: http, disposition: disposition, length: length)
    }
  }

  /// Renders one part of a body whose head `encodeHead` rendered.
  func frame(_ framer: HTTPBodyFramer, _ part: [UInt8], _ send: (Span<UInt8>) -> Void) {
    render(send) { buffer, _ in part[...].withSpan { framer.append($0, to: &buffer) } }
  }

  /// Renders the end of a body whose head `encodeHead` rendered.
  func frameEnd(_ framer: HTTPBodyFramer, _ trailers: [HTTPField], _ send: (Span<UInt8>) -> Void) {
    render(send) { buffer, _ throws(HTTPEncodingError) in try framer.finish(trailers: trailers, to: &buffer) }
  }

  /// Adds the fields that every answer has.
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
      // Only a bug of the server makes a field that cannot be sent. The process ends then, so that the client does not
      // wait without end.
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
