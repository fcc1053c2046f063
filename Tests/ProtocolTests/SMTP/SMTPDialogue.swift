import Protocol

/// A delivery against the recorded lines of a server.
struct SMTPDialogue: Equatable {
  /// All that the client sent, in order.
  var sent = ""
  /// All actions except `.needInput`.
  var actions: [SMTPClientMachine.Action] = []

  static let message = EncodedMessage(Array("Subject: s\r\n\r\n.one\r\ntwo\r\n".utf8))!

  static func delivery(
    _ security: SMTPSecurity = .plain, user: String? = nil, password: String = "secret",
    to recipients: [String] = ["a@example.com"], message: EncodedMessage = message
  ) -> SMTPClientMachine.Delivery {
    SMTPClientMachine.Delivery(
      clientName: "[192.0.2.1]", security: security,
      credentials: user.map { SMTPCredentials(user: $0, password: password)! },
      envelope: SMTPEnvelope(
        sender: MailAddress("from@example.com")!, recipients: recipients.map { MailAddress($0)! })!,
      message: message)!
  }

  /// - Parameters: `pieces` come before the TLS handshake that `.startTLS` asks for, `later` behind it.
  init(
    _ delivery: SMTPClientMachine.Delivery, _ pieces: [ArraySlice<UInt8>], later: [ArraySlice<UInt8>] = [],
    closes: Bool = false
  ) {
    var machine = SMTPClientMachine(delivery)
    var output = ByteBuffer()
    for piece in pieces { note(machine.receive(Array(piece).span, to: &output)) }
    if actions.last == .startTLS, !later.isEmpty {
      output.append("<TLS>")
      machine.tlsEstablished(to: &output)
      for piece in later { note(machine.receive(Array(piece).span, to: &output)) }
    }
    if closes { note(machine.inputEnded()) }
    sent = output.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// - Parameter text: lines of the server; `\n` stands for CRLF.
  init(_ delivery: SMTPClientMachine.Delivery, _ text: String, later: String = "", closes: Bool = false) {
    self.init(
      delivery, [Self.wire(text)[...]], later: later.isEmpty ? [] : [Self.wire(later)[...]], closes: closes)
  }

  static func wire(_ text: String) -> [UInt8] { text.utf8.flatMap { $0 == 10 ? [13, 10] : [$0] } }

  private mutating func note(_ action: SMTPClientMachine.Action) {
    if action != .needInput { actions.append(action) }
  }

  /// The commands of the client, without the message.
  var commands: [Substring] { sent.split(separator: "\r\n") }

  var error: SMTPClientError? { if case .fail(let error)? = actions.last { error } else { nil } }

  var acceptance: SMTPAcceptance? { if case .delivered(let acceptance)? = actions.last { acceptance } else { nil } }
}
