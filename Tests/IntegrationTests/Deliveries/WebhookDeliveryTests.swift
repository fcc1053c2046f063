import HTTPClient
import Protocol
import Reactor
import Testing

@Suite struct WebhookDeliveryTests {
  private func deliver(
    _ url: WebhookURL, _ rules: DeliveryRules, mark: String = "\(UUID.random())", fields: [HTTPField] = [],
    permitsPlain: Bool = false
  ) async throws -> DeliveryReceipt {
    let loop = try DeliveryLoop.start()
    defer { loop.stop() }
    return try await loop.deliver(
      WebhookDelivery(
        url: url, permitsPlain: permitsPlain, fields: [HTTPField("Idempotency-Key", mark)] + fields,
        body: Array(#"{"a":"ä"}"#.utf8)), rules)
  }

  private func failure(
    _ url: WebhookURL, _ rules: DeliveryRules, mark: String = "\(UUID.random())", fields: [HTTPField] = [],
    permitsPlain: Bool = false
  ) async throws -> DeliveryFailure {
    do {
      let receipt = try await deliver(url, rules, mark: mark, fields: fields, permitsPlain: permitsPlain)
      throw Unexpected(receipt: receipt)
    } catch let failure as DeliveryFailure {
      return failure
    }
  }

  private struct Unexpected: Error { let receipt: DeliveryReceipt }

  @Test(arguments: ["localhost", "127.0.0.1"])
  func `a request reaches its target whole, over verified TLS`(host: String) async throws {
    let targets = try await DeliveryTargets.shared()
    let mark = "\(UUID.random())"
    let signature = WebhookSignature.fieldValue(secret: [1], unixSeconds: 7, body: Array(#"{"a":"ä"}"#.utf8))
    let receipt = try await deliver(
      targets.url("/ok?key=a%20b", host: host), targets.rules(), mark: mark,
      fields: [HTTPField(WebhookSignature.fieldName, signature)])
    #expect(receipt.code == 200 && receipt.text == "")
    let received = try targets.received(mark)
    #expect(received.count == 1)
    let request = try #require(received.first)
    #expect(request["method"]?.text == "POST" && request["path"]?.text == "/ok?key=a%20b")
    #expect(request["body"]?.text == #"{"a":"ä"}"#)
    let fields = request["fields"]
    #expect(fields?["x-pganalytics-signature"]?.text == signature && fields?["idempotency-key"]?.text == mark)
    #expect(fields?["host"]?.text == "\(host):\(try targets.port("https"))")
    #expect(fields?["user-agent"]?.text?.hasPrefix("pgAnalytics/") == true)
  }

  // A decimal number and a short form are addresses, too, for the look-up of names.
  @Test(arguments: ["localhost", "127.0.0.1", "2130706433", "127.1", "0.0.0.0", "[::ffff:127.0.0.1]", "[::]"])
  func `a denied address gets no connection`(host: String) async throws {
    let targets = try await DeliveryTargets.shared()
    let mark = "\(UUID.random())"
    var rules = try targets.rules()
    rules.policy = AddressPolicy()
    for target in ["https", "http"] {
      let failure = try await failure(
        targets.url("/ok", host: host, target: target), rules, mark: mark, permitsPlain: true)
      #expect(failure.kind == .permanent && failure.sentence.contains("channel_networks"), "\(failure)")
    }
    #expect(try targets.received(mark).isEmpty)
  }

  @Test func `a redirect is a failure that names its target`() async throws {
    let targets = try await DeliveryTargets.shared()
    let mark = "\(UUID.random())"
    let failure = try await failure(targets.url("/redirect"), targets.rules(), mark: mark)
    #expect(failure.kind == .permanent && failure.code == 302)
    #expect(failure.sentence.contains("302 and names https://elsewhere.example/hook"), "\(failure)")
    #expect(try targets.received(mark).count == 1)
  }

  @Test func `a server that cannot prove its name gets no request`() async throws {
    let targets = try await DeliveryTargets.shared()
    let mark = "\(UUID.random())"
    var system = try targets.rules()
    system.trust = .system
    // The certificate names 127.0.0.1 and not 127.0.0.2.
    for (host, rules, reason) in try [
      ("localhost", targets.rules(trusting: targets.stranger), "no trusted authority signed it"),
      ("localhost", system, "no trusted authority signed it"), ("127.0.0.2", targets.rules(), "it names another host"),
    ] {
      let failure = try await failure(targets.url("/ok", host: host), rules, mark: mark)
      #expect(failure.kind == .retryable, "a certificate can be renewed")
      #expect(
        failure.sentence == "The certificate of \(host):\(try targets.port("https")) is not trusted: \(reason).")
    }
    #expect(try targets.received(mark).isEmpty)
  }

  @Test(arguments: [
    (400, DeliveryFailure.Kind.permanent), (401, .permanent), (404, .permanent), (410, .permanent), (408, .retryable),
    (425, .retryable), (429, .retryable), (500, .retryable), (503, .retryable),
  ])
  func `the status says whether a further attempt can succeed`(code: Int, kind: DeliveryFailure.Kind) async throws {
    let targets = try await DeliveryTargets.shared()
    let failure = try await failure(targets.url("/status/\(code)"), targets.rules())
    #expect(failure.kind == kind && failure.code == code && failure.answer.hasPrefix(#"{"error": "no"#))
    #expect(failure.retryAfter == (kind == .retryable ? .seconds(7) : nil))
    #expect(failure.sentence.hasSuffix(#": {"error": "no such thing"}"#), "\(failure)")
  }

  @Test func `the first 64 KiB of an answer are kept, and decide nothing`() async throws {
    let targets = try await DeliveryTargets.shared()
    let receipt = try await deliver(targets.url("/long/200"), targets.rules())
    #expect(receipt.text.utf8.count == DeliveryLoop.answerBytes)
    let long = try await failure(targets.url("/long/400"), targets.rules())
    #expect(long.answer.utf8.count == DeliveryLoop.answerBytes && long.sentence.count < 400)
    // The target has taken the request, although its answer breaks off.
    #expect(try await deliver(targets.url("/cut/200"), targets.rules()).text == "0123456789")
    #expect(try await failure(targets.url("/cut/500"), targets.rules()).code == 500)
  }

  @Test func `http is used only where the channel permits it`() async throws {
    let targets = try await DeliveryTargets.shared()
    let mark = "\(UUID.random())"
    let refused = try await failure(targets.url("/ok", target: "http"), targets.rules(), mark: mark)
    #expect(refused.kind == .permanent && refused.sentence.contains("without TLS"))
    #expect(try targets.received(mark).isEmpty)
    let receipt = try await deliver(
      targets.url("/ok", target: "http"), targets.rules(), mark: mark, permitsPlain: true)
    #expect(try receipt.code == 200 && targets.received(mark).count == 1)
  }

  @Test(arguments: ["a\r\nX-Injected: b", "a\nb", "a\u{0}"])
  func `no value of a field begins another field`(value: String) async throws {
    let targets = try await DeliveryTargets.shared()
    let mark = "\(UUID.random())"
    let failure = try await failure(
      targets.url("/ok"), targets.rules(), mark: mark, fields: [HTTPField("X-Title", value)])
    #expect(failure.kind == .permanent && failure.sentence.contains("X-Title"), "\(failure)")
    #expect(try targets.received(mark).isEmpty)
  }

  @Test(arguments: [("silent", "/ok", "no TLS handshake in time"), ("https", "/silent", "did not answer in time")])
  func `a server that never answers fails the delivery at its deadline`(
    target: String, path: String, reason: String
  ) async throws {
    let targets = try await DeliveryTargets.shared()
    let begin = MonotonicTime.now()
    // The target that takes the request may need a while for the handshake on a slow machine.
    let deadline: Duration = target == "silent" ? .milliseconds(200) : .seconds(5)
    let failure = try await failure(targets.url(path, target: target), targets.rules(deadline: deadline))
    #expect(failure.kind == .retryable && failure.sentence.contains(reason), "\(failure)")
    #expect(begin.duration(to: .now()) >= deadline)
  }

  @Test func `a refused connection is retryable, and the next address of a name is tried`() async throws {
    let targets = try await DeliveryTargets.shared()
    // The targets listen on IPv4 only, and nobody listens at port 1.
    let url = try WebhookURL("https://localhost:1/")
    let failure = try await failure(url, targets.rules())
    #expect(failure == DeliveryFailure(.retryable, "The connection to localhost:1 failed: Connection refused."))
    let unknown = try await self.failure(
      WebhookURL("https://\(String(repeating: "x", count: 70)).example/"), targets.rules())
    #expect(unknown.kind == .retryable && unknown.sentence.contains("look-up"), "\(unknown)")
  }

  @Test func `the end of the loop breaks deliveries off, and later ones fail`() async throws {
    let targets = try await DeliveryTargets.shared()
    let loop = try DeliveryLoop.start()
    let mark = "\(UUID.random())"
    let delivery = WebhookDelivery(
      url: try targets.url("/silent"), fields: [HTTPField("Idempotency-Key", mark)], body: [])
    let rules = try targets.rules()
    async let result = Self.outcome { () async throws(DeliveryFailure) in try await loop.deliver(delivery, rules) }
    let end = MonotonicTime.now() + .seconds(TestClient.patience)
    while try targets.received(mark).isEmpty, MonotonicTime.now() < end {
      try await Task.sleep(for: .milliseconds(20))  // because this is a pause between looks, not a guess at a duration
    }
    loop.stop()
    let stopped = DeliveryFailure(.retryable, "The delivery was broken off because the server stops.")
    #expect(await result == .failure(stopped))
    #expect(
      await Self.outcome { () async throws(DeliveryFailure) in try await loop.deliver(delivery, rules) }
        == .failure(stopped))
  }

  @Test func `a loop makes a limited number of deliveries at a time`() async throws {
    let targets = try await DeliveryTargets.shared()
    let loop = try DeliveryLoop.start()
    defer { loop.stop() }
    let delivery = WebhookDelivery(url: try targets.url("/ok", target: "silent"), fields: [], body: [])
    let rules = try targets.rules(deadline: .seconds(5))
    let sentences = await withTaskGroup(of: String.self) { group in
      for _ in 0..<DeliveryLoop.maximumDeliveries + 3 {
        group.addTask {
          let outcome = await Self.outcome { () async throws(DeliveryFailure) in try await loop.deliver(delivery, rules)
          }
          if case .failure(let failure) = outcome { return failure.sentence }
          return "delivered"
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(sentences.count { $0.hasSuffix("this one has to wait.") } == 3)
    #expect(sentences.count { $0.contains("no TLS handshake in time") } == DeliveryLoop.maximumDeliveries)
  }

  private static func outcome(
    _ delivery: @Sendable () async throws(DeliveryFailure) -> DeliveryReceipt
  ) async -> Result<DeliveryReceipt, DeliveryFailure> {
    do throws(DeliveryFailure) { return .success(try await delivery()) } catch { return .failure(error) }
  }
}
