// One request and its response. The status decides; the body is kept for the text of a failure only, so a response whose
// body is too long or breaks off counts as it would with its whole body.

internal import Ground
internal import Protocol
internal import Reactor

/// A webhook's request on a connection of its own.
final class WebhookConversation: Conversation {
  private let place: String
  private let head: HTTPRequestTemplate
  private let requestBody: [UInt8]
  private var machine: HTTPClientMachine
  private var responseHead: HTTPResponseHead?
  private var body: [UInt8] = []

  /// - Throws: a permanent failure if a field of the delivery cannot be sent.
  init(_ delivery: WebhookDelivery) throws(DeliveryFailure) {
    place = delivery.url.place
    requestBody = delivery.body
    let own = [HTTPField("User-Agent", "pgAnalytics/\(Version.text)"), HTTPField("Connection", "close")]
    do throws(HTTPEncodingError) {
      head = try HTTPRequestTemplate(
        .post, target: delivery.url.target, authority: delivery.url.authority, fields: own + delivery.fields)
    } catch {
      throw DeliveryFailure(.permanent, "A header field of the request cannot be sent: \(Self.fault(error)).")
    }
    var limits = HTTPLimits()
    // Some targets send long policies in their heads.
    limits.headBytes = 64 << 10
    limits.bodyBytes = .max
    machine = HTTPClientMachine(limits: limits)
  }

  private static func fault(_ error: HTTPEncodingError) -> String {
    switch error {
    case .invalidFieldName: "its name is no name of a field"
    case .invalidFieldValue(let name): "the value of \(name) holds a line break or another control character"
    case .reservedField(let name): "\(name) is set by the delivery itself"
    case .invalidRequestLine: "the URL holds a character that does not belong there"
    }
  }

  func opened(from local: SocketAddress?, _ output: inout ByteBuffer) -> ConversationStep {
    machine.send(head, bodyBytes: requestBody.count, to: &output)
    output.append(requestBody)
    return .goOn
  }

  func secured(_ output: inout ByteBuffer) -> ConversationStep {
    preconditionFailure("HTTP does not begin TLS on an open connection")
  }

  func received(_ input: Span<UInt8>, _ output: inout ByteBuffer) -> ConversationStep {
    var position = 0
    while true {
      switch machine.next(input, &position) {
      case .needInput: return .goOn
      case .interim: continue
      case .head(let head): responseHead = head
      case .body(let range):
        let room = DeliveryLoop.answerBytes - body.count
        input.extracting(range.prefix(room)).withUnsafeBufferPointer { body.append(contentsOf: $0) }
        if body.count == DeliveryLoop.answerBytes, let responseHead { return .ended(outcome(responseHead)) }
      case .end:
        guard let responseHead else { preconditionFailure("a response ended before its head") }
        return .ended(outcome(responseHead))
      case .fail(let error): return .ended(failed(ConnectionLoss(error)))
      }
    }
  }

  func lost(_ loss: ConnectionLoss) -> DeliveryResult { failed(loss) }

  /// The outcome of a response that is not complete.
  private func failed(_ loss: ConnectionLoss) -> DeliveryResult {
    if let responseHead { return outcome(responseHead) }
    return .failure(DeliveryFailure(loss, at: place))
  }

  private func outcome(_ head: HTTPResponseHead) -> DeliveryResult {
    let text = String(decoding: body, as: UTF8.self)
    let code = Int(head.status.code)
    switch code {
    case 200...299: return .success(DeliveryReceipt(code: code, text: text))
    case 300...399:
      let target = head.fields.string(named: "location").map { " and names \($0.excerpt())" } ?? ""
      return .failure(
        DeliveryFailure(
          .permanent,
          "\(place) answered \(code)\(target). The delivery follows no redirect: the channel has to name the target itself.",
          code: code, answer: text))
    case 408, 425, 429, 500...599:
      return .failure(
        DeliveryFailure(.retryable, refusal(head, text), retryAfter: Self.pause(head), code: code, answer: text))
    default: return .failure(DeliveryFailure(.permanent, refusal(head, text), code: code, answer: text))
    }
  }

  private func refusal(_ head: HTTPResponseHead, _ text: String) -> String {
    let reason = head.status.reasonPhrase.description
    let excerpt = text.excerpt()
    return
      "\(place) answered \(head.status)\(reason.isEmpty ? "" : " \(reason)")\(excerpt.isEmpty ? "." : ": \(excerpt)")"
  }

  /// The pause that Retry-After asks for in whole seconds. A date is ignored.
  private static func pause(_ head: HTTPResponseHead) -> Duration? {
    head.fields.string(named: "retry-after").flatMap { UInt32($0) }.map { .seconds(Int64($0)) }
  }
}
