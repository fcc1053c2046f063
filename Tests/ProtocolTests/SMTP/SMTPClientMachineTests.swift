import Protocol
import Testing

struct SMTPClientMachineTests {
  private static let greeting = "220 mx ESMTP\n"
  private static let plain = greeting + "250-mx\n250-SIZE 1000\n250 HELP\n250 ok\n250 ok\n354 go on\n250 2.0.0 queued\n"
  private static let data = "Subject: s\r\n\r\n..one\r\ntwo\r\n.\r\nQUIT\r\n"

  @Test func `delivers a message, whatever pieces the replies come in`() {
    let wire = SMTPDialogue.wire(Self.plain)
    let whole = SMTPDialogue(SMTPDialogue.delivery(), [wire[...]])
    #expect(
      whole.sent
        == "EHLO [192.0.2.1]\r\nMAIL FROM:<from@example.com> SIZE=25\r\nRCPT TO:<a@example.com>\r\nDATA\r\n" + Self.data
    )
    #expect(whole.acceptance?.reply.description == "250 2.0.0 queued")
    #expect(whole.acceptance?.reply.enhancedStatus == "2.0.0" && whole.acceptance?.refused == [])
    for pieces in splits(of: wire) { #expect(SMTPDialogue(SMTPDialogue.delivery(), pieces) == whole) }
  }

  @Test func `encrypts before it says anything but EHLO, and forgets what the server said before`() {
    let delivery = SMTPDialogue.delivery(.startTLS, user: "u")
    let before = SMTPDialogue.wire(Self.greeting + "250-mx\n250-AUTH PLAIN\n250-SIZE 1\n250 STARTTLS\n220 go\n")
    let later = SMTPDialogue.wire(
      "250-mx\n250 AUTH LOGIN\n334 VXNlcm5hbWU6\n334 UGFzc3dvcmQ6\n235 ok\n250 ok\n250 ok\n354 go\n250 ok\n")
    let whole = SMTPDialogue(delivery, [before[...]], later: [later[...]])
    #expect(
      whole.sent
        == "EHLO [192.0.2.1]\r\nSTARTTLS\r\n<TLS>EHLO [192.0.2.1]\r\nAUTH LOGIN\r\ndQ==\r\nc2VjcmV0\r\n"
        + "MAIL FROM:<from@example.com>\r\nRCPT TO:<a@example.com>\r\nDATA\r\n" + Self.data)
    #expect(whole.actions.count == 2 && whole.acceptance != nil)
    for pieces in splits(of: before) { #expect(SMTPDialogue(delivery, pieces, later: [later[...]]) == whole) }
    for pieces in splits(of: later) { #expect(SMTPDialogue(delivery, [before[...]], later: pieces) == whole) }
  }

  @Test func `refuses bytes between the answer to STARTTLS and the handshake, in any pieces`() {
    let wire = SMTPDialogue.wire(Self.greeting + "250-mx\n250 STARTTLS\n220 go\n250 injected\n")
    for pieces in splits(of: wire) {
      let dialogue = SMTPDialogue(SMTPDialogue.delivery(.startTLS), pieces)
      #expect(dialogue.error == .bytesBeforeTLS && dialogue.commands.last == "STARTTLS")
    }
  }

  @Test func `sends neither message nor password without the TLS that it was told to demand`() {
    for answer in ["250 mx\n", "250-mx\n250 AUTH PLAIN\n", "502 what\n"] {
      let dialogue = SMTPDialogue(SMTPDialogue.delivery(.startTLS, user: "u"), Self.greeting + answer)
      #expect(dialogue.error == .startTLSNotOffered && dialogue.commands == ["EHLO [192.0.2.1]", "QUIT"])
    }
    #expect(
      SMTPClientMachine.Delivery(
        clientName: "a", security: .plain, credentials: SMTPCredentials(user: "u", password: "p"),
        envelope: SMTPEnvelope(sender: MailAddress("a@b")!, recipients: [MailAddress("a@b")!])!,
        message: SMTPDialogue.message) == nil)
  }

  @Test func `uses AUTH PLAIN where it is offered, with a line of its own for a long password`() {
    let offer = Self.greeting + "250-mx\n250 AUTH=LOGIN plain\n"
    let short = SMTPDialogue(SMTPDialogue.delivery(.tls, user: "u"), offer + "235 ok\n")
    #expect(short.commands == ["EHLO [192.0.2.1]", "AUTH PLAIN AHUAc2VjcmV0", "MAIL FROM:<from@example.com>"])
    // `AUTH PLAIN `, 496 digits and CRLF are 509 bytes. One more byte of the password makes four digits more.
    let user = String(repeating: "u", count: 250)
    for (passwordBytes, isLong) in [(120, false), (121, true)] {
      let password = String(repeating: "p", count: passwordBytes)
      let delivery = SMTPDialogue.delivery(.tls, user: user, password: password)
      let commands = SMTPDialogue(delivery, offer + "334 \n235 ok\n").commands
      #expect((commands[1] == "AUTH PLAIN") == isLong, "\(passwordBytes)")
      #expect(commands[1].utf8.count + 2 <= 512)
    }
  }

