import HTTPClient
import Protocol
import Reactor
import Testing

/// Mail to a real server, aiosmtpd.
@Suite(.enabled(if: DeliveryTargets.hasMailServers)) struct MailDeliveryTests {
  private static let text = "Disk of db-1 is full.\n.\n..\nFrom here = größer €\n\nlast line "

  private func server(
    _ name: String, _ security: SMTPSecurity, user: String? = "pganalytics", password: String = "correct horse",
    host: String = "localhost"
  ) async throws -> MailServer {
    let targets = try await DeliveryTargets.shared()
    return MailServer(
      host: host, port: try targets.port(name), security: security,
      credentials: user.flatMap { SMTPCredentials(user: $0, password: password) })
  }

  private func message(_ id: UUID, to: [String] = ["dba@example.com", "ops@example.com"]) -> MailMessage {
    MailMessage(
      sender: MailAddress("alerts@example.com")!, senderName: "pgAnalytics Überwachung",
      recipients: to.map { MailAddress($0)! },
      subject: "2 Findings: größte Tabelle auf Platte \"a\" " + String(repeating: "ö", count: 60),
      text: Self.text, id: id.description, unixSeconds: 1_767_225_600)
  }

  private func failure(_ delivery: MailDelivery, _ rules: DeliveryRules) async throws -> DeliveryFailure {
    let loop = try DeliveryLoop.start()
    defer { loop.stop() }
    do throws(DeliveryFailure) {
      let receipt = try await loop.deliver(delivery, rules)
      return DeliveryFailure(.permanent, "delivered: \(receipt)")
    } catch {
      return error
    }
  }

  @Test(arguments: [
    ("smtp", SMTPSecurity.plain, nil as String?), ("starttls", .startTLS, "pganalytics"),
    ("login", .startTLS, "pganalytics"), ("smtps", .tls, "pganalytics"),
  ])
  func `a message arrives as it was written`(name: String, security: SMTPSecurity, user: String?) async throws {
    let targets = try await DeliveryTargets.shared()
    let loop = try DeliveryLoop.start()
    defer { loop.stop() }
    let id = UUID.random()
    let message = message(id)
    let receipt = try await loop.deliver(
      MailDelivery(server: server(name, security, user: user), message: message), targets.rules())
    #expect(receipt.code == 250 && receipt.text == "2.0.0 queued as 42" && receipt.deferredRecipients.isEmpty)
    let received = try targets.received(id.description)
    #expect(received.count == 1)
    let mail = try #require(received.first)
    #expect(mail["target"]?.text == name && mail["user"]?.text == user && mail["sender"]?.text == "alerts@example.com")
    #expect(mail["greeting"]?.text == "[127.0.0.1]")
    #expect(
      mail["text"]?.text == Self.text.replacing("\n", with: "\r\n") + "\r\n" || mail["text"]?.text == Self.text + "\n")
    let headers = mail["headers"]
    #expect(headers?["Subject"]?.text == message.subject)
    #expect(headers?["From"]?.text == "pgAnalytics Überwachung <alerts@example.com>")
    #expect(headers?["To"]?.text == "dba@example.com, ops@example.com")
    #expect(headers?["Message-ID"]?.text == "<\(id)@example.com>")
    #expect(headers?["Date"]?.text == "Thu, 01 Jan 2026 00:00:00 +0000")
    guard case .array(let defects)? = mail["defects"] else {
      Issue.record("\(mail)")
      return
    }
    #expect(defects.isEmpty)
  }

  @Test func `a wrong password is refused for good`() async throws {
    let targets = try await DeliveryTargets.shared()
    for name in ["starttls", "login"] {
      let id = UUID.random()
      let failure = try await failure(
        MailDelivery(server: server(name, .startTLS, password: "wrong"), message: message(id)), targets.rules())
      #expect(failure.kind == .permanent && failure.code == 535, "\(failure)")
      #expect(failure.sentence.contains("refused the user name and password: 535 5.7.8"), "\(failure)")
      #expect(!failure.sentence.contains("wrong"))
      #expect(try targets.received(id.description).isEmpty)
    }
  }

  @Test func `the password goes over TLS or nowhere`() async throws {
    let targets = try await DeliveryTargets.shared()
    let plain = try await failure(
      MailDelivery(server: server("smtp", .plain), message: message(.random())), targets.rules())
    #expect(plain.kind == .permanent && plain.sentence.contains("without TLS"))
    let stripped = try await failure(
      MailDelivery(server: server("smtp", .startTLS), message: message(.random())), targets.rules())
    #expect(stripped.kind == .retryable && stripped.sentence.contains("does not offer STARTTLS"), "\(stripped)")
  }

  @Test func `a server that cannot prove its name gets no message`() async throws {
    let targets = try await DeliveryTargets.shared()
    for (name, security) in [("starttls", SMTPSecurity.startTLS), ("smtps", .tls)] {
      for (host, rules, reason) in try [
        ("localhost", targets.rules(trusting: targets.stranger), "no trusted authority signed it"),
        ("127.0.0.2", targets.rules(), "it names another host"),
      ] {
        let id = UUID.random()
        let failure = try await failure(
          MailDelivery(server: server(name, security, host: host), message: message(id)), rules)
        #expect(failure.kind == .retryable && failure.sentence.hasSuffix("is not trusted: \(reason)."), "\(failure)")
        #expect(try targets.received(id.description).isEmpty)
      }
    }
  }

  @Test func `refused recipients are named, and the others get the message`() async throws {
    let targets = try await DeliveryTargets.shared()
    let loop = try DeliveryLoop.start()
    defer { loop.stop() }
    let id = UUID.random()
    let to = ["never@example.com", "dba@example.com", "later@example.com"]
    let server = try await server("smtp", .plain, user: nil)
    let receipt = try await loop.deliver(MailDelivery(server: server, message: message(id, to: to)), targets.rules())
    #expect(receipt.refusedRecipients.map(\.description) == ["never@example.com"])
    #expect(receipt.deferredRecipients.map(\.description) == ["later@example.com"])
    guard case .array(let names)? = try targets.received(id.description).first?["recipients"] else {
      Issue.record("no message")
      return
    }
    #expect(names.map(\.text) == ["dba@example.com"])
    // A further attempt for the deferred one alone.
    let again = try await failure(
      MailDelivery(server: server, message: message(id, to: to), recipients: receipt.deferredRecipients),
      targets.rules())
    #expect(again.kind == .retryable && again.code == 450)
    #expect(again.sentence.contains("refused the recipient later@example.com: 450 4.2.0 try again later"), "\(again)")
  }

  @Test func `a message that the server finds too large is not sent`() async throws {
    let targets = try await DeliveryTargets.shared()
    var message = message(.random())
    message.text = String(repeating: "x\n", count: 50_000)
    let failure = try await failure(
      MailDelivery(server: server("smtp", .plain, user: nil), message: message), targets.rules())
    #expect(failure.kind == .permanent && failure.sentence.contains("at most 100000 bytes"), "\(failure)")
  }

  @Test func `a denied address gets no connection, and a silent server fails the delivery at its deadline`()
    async throws
  {
    let targets = try await DeliveryTargets.shared()
    let delivery = MailDelivery(server: try await server("silent", .startTLS), message: message(.random()))
    let silent = try await failure(delivery, targets.rules(deadline: .milliseconds(300)))
    #expect(silent.kind == .retryable && silent.sentence.hasSuffix("sent no greeting in time."), "\(silent)")
    var rules = try targets.rules()
    rules.policy = AddressPolicy()
    let denied = try await failure(delivery, rules)
    #expect(denied.kind == .permanent && denied.sentence.contains("channel_networks"), "\(denied)")
  }

  @Test func `a message with a line break in its subject is not sent`() async throws {
    let targets = try await DeliveryTargets.shared()
    var message = message(.random())
    message.subject = "a\r\nBcc: b@example.com"
    let failure = try await failure(
      MailDelivery(server: server("smtp", .plain, user: nil), message: message), targets.rules())
    #expect(
      failure
        == DeliveryFailure(.permanent, "The subject of the message holds a line break or another control character."))
  }
}
