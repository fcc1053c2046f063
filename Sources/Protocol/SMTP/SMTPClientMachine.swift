// The client's side of one delivery by SMTP (RFC 5321), without input or output.
//
// The owner passes on what the server sends; the machine appends what the client sends to `output`, and returns an action
// when something happens beside that. The client never sends a command before it has the answer to the one before.
//
//   greeting ─▶ EHLO ─▶ (STARTTLS ─▶ .startTLS, TLS by the owner, `tlsEstablished` ─▶ EHLO) ─▶ (AUTH) ─▶ MAIL ─▶ RCPT …
//     ─▶ DATA ─▶ message ─▶ .delivered                       any refusal ─▶ .fail: flush the output and close

/// Delivers one message over one connection.
public struct SMTPClientMachine: ~Copyable {
  /// What the owner does next.
  public enum Action: Equatable {
    /// Send the output, if any, and pass on what the server sends.
    case needInput
    /// Make the TLS handshake on the same connection, and call `tlsEstablished`.
    case startTLS
    /// The server has taken the message. Send the output (QUIT) and close; its answer does not matter.
    case delivered(SMTPAcceptance)
    /// The delivery failed. Send the output, if any, and close.
    case fail(SMTPClientError)
  }

  /// The parameters of a delivery.
  public struct Delivery: Sendable, Equatable {
    /// The name by which the client greets: a domain name, or an address literal such as `[192.0.2.1]`.
    let clientName: String
    let security: SMTPSecurity
    let credentials: SMTPCredentials?
    let envelope: SMTPEnvelope
    let message: EncodedMessage

    /// Nil if `clientName` is neither a name nor an address literal, or if there are credentials and the connection is
    /// never encrypted: everybody on the way could read the password.
    public init?(
      clientName: String, security: SMTPSecurity, credentials: SMTPCredentials?, envelope: SMTPEnvelope,
      message: EncodedMessage
    ) {
      guard MailAddress("x@\(clientName)") != nil, security != .plain || credentials == nil else { return nil }
      self.clientName = clientName
      self.security = security
      self.credentials = credentials
      self.envelope = envelope
      self.message = message
    }
  }

  private enum State {
    case greeting  // → ehlo, closed
    case ehlo  // → helo, startTLS, an AUTH state, mail, closed
    case helo  // → mail, closed
    case startTLS  // → securing, closed
    case securing  // the owner makes the handshake; → ehlo, closed
    case plainChallenge  // AUTH PLAIN was sent without the response, which made the line too long; → authResult, closed
    case loginUser  // → loginPassword, closed
    case loginPassword  // → authResult, closed
    case authResult  // → mail, closed
    case mail  // → recipient, closed
    case recipient(Int)  // the index of the recipient; → recipient, data, closed
    case data  // → message, closed
    case message  // → closed
    case closed
  }

  /// The most bytes of a command with its CRLF (RFC 5321 §4.5.3.1.4).
  private static let maximumCommandBytes = 512

  private let delivery: Delivery
  private var reader = SMTPReplyReader()
  private var state = State.greeting
  private var isSecure: Bool
  /// The server's answer to the last EHLO.
  private var extensions = SMTPExtensions()
  private var refused: [SMTPAcceptance.Refusal] = []

  /// Makes a machine for a new connection, which waits for the server's greeting. With `SMTPSecurity.tls` the owner has
  /// made the TLS handshake.
  public init(_ delivery: Delivery) {
    self.delivery = delivery
    isSecure = delivery.security == .tls
  }

  /// Whether the delivery has ended. The machine then ignores its input.
  public var isClosed: Bool { if case .closed = state { true } else { false } }

  /// Takes all input, and appends commands to `output`.
  public mutating func receive(_ input: Span<UInt8>, to output: inout ByteBuffer) -> Action {
    var position = 0
    while true {
      if case .securing = state { return position == input.count ? .needInput : fail(.bytesBeforeTLS) }
      if isClosed { return .needInput }
      switch reader.next(input, &position) {
      case .needInput: return .needInput
      case .malformed(let fault): return fail(.malformed(fault))
      case .reply(let reply):
        switch answered(reply, &output) {
        case .needInput: continue
        case .startTLS: return position == input.count ? .startTLS : fail(.bytesBeforeTLS)
        case let end: return end
        }
      }
    }
  }

