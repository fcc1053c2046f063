// What a client tells the machine before a delivery, and what the machine answers at the end of it.

/// When a connection to a mail server is encrypted.
public enum SMTPSecurity: String, Sendable, Hashable, CaseIterable {
  /// Never. The machine then sends no password.
  case plain
  /// From the command STARTTLS on (RFC 3207), usually at port 587 or 25. A server that does not offer it gets no message.
  case startTLS = "starttls"
  /// From the first byte on (RFC 8314), usually at port 465.
  case tls
}

/// An account at a mail server.
public struct SMTPCredentials: Sendable, Equatable {
  /// The most bytes of each value.
  public static let maximumBytes = 255

  let user: String
  let password: String

  /// Nil if a value is empty, too long, or has a control character.
  public init?(user: String, password: String) {
    for value in [user, password] {
      if value.isEmpty || value.utf8.count > Self.maximumBytes || MailText.hasControl(value) { return nil }
    }
    self.user = user
    self.password = password
  }
}

/// The sender and the recipients that the server learns. The header of the message may name others.
public struct SMTPEnvelope: Sendable, Equatable {
  /// The most recipients of a message. Every server accepts as many (RFC 5321 §4.5.3.1.8).
  public static let maximumRecipients = 100

  public let sender: MailAddress
  public let recipients: [MailAddress]

  /// Nil if there is no recipient, or more than `maximumRecipients`.
  public init?(sender: MailAddress, recipients: [MailAddress]) {
    guard (1...Self.maximumRecipients).contains(recipients.count) else { return nil }
    self.sender = sender
    self.recipients = recipients
  }
}

/// A step of the conversation, for the text of an error.
public enum SMTPStep: Sendable, Hashable, CustomStringConvertible {
  case greeting
  case hello
  case startTLS
  case authentication
  case sender
  case recipient(MailAddress)
  case data
  case message

  /// The object of a sentence such as "the server refused …".
  public var description: String {
    switch self {
    case .greeting: "the connection"
    case .hello: "EHLO"
    case .startTLS: "STARTTLS"
    case .authentication: "the user name and password"
    case .sender: "the sender"
    case .recipient(let address): "the recipient \(address)"
    case .data: "the command DATA"
    case .message: "the message"
    }
  }
}

/// The reason that a message was not delivered. After each of them the connection is closed.
public enum SMTPClientError: Error, Sendable, Hashable {
  /// The server answered a step with a code that means no.
  case refused(SMTPStep, SMTPReply)
  /// The bytes of the server are no reply.
  case malformed(SMTPReplyFault)
  /// The server closed the connection before it answered this step.
  case closed(SMTPStep)
  /// The server does not offer STARTTLS. An attacker on the way can also cause this.
  case startTLSNotOffered
  /// The server sent bytes behind its answer to STARTTLS and before TLS. They may come from somebody else.
  case bytesBeforeTLS
  /// There is an account, and the server offers neither AUTH PLAIN nor AUTH LOGIN.
  case authenticationNotOffered
  /// The message is larger than the server accepts.
  case messageTooLarge(limit: Int)

  /// Whether the same message will be refused again.
  public var isPermanent: Bool {
    switch self {
    case .refused(_, let reply): reply.isPermanent
    case .authenticationNotOffered, .messageTooLarge: true
    case .malformed, .closed, .startTLSNotOffered, .bytesBeforeTLS: false
    }
  }
}

extension SMTPClientError: CustomStringConvertible {
  /// A sentence for people, whose "server" is the mail server.
  public var description: String {
    switch self {
    case .refused(let step, let reply): "The server refused \(step): \(reply)"
    case .malformed(let fault): "The server does not speak SMTP: \(fault.rawValue)."
    case .closed(.greeting): "The server closed the connection before its greeting."
    case .closed(let step): "The server closed the connection without an answer to \(step)."
    case .startTLSNotOffered: "The server does not offer STARTTLS, and the channel demands it."
    case .bytesBeforeTLS: "The server sent bytes between its answer to STARTTLS and the TLS handshake."
    case .authenticationNotOffered: "The server offers neither AUTH PLAIN nor AUTH LOGIN on this connection."
    case .messageTooLarge(let limit): "The server accepts messages of at most \(limit) bytes, and this one is larger."
    }
  }
}

/// The result of a delivery: the server has taken the message.
public struct SMTPAcceptance: Sendable, Equatable {
  /// The answer to the message.
  public let reply: SMTPReply
  /// The recipients that the server refused, with its answers. All others get the message.
  public let refused: [Refusal]

  /// One refused recipient.
  public struct Refusal: Sendable, Equatable {
    public let recipient: MailAddress
    public let reply: SMTPReply
  }
}