  @Test func `greets with HELO a server that does not know EHLO`() {
    let dialogue = SMTPDialogue(SMTPDialogue.delivery(), "220 old\n500 what\n250 old\n250 ok\n250 ok\n354 go\n250 ok\n")
    #expect(dialogue.commands.prefix(3) == ["EHLO [192.0.2.1]", "HELO [192.0.2.1]", "MAIL FROM:<from@example.com>"])
    #expect(dialogue.acceptance != nil)
    let demanding = SMTPDialogue(SMTPDialogue.delivery(.tls, user: "u"), "220 old\n500 what\n")
    #expect(demanding.error == .authenticationNotOffered && demanding.error?.isPermanent == true)
  }

  @Test(arguments: [
    ("554 5.7.1 go away\n", SMTPStep.greeting, true), ("421 busy\n", .greeting, false),
    ("220 mx\n421 4.3.2 closing\n", .hello, false), ("220 mx\n550 no\n", .hello, true),
    ("220 mx\n354 no\n", .hello, false),
    ("220 mx\n250 mx\n451 later\n", .sender, false), ("220 mx\n250 mx\n553 5.1.8 unknown\n", .sender, true),
    ("220 mx\n250 mx\n250 ok\n550 5.1.1 unknown\n", .recipient(MailAddress("a@example.com")!), true),
    ("220 mx\n250 mx\n250 ok\n421 closing\n", .recipient(MailAddress("a@example.com")!), false),
    ("220 mx\n250 mx\n250 ok\n250 ok\n554 no\n", .data, true),
    ("220 mx\n250 mx\n250 ok\n250 ok\n250 ok\n", .data, false),
    ("220 mx\n250 mx\n250 ok\n250 ok\n354 go\n452 4.3.1 full\n", .message, false),
    ("220 mx\n250 mx\n250 ok\n250 ok\n354 go\n554 5.6.0 bad\n", .message, true),
  ])
  func `a refusal names its step, and whether it lasts`(text: String, step: SMTPStep, isPermanent: Bool) throws {
    let wire = SMTPDialogue.wire(text)
    for pieces in splits(of: wire) {
      let dialogue = SMTPDialogue(SMTPDialogue.delivery(), pieces)
      guard case .refused(let found, let reply)? = dialogue.error else {
        Issue.record("\(dialogue)")
        return
      }
      #expect(found == step && dialogue.error?.isPermanent == isPermanent)
      #expect("\(try #require(dialogue.error))".hasSuffix(": \(reply)") && text.contains(reply.description))
      #expect(dialogue.commands.last == "QUIT")
    }
  }

  @Test(arguments: [("535 5.7.8 wrong\n", true), ("454 4.7.0 later\n", false), ("334 \n", false)])
  func `a refused password is permanent only if the server says so`(answer: String, isPermanent: Bool) {
    let offer = "220 mx\n250-mx\n250 AUTH PLAIN\n"
    let dialogue = SMTPDialogue(SMTPDialogue.delivery(.tls, user: "u"), offer + answer)
    guard case .refused(.authentication, _)? = dialogue.error else {
      Issue.record("\(dialogue)")
      return
    }
    #expect(dialogue.error?.isPermanent == isPermanent)
  }

  @Test func `the accepted recipients get the message, and the result names the others`() throws {
    let delivery = SMTPDialogue.delivery(to: ["a@b.c", "d@b.c", "e@b.c"])
    let begin = "220 mx\n250 mx\n250 ok\n"
    let some = SMTPDialogue(delivery, begin + "450 4.2.0 later\n251 forwarded\n550 no\n354 go\n250 ok\n")
    #expect(some.commands.filter { $0.hasPrefix("RCPT") }.count == 3)
    let refused = try #require(some.acceptance).refused
    #expect(refused.map(\.recipient.description) == ["a@b.c", "e@b.c"])
    #expect(refused.map(\.reply.isPermanent) == [false, true])
    let none = SMTPDialogue(delivery, begin + "550 no\n450 4.2.0 later\n550 no\n")
    #expect(none.error?.isPermanent == false && !none.sent.contains("DATA"))
    #expect(SMTPDialogue(delivery, begin + "550 no\n551 no\n550 no\n").error?.isPermanent == true)
  }

  @Test func `does not begin a message that is larger than the server accepts`() {
    for (size, fits) in [(25, true), (24, false), (0, true)] {
      let dialogue = SMTPDialogue(SMTPDialogue.delivery(), "220 mx\n250-mx\n250 SIZE \(size)\n")
      #expect((dialogue.error == .messageTooLarge(limit: size)) == !fits && dialogue.sent.contains("MAIL") == fits)
    }
  }

