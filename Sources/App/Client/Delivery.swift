// What a delivery of a notification needs, and how it ends. `DeliveryLoop` makes deliveries.

public import Protocol

/// The authorities by which a delivery verifies the certificate of its target.
public enum DeliveryTrust: Sendable, Equatable {
  /// Those of the operating system: OpenSSL's usual files, or those that SSL_CERT_FILE and SSL_CERT_DIR name.
  case system
  /// Only these, in PEM.
  case authorities([UInt8])
}

/// The rules of a delivery that do not depend on its kind.
public struct DeliveryRules: Sendable {
  /// Decides which addresses may be connected to.
  public var policy = AddressPolicy()
  public var trust = DeliveryTrust.system
  /// Limit of the time for the whole delivery: name look-up, connection, TLS, and the answer.
  public var deadline: Duration = .seconds(30)

  public init() {}
}

/// A request to send to a webhook.
public struct WebhookDelivery: Sendable {
  public var url: WebhookURL
  /// Whether `url` may be http. Everybody on the way can then read and change the request.
  public var permitsPlain = false
  /// The fields beside Host, Content-Length, Connection and User-Agent, which are set by the delivery.
  public var fields: [HTTPField]
  public var body: [UInt8]

  /// - Parameter fields: for example Content-Type, Idempotency-Key and `WebhookSignature.fieldName`. A control character
  ///   in a value fails the delivery.
  public init(url: WebhookURL, permitsPlain: Bool = false, fields: [HTTPField], body: [UInt8]) {
    self.url = url
    self.permitsPlain = permitsPlain
    self.fields = fields
    self.body = body
  }
}

/// A mail server, and how a client uses it.
public struct MailServer: Sendable {
  /// A name or a numeric address. The server's certificate has to name it.
  public var host: String
  public var port: UInt16
  public var security: SMTPSecurity
  /// The account; nil for none. With `SMTPSecurity.plain` there must be none.
  public var credentials: SMTPCredentials?
  /// The name by which the client greets. With nil it is the client's address, as RFC 5321 §4.1.3 wants it then.
  public var clientName: String?

  public init(
    host: String, port: UInt16, security: SMTPSecurity, credentials: SMTPCredentials? = nil, clientName: String? = nil
  ) {
    self.host = host
    self.port = port
    self.security = security
    self.credentials = credentials
    self.clientName = clientName
  }

  /// Host and port, for people.
  public var place: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// A message to give to a mail server.
public struct MailDelivery: Sendable {
  public var server: MailServer
  public var message: MailMessage
  /// The recipients that the server gets. With nil they are those of the message. After a delivery with deferred
  /// recipients a further delivery of the same message can name only those.
  public var recipients: [MailAddress]?

  public init(server: MailServer, message: MailMessage, recipients: [MailAddress]? = nil) {
    self.server = server
    self.message = message
    self.recipients = recipients
  }
}

/// The answer of a target that has taken a delivery.
public struct DeliveryReceipt: Sendable, Equatable {
  /// The status of HTTP or the reply code of SMTP.
  public let code: Int
  /// The answer for people: the text of the reply, or the first `DeliveryLoop.answerBytes` of the body.
  public let text: String
  /// Mail only: recipients that the server refuses with a temporary reply (4xx). The other recipients get the message.
  public var deferredRecipients: [MailAddress] = []
  /// Mail only: recipients that the server refuses with a final reply (5xx). The other recipients get the message.
  public var refusedRecipients: [MailAddress] = []

  public init(code: Int, text: String) {
    self.code = code
    self.text = text
  }
}

/// The reason that a delivery failed.
public struct DeliveryFailure: Error, Sendable, Equatable {
  /// What a further attempt can do.
  public enum Kind: Sendable, Equatable {
    /// It may succeed. The target may also have taken this attempt, if its answer was lost.
    case retryable
    /// It fails again, unless somebody changes the channel or the target.
    case permanent
  }

  public let kind: Kind
  /// A sentence for people. It names the host and not the path of a URL, which is often secret.
  public let sentence: String
  /// The pause that the target asks for before the next attempt; nil if it asks for none.
  public var retryAfter: Duration?
  /// The status of HTTP or the reply code of SMTP by which the target refused; nil if there is no such answer.
  public var code: Int?
  /// The first `DeliveryLoop.answerBytes` of the body of a refusal, as text; empty if there is none.
  public var answer = ""

  public init(_ kind: Kind, _ sentence: String, retryAfter: Duration? = nil, code: Int? = nil, answer: String = "") {
    self.kind = kind
    self.sentence = sentence
    self.retryAfter = retryAfter
    self.code = code
    self.answer = answer
  }
}

extension DeliveryFailure: CustomStringConvertible {
  public var description: String { sentence }
}