  /// Call it when the TLS handshake after `.startTLS` is done. The client forgets what the server said before it
  /// (RFC 3207 §4.2).
  public mutating func tlsEstablished(to output: inout ByteBuffer) {
    guard case .securing = state else { preconditionFailure("a handshake was done while \(state)") }
    isSecure = true
    sayHello(&output)
  }

  /// Call it when the server has closed the connection.
  /// - Returns: `.fail`, or `.needInput` if the delivery has ended before.
  public mutating func inputEnded() -> Action {
    if isClosed { return .needInput }
    return fail(.closed(step))
  }

  /// The step whose answer is due.
  public var step: SMTPStep {
    switch state {
    case .greeting, .closed: .greeting
    case .ehlo, .helo: .hello
    case .startTLS, .securing: .startTLS
    case .plainChallenge, .loginUser, .loginPassword, .authResult: .authentication
    case .mail: .sender
    case .recipient(let index): .recipient(delivery.envelope.recipients[index])
    case .data: .data
    case .message: .message
    }
  }

  // MARK: Replies

  private mutating func answered(_ reply: SMTPReply, _ output: inout ByteBuffer) -> Action {
    switch (state, reply.code) {
    case (.greeting, 220): sayHello(&output)
    case (.ehlo, 250): return greeted(SMTPExtensions(reply), &output)
    case (.ehlo, 500), (.ehlo, 502), (.ehlo, 504):
      // A server that knows only HELO has neither TLS nor accounts.
      if delivery.security == .startTLS, !isSecure { return refuse(.startTLSNotOffered, &output) }
      if delivery.credentials != nil { return refuse(.authenticationNotOffered, &output) }
      send("HELO \(delivery.clientName)", &output)
      state = .helo
    case (.helo, 250): begin(SMTPExtensions(), &output)
    case (.startTLS, 220):
      state = .securing
      return .startTLS
    case (.plainChallenge, 334):
      send(plainResponse, &output)
      state = .authResult
    case (.loginUser, 334):
      send(MailText.base64(Array(delivery.credentials!.user.utf8)), &output)
      state = .loginPassword
    case (.loginPassword, 334):
      send(MailText.base64(Array(delivery.credentials!.password.utf8)), &output)
      state = .authResult
    case (.authResult, 235): begin(extensions, &output)
    case (.mail, 250): name(recipient: 0, &output)
    case (.recipient(let index), 250), (.recipient(let index), 251), (.recipient(let index), 252):
      return recipientAnswered(index, &output)
    case (.recipient(let index), 400...420), (.recipient(let index), 422...599):
      refused.append(.init(recipient: delivery.envelope.recipients[index], reply: reply))
      return recipientAnswered(index, &output)
    case (.data, 354):
      delivery.message.appendAsData(to: &output)
      state = .message
    case (.message, 250):
      send("QUIT", &output)
      state = .closed
      return .delivered(SMTPAcceptance(reply: reply, refused: refused))
    case (.greeting, _), (.ehlo, _), (.helo, _), (.startTLS, _), (.plainChallenge, _), (.loginUser, _),
      (.loginPassword, _), (.authResult, _), (.mail, _), (.recipient, _), (.data, _), (.message, _):
      return refuse(.refused(step, reply), &output)
    case (.securing, _), (.closed, _): preconditionFailure("a reply was read while \(state)")
    }
    return .needInput
  }