  @Test func `an end of the connection fails the delivery until the message is taken, and not later`() {
    let wire = SMTPDialogue.wire(Self.plain)
    for count in 0..<wire.count {
      let dialogue = SMTPDialogue(SMTPDialogue.delivery(), [wire[..<count]], closes: true)
      guard case .closed? = dialogue.error else {
        Issue.record("\(count): \(dialogue)")
        return
      }
      #expect(dialogue.error?.isPermanent == false)
    }
    let whole = SMTPDialogue(SMTPDialogue.delivery(), [wire[...], SMTPDialogue.wire("221 bye\n?")[...]], closes: true)
    #expect(whole.actions.count == 1 && whole.acceptance != nil)
  }

  @Test(arguments: [
    ("220 mx\n", nil), ("220\n", nil), ("22\n", SMTPReplyFault.noCode), ("120 mx\n", .noCode), ("600 mx\n", .noCode),
    ("220_mx\n", .noCode), ("hello\n", .noCode), ("\n", .noCode), ("220-mx\n221 mx\n", .differentCodes),
  ])
  func `a malformed reply ends the conversation`(text: String, fault: SMTPReplyFault?) {
    for pieces in splits(of: SMTPDialogue.wire(text)) {
      let dialogue = SMTPDialogue(SMTPDialogue.delivery(), pieces)
      #expect(dialogue.error == fault.map { .malformed($0) })
      #expect(dialogue.sent == (fault == nil ? "EHLO [192.0.2.1]\r\n" : ""))
    }
  }

  @Test func `line ends are CRLF`() {
    for (text, fault) in [
      ("220 mx\n", SMTPReplyFault.bareLineFeed), ("220 mx\r!", .bareCarriageReturn),
      ("220 \r\r\n", .bareCarriageReturn),
    ] {
      #expect(SMTPDialogue(SMTPDialogue.delivery(), [Array(text.utf8)[...]]).error == .malformed(fault))
    }
  }

  @Test func `a reply has limits`() {
    func greeting(_ lineBytes: Int) -> SMTPDialogue {
      // The CR counts as a byte of the line.
      SMTPDialogue(SMTPDialogue.delivery(), "220 " + String(repeating: "x", count: lineBytes - 5) + "\n")
    }
    #expect(greeting(2048).error == nil && greeting(2049).error == .malformed(.lineTooLong))
    func lines(_ count: Int) -> SMTPDialogue {
      SMTPDialogue(SMTPDialogue.delivery(), String(repeating: "220-x\n", count: count - 1) + "220 x\n")
    }
    #expect(lines(128).error == nil && lines(129).error == .malformed(.tooManyLines))
  }

  @Test func `the text of a reply is one line without control characters`() {
    let dialogue = SMTPDialogue(SMTPDialogue.delivery(), "554-5.7.1 no \u{1B}[2J\n554 5.7.1 never\n")
    #expect(dialogue.error?.description == "The server refused the connection: 554 5.7.1 no  [2J never")
  }

  @Test(arguments: ["", ".\r\n", "..\r\n", "a\r\n.\r\nb\r\n", ".a\r\n..b\r\n\r\n.\r\n"])
  func `a server that removes doubled dots reads the same message`(text: String) throws {
    let message = try #require(EncodedMessage(Array(text.utf8)))
    let sent = SMTPDialogue(SMTPDialogue.delivery(message: message), Self.plain).sent
    let data = try #require(sent.split(separator: "DATA\r\n", maxSplits: 1).last).dropLast("QUIT\r\n".count)
    var lines = data.split(separator: "\r\n", omittingEmptySubsequences: false)
    #expect(lines.popLast() == "" && lines.popLast() == "." && !lines.contains("."))
    let read = lines.map { ($0.hasPrefix(".") ? $0.dropFirst() : $0) + "\r\n" }.joined()
    #expect(read == text)
  }

  @Test(arguments: ["a\nb\r\n", "a\rb\r\n", "a", "a\r\n.\n", "a\u{0}\r\n", "a\r", "\n"])
  func `bytes that two servers may read differently are no message`(text: String) {
    #expect(EncodedMessage(Array(text.utf8)) == nil)
  }

  @Test func `a line of a message has at most 998 characters`() {
    for (count, fits) in [(998, true), (999, false)] {
      let line = String(repeating: "x", count: count) + "\r\n"
      #expect((EncodedMessage(Array((line + line).utf8)) != nil) == fits)
    }
  }

  @Test(arguments: ["", "u\r\nQUIT", "u\u{0}x", String(repeating: "u", count: 256)])
  func `an account has no control characters and is bounded`(value: String) {
    #expect(SMTPCredentials(user: value, password: "p") == nil && SMTPCredentials(user: "u", password: value) == nil)
  }
}
