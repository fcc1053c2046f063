internal import Protocol
internal import Reactor

/// One message on a connection to a mail server.
final class MailConversation: Conversation {
  private let delivery: MailDelivery
  private let envelope: SMTPEnvelope
  private let message: EncodedMessage
  private var machine: SMTPClientMachine?

  private var place: String { delivery.server.place }

  /// - Throws: a permanent failure if the message or the settings of the server cannot be used.
  init(_ delivery: MailDelivery) throws(DeliveryFailure) {
    self.delivery = delivery
    let recipients = delivery.recipients ?? delivery.message.recipients
    do throws(MailMessageError) {
      message = try delivery.message.encoded()
      guard let envelope = SMTPEnvelope(sender: delivery.message.sender, recipients: recipients) else {
        throw .recipients(recipients.count)
      }
      self.envelope = envelope
    } catch {
      throw DeliveryFailure(.permanent, error.description)
    }
    if delivery.server.security == .plain, delivery.server.credentials != nil {
      throw DeliveryFailure(
        .permanent, "The password for \(place) is not sent without TLS: the channel needs starttls or tls.")
    }
    if let name = delivery.server.clientName, MailAddress("x@\(name)") == nil {
      throw DeliveryFailure(.permanent, "\(name.excerpt()) is no name by which a mail client can greet.")
    }
  }

  func opened(from local: SocketAddress?, _ output: inout ByteBuffer) -> ConversationStep {
    let server = delivery.server
    let delivery = SMTPClientMachine.Delivery(
      clientName: server.clientName ?? Self.literal(local), security: server.security, credentials: server.credentials,
      envelope: envelope, message: message)
    guard let delivery else { preconditionFailure("the initialiser has checked the settings") }
    machine = SMTPClientMachine(delivery)
    return .goOn
  }

  func secured(_ output: inout ByteBuffer) -> ConversationStep {
    machine!.tlsEstablished(to: &output)
    return .goOn
  }

  func received(_ input: Span<UInt8>, _ output: inout ByteBuffer) -> ConversationStep {
    switch machine!.receive(input, to: &output) {
    case .needInput: return .goOn
    case .startTLS: return .startTLS
    case .delivered(let acceptance): return .ended(.success(Self.receipt(acceptance)))
    case .fail(let error): return .ended(.failure(failure(error)))
    }
  }

  func lost(_ loss: ConnectionLoss) -> DeliveryResult {
    guard machine != nil else { return .failure(DeliveryFailure(loss, at: place)) }
    switch loss {
    case .closedUnanswered:
      if case .fail(let error) = machine!.inputEnded() { return .failure(failure(error)) }
    case .answerTimedOut:
      if case .fail(.closed(let step)) = machine!.inputEnded() {
        let missing = step == .greeting ? "sent no greeting" : "did not answer to \(step)"
        return .failure(DeliveryFailure(.retryable, "\(place) \(missing) in time."))
      }
    case .connecting, .handshakeTimedOut, .closedInHandshake, .tls, .broken, .badAnswer, .unexpectedBytes, .closedIdle,
      .cutOff:
      break
    }
    return .failure(DeliveryFailure(loss, at: place))
  }

  private static func receipt(_ acceptance: SMTPAcceptance) -> DeliveryReceipt {
    var receipt = DeliveryReceipt(code: acceptance.reply.code, text: acceptance.reply.lines.joined(separator: "\n"))
    receipt.deferredRecipients = acceptance.refused.filter { !$0.reply.isPermanent }.map(\.recipient)
    receipt.refusedRecipients = acceptance.refused.filter { $0.reply.isPermanent }.map(\.recipient)
    return receipt
  }

  private func failure(_ error: SMTPClientError) -> DeliveryFailure {
    let kind: DeliveryFailure.Kind = error.isPermanent ? .permanent : .retryable
    var failure = DeliveryFailure(kind, "\(place): \(error)")
    if case .refused(_, let reply) = error {
      failure.code = reply.code
      failure.answer = reply.lines.joined(separator: "\n")
    }
    return failure
  }

  /// The client's address as the name in a greeting.
  private static func literal(_ local: SocketAddress?) -> String {
    guard let local else { return "[127.0.0.1]" }
    return local.version == .ipv4 ? "[\(local.ipString)]" : "[IPv6:\(local.ipString)]"
  }
}
