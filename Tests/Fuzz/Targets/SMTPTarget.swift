import Protocol

/// Replies to the machine that delivers mail. The low bits of the input's first byte choose the security, an account, and
/// a server that closes the connection behind its last byte. Bytes behind the first 0xFF come after the TLS handshake.
enum SMTPTarget {
  fileprivate struct Seen: Equatable {
    var output: [UInt8] = []
    var actions: [SMTPClientMachine.Action] = []
    /// How much of the output was sent before TLS.
    var plainBytes: Int?
  }

  private static let message = EncodedMessage(Array("Subject: s\r\n\r\n.\r\nsecret text\r\n".utf8))!
  private static let recipients = ["a@example.com", "b@example.com"]

  static func run(_ input: [UInt8]) {
    guard let choice = input.first else { return }
    let parts = input.dropFirst().split(separator: 0xFF, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
    var cuts = Cuts(of: input)
    let whole = conversation(choice, parts) { _, count in count }
    let pieces = conversation(choice, parts) { cuts.end(after: $0, of: $1) }
    precondition(whole == pieces, "the delivery depends on where the replies were cut")
    check(whole, choice)
  }

  private static func delivery(_ choice: UInt8) -> SMTPClientMachine.Delivery {
    let security: SMTPSecurity = [.plain, .startTLS, .tls, .startTLS][Int(choice & 3)]
    let hasAccount = choice & 4 != 0 && security != .plain
    return SMTPClientMachine.Delivery(
      clientName: "client.example", security: security,
      credentials: hasAccount ? SMTPCredentials(user: "user", password: "password") : nil,
      envelope: SMTPEnvelope(
        sender: MailAddress("from@example.com")!, recipients: recipients.map { MailAddress($0)! })!,
      message: message)!
  }

  private static func conversation(_ choice: UInt8, _ parts: [[UInt8]], end: (Int, Int) -> Int) -> Seen {
    var machine = SMTPClientMachine(delivery(choice))
    var output = ByteBuffer()
    var seen = Seen()
    func note(_ action: SMTPClientMachine.Action) {
      // Bytes behind the answer to STARTTLS may come with it or later.
      if case .startTLS? = seen.actions.last { seen.actions.removeLast() }
      seen.actions.append(action)
    }
    for (number, part) in parts.enumerated() {
      if number == 1 {
        guard case .startTLS? = seen.actions.last else { break }
        seen.plainBytes = output.count
        machine.tlsEstablished(to: &output)
      }
      var given = 0
      while given < part.count {
        let next = end(given, part.count)
        let action = machine.receive(Array(part[given..<next]).span, to: &output)
        given = next
        if action != .needInput { note(action) }
      }
    }
    if choice & 8 != 0 {
      let action = machine.inputEnded()
      precondition((action == .needInput) == seen.hasEnded, "an end counts exactly once")
      if action != .needInput { note(action) }
      precondition(machine.isClosed)
    }
    seen.output = output.withUnsafeBytes { Array($0) }
    return seen
  }

  private static func check(_ seen: Seen, _ choice: UInt8) {
    precondition(seen.actions.count <= 2, "there is at most a handshake and an end")
    precondition(seen.output.count < 1024, "the client sends the message at most once")
    let text = String(decoding: seen.output, as: UTF8.self)
    let plain = String(decoding: seen.output.prefix(seen.plainBytes ?? seen.output.count), as: UTF8.self)
    if choice & 3 == 1 || choice & 3 == 3 {
      precondition(!plain.contains("AUTH") && !plain.contains("MAIL"), "something was said before TLS")
    }
    // What the server says must not come back as a command.
    let commands = ["EHLO ", "HELO ", "STARTTLS", "AUTH ", "MAIL FROM:", "RCPT TO:", "DATA", "QUIT"]
    let secrets = ["AHVzZXIAcGFzc3dvcmQ=", "dXNlcg==", "cGFzc3dvcmQ="]
    let lines = ["Subject: s", "", "..", "secret text", "."]
    for line in text.split(separator: "\r\n", omittingEmptySubsequences: false) {
      precondition(
        commands.contains { line.hasPrefix($0) } || secrets.contains(String(line)) || lines.contains(String(line)),
        "a line comes from the server")
    }
  }
}

extension SMTPTarget.Seen {
  /// Whether the delivery has ended.
  fileprivate var hasEnded: Bool {
    switch actions.last {
    case .delivered?, .fail?: true
    case .startTLS?, .needInput?, nil: false
    }
  }
}
