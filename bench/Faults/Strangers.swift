// Sends pushes with forged certificates: the right collector and its genuine token, but signed by another authority. A
// server that accepts one of them accepts any client.

internal import Ground
internal import HTTPClient
internal import Protocol
internal import Reactor

/// The connections with forged certificates of one loop, each for one request.
final class Strangers {
  /// The largest number of such connections at a time. Further faults are neither tried nor counted.
  private static let atOnce = 64
  private static let certificateSeconds: Int64 = 3600

  private let loop: EventLoop
  private let plan: FleetPlan
  private let buffers: HTTPSConnection.Buffers
  private let forger: CertificateAuthority
  private let key: PrivateKey
  private let keyPEM: [UInt8]
  private var trespassers: [Int: Trespasser] = [:]
  private var count = 0

  init(loop: EventLoop, plan: FleetPlan, buffers: HTTPSConnection.Buffers) throws {
    self.loop = loop
    self.plan = plan
    self.buffers = buffers
    forger = try CertificateAuthority.create(
      commonName: "stranger", validFor: 2 * Self.certificateSeconds, now: WallClock.unixSeconds())
    key = try PrivateKey.generate()
    keyPEM = try key.pem()
  }

  /// Sends a push with a forged certificate.
  /// - Parameter report: called once with the verdict, unless the loop ends before.
  func trespass(
    as collector: UUID, of hostname: String, _ head: HTTPRequestTemplate, _ body: PushBody,
    _ report: @escaping (FaultVerdict) -> Void
  ) {
    if trespassers.count == Self.atOnce { return }
    let number = count
    count += 1
    let trespasser = Trespasser(
      connection: HTTPSConnection(loop: loop, destination: plan.endpoint, buffers: buffers, spread: number), head: head,
      body: body
    ) { [weak self] verdict in
      self?.trespassers[number] = nil
      report(verdict)
    }
    trespassers[number] = trespasser
    trespasser.begin(with: forgery(collector, hostname))
  }

  /// Whether no such connection is open.
  var isIdle: Bool { trespassers.isEmpty }

  /// Ends the connections that are open, because the run is over. Their faults count as open.
  func abandon() {
    for trespasser in trespassers.values { trespasser.abandon() }
  }

  private func forgery(_ collector: UUID, _ hostname: String) -> TLSIdentity {
    do {
      let issued = try forger.issueCollector(
        for: key, collector: collector, hostname: hostname, validFor: Self.certificateSeconds,
        now: WallClock.unixSeconds())
      return try TLSIdentity(chainPEM: issued.pem, privateKeyPEM: keyPEM)
    } catch {
      preconditionFailure("our own authority signs no certificate: \(error)")
    }
  }
}

private final class Trespasser: HTTPSConnectionOwner {
  private let connection: HTTPSConnection
  private let head: HTTPRequestTemplate
  private let body: PushBody
  private let report: (FaultVerdict) -> Void
  private var isOver = false

  init(
    connection: HTTPSConnection, head: HTTPRequestTemplate, body: PushBody, _ report: @escaping (FaultVerdict) -> Void
  ) {
    self.connection = connection
    self.head = head
    self.body = body
    self.report = report
  }

  func begin(with identity: TLSIdentity) {
    do {
      try connection.open(identity: identity, owner: self)
    } catch {
      end(.open)
    }
  }

  func abandon() { end(.open) }

  /// In TLS 1.3 the client's handshake ends before the server has checked the certificate, so this event shows nothing
  /// yet.
  func connectionOpened(connect: Duration, handshake: Duration) { connection.send(head, body.wire) }

  func connectionAnswered(_ answer: HTTPAnswer) {
    let isDuplicate = answer.object?["duplicate"] == .bool(true)
    switch answer.meaning {
    // The server has not judged the certificate.
    case .unavailable, .deferred: end(.open)
    case .accepted, .unauthorized, .refused:
      end(Fault.wrongCertificate.verdict(status: answer.status.code, isDuplicate: isDuplicate, slug: answer.slug))
    }
  }

  func connectionLost(_ loss: ConnectionLoss) {
    switch loss {
    // The server ended the handshake with an alert, or closed the connection.
    case .tls(.alert), .closedInHandshake, .closedUnanswered, .broken: end(.right)
    case .connecting, .handshakeTimedOut, .answerTimedOut: end(.open)
    case .tls, .badAnswer, .unexpectedBytes, .closedIdle, .cutOff: end(.wrong(loss.slug))
    }
  }

  private func end(_ verdict: FaultVerdict) {
    if isOver { return }
    isOver = true
    connection.close()
    report(verdict)
  }
}