  private mutating func greeted(_ offered: SMTPExtensions, _ output: inout ByteBuffer) -> Action {
    extensions = offered
    if let limit = offered.messageBytes, delivery.message.bytes.count > limit, isSecure || delivery.security == .plain {
      return refuse(.messageTooLarge(limit: limit), &output)
    }
    if delivery.security == .startTLS, !isSecure {
      if !offered.hasStartTLS { return refuse(.startTLSNotOffered, &output) }
      send("STARTTLS", &output)
      state = .startTLS
      return .needInput
    }
    guard delivery.credentials != nil else {
      begin(offered, &output)
      return .needInput
    }
    if offered.mechanisms.contains("PLAIN") {
      let command = "AUTH PLAIN \(plainResponse)"
      let fits = command.utf8.count + 2 <= Self.maximumCommandBytes
      send(fits ? command : "AUTH PLAIN", &output)
      state = fits ? .authResult : .plainChallenge
    } else if offered.mechanisms.contains("LOGIN") {
      send("AUTH LOGIN", &output)
      state = .loginUser
    } else {
      return refuse(.authenticationNotOffered, &output)
    }
    return .needInput
  }

  /// RFC 4616: an empty authorization identity, the user and the password, each behind a NUL.
  private var plainResponse: String {
    let credentials = delivery.credentials!
    return MailText.base64([0] + Array(credentials.user.utf8) + [0] + Array(credentials.password.utf8))
  }

  private mutating func recipientAnswered(_ index: Int, _ output: inout ByteBuffer) -> Action {
    let recipients = delivery.envelope.recipients
    if index + 1 < recipients.count {
      name(recipient: index + 1, &output)
    } else if refused.count < recipients.count {
      send("DATA", &output)
      state = .data
    } else {
      // If one of them may succeed later, the whole delivery may.
      let refusal = refused.first { !$0.reply.isPermanent } ?? refused[0]
      return refuse(.refused(.recipient(refusal.recipient), refusal.reply), &output)
    }
    return .needInput
  }

  // MARK: Commands

  private mutating func sayHello(_ output: inout ByteBuffer) {
    send("EHLO \(delivery.clientName)", &output)
    state = .ehlo
  }

  private mutating func begin(_ extensions: SMTPExtensions, _ output: inout ByteBuffer) {
    let size = extensions.hasSize ? " SIZE=\(delivery.message.bytes.count)" : ""
    send("MAIL FROM:<\(delivery.envelope.sender)>\(size)", &output)
    state = .mail
  }

  private mutating func name(recipient index: Int, _ output: inout ByteBuffer) {
    send("RCPT TO:<\(delivery.envelope.recipients[index])>", &output)
    state = .recipient(index)
  }

  private func send(_ command: String, _ output: inout ByteBuffer) {
    output.append(utf8: command)
    output.append("\r\n")
  }

  // MARK: The end

  /// Ends a conversation in which the server is well.
  private mutating func refuse(_ error: SMTPClientError, _ output: inout ByteBuffer) -> Action {
    send("QUIT", &output)
    return fail(error)
  }

  private mutating func fail(_ error: SMTPClientError) -> Action {
    state = .closed
    reader = SMTPReplyReader()
    return .fail(error)
  }
}

/// The parts of an answer to EHLO that the client uses (RFC 5321 §4.1.1.1).
struct SMTPExtensions: Sendable, Equatable {
  private(set) var hasStartTLS = false
  /// Names of the AUTH mechanisms (RFC 4954), in upper case.
  private(set) var mechanisms: Set<String> = []
  /// Whether MAIL may say the size of the message (RFC 1870).
  private(set) var hasSize = false
  /// The largest message that the server accepts; nil if it gives no limit.
  private(set) var messageBytes: Int?

  /// What a server offers that does not know EHLO.
  init() {}

  init(_ reply: SMTPReply) {
    for line in reply.lines.dropFirst() {
      let words = line.uppercased().split { $0 == " " || $0 == "=" }.map(String.init)
      switch words.first {
      case "STARTTLS": hasStartTLS = true
      case "AUTH": mechanisms.formUnion(words.dropFirst())
      case "SIZE":
        hasSize = true
        if words.count > 1, let limit = Int(words[1]), limit > 0 { messageBytes = limit }
      default: break
      }
    }
  }
}
