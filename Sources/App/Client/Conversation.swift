internal import Protocol
internal import Reactor

/// The protocol of a delivery on its connection, without input and output. `DeliveryAttempt` calls it, on one thread.
protocol Conversation: AnyObject {
  /// The connection is made, with TLS if the target uses it from the start.
  /// - Parameters: `local` is the client's address; `output` takes the bytes to send.
  func opened(from local: SocketAddress?, _ output: inout ByteBuffer) -> ConversationStep

  /// The TLS handshake after `.startTLS` is done.
  func secured(_ output: inout ByteBuffer) -> ConversationStep

  /// The target has sent `input`.
  func received(_ input: Span<UInt8>, _ output: inout ByteBuffer) -> ConversationStep

  /// The connection is lost or the time is up. No call follows.
  func lost(_ loss: ConnectionLoss) -> DeliveryResult
}

typealias DeliveryResult = Result<DeliveryReceipt, DeliveryFailure>

/// What follows an event of a conversation. In each case the output is sent first.
enum ConversationStep: Equatable {
  /// The conversation waits for the target.
  case goOn
  /// The TLS handshake.
  case startTLS
  /// The end of the connection.
  case ended(DeliveryResult)
}

extension DeliveryFailure {
  /// - Parameter place: host and port of the target.
  init(_ loss: ConnectionLoss, at place: String) {
    switch loss {
    case .connecting: self.init(.retryable, "The connection to \(place) failed: \(loss.reason).")
    case .tls(.untrustedPeer(let reason)):
      self.init(.retryable, "The certificate of \(place) is not trusted: \(reason).")
    case .tls(.unusableServerName): self.init(.permanent, "\(place): no certificate can name this host.")
    case .handshakeTimedOut, .closedInHandshake, .tls, .broken, .closedUnanswered, .answerTimedOut, .badAnswer,
      .unexpectedBytes, .closedIdle, .cutOff:
      self.init(.retryable, "\(place) did not take the delivery: \(loss.reason).")
    }
  }
}

extension String {
  /// The beginning of a foreign text on one line, for a sentence.
  /// - Parameter limit: the most characters.
  func excerpt(_ limit: Int = 200) -> String {
    let isControl = { (scalar: Unicode.Scalar) in scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) }
    let scalars = unicodeScalars.prefix(limit).map { isControl($0) ? " " : Character($0) }
    return String(scalars).split(separator: " ").joined(separator: " ")
  }
}
