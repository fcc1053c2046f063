import Ground
import Protocol
import Reactor

@testable import Bench

/// Answers requests on the server's loop. The loop holds the connections that are registered on it.
final class TestService: AcceptHandler {
  let loop: EventLoop
  private let context: TLSContext
  private let journal: ServerJournal
  private let authority: CertificateAuthority
  private let isCredulous: Bool
  private let enrol: @Sendable (Int) -> Reply
  private let push: @Sendable (Arrival) -> Reply
  private var enrolments = 0

  init(
    loop: EventLoop, context: TLSContext, journal: ServerJournal, authority: consuming CertificateAuthority,
    isCredulous: Bool, enrol: @escaping @Sendable (Int) -> Reply, push: @escaping @Sendable (Arrival) -> Reply
  ) {
    self.loop = loop
    self.context = context
    self.journal = journal
    self.authority = authority
    self.isCredulous = isCredulous
    self.enrol = enrol
    self.push = push
  }

  func accepted(_ socket: consuming StreamSocket, from peer: SocketAddress) {
    journal.note { $0.connections += 1 }
    TestConnection(service: self, socket: socket, context: context).start()
  }

  func serve(_ request: TestRequest, on connection: TestConnection) {
    switch request.path {
    case "/api/v1/collectors/register": register(request, connection)
    case "/api/v1/collectors/refresh-token": refresh(request, connection)
    case "/api/v1/metrics/push": receive(request, connection)
    case "/metrics":
      // The counter is large, as that of a server that has run for long.
      let count = 1_000_000 + journal.all.acknowledged
      connection.answer(
        200, json: Array("pganalytics_pushes_stored_total \(count)\n".utf8), [], closing: false)
    case "/api/v1/auth/login":
      let isRight = String(decoding: request.body, as: UTF8.self).contains(TestServer.secret)
      connection.answer(isRight ? 200 : 401, [isRight ? ("access_token", "reader") : ("error", "invalid_credentials")])
    case "/api/v1/read":
      journal.note { $0.reads += 1 }
      let isReader = request.token == "reader"
      connection.answer(isReader ? 200 : 401, isReader ? [] : [("error", "unauthenticated")])
    default: connection.answer(404, [("error", "not_found")])
    }
  }

  private func register(_ request: TestRequest, _ connection: TestConnection) {
    guard request.secret == TestServer.secret else { return connection.answer(401, [("error", "bad_secret")]) }
    enrolments += 1
    if case .refuse(let status, let slug, let retryAfter) = enrol(enrolments - 1) {
      return connection.answer(status, [("error", slug)], retryAfter: retryAfter)
    }
    let id = UUID.random()
    do {
      let body = try JSONValue.parse(request.body.span)
      guard case .object(let object) = body, let csr = object.string("csr") else { preconditionFailure("no csr") }
      let issued = try authority.issueCollector(
        for: CertificateSigningRequest(Array(csr.utf8)), collector: id, hostname: object.string("hostname") ?? "",
        validFor: 3600, now: WallClock.unixSeconds())
      journal.note { $0.enrolled.append(id.description) }
      connection.answer(
        201,
        [
          ("collector_id", id.description), ("token", "\(id).0"),
          ("certificate", String(decoding: issued.pem, as: UTF8.self)), ("expires_at", "2099-01-01T00:00:00Z"),
        ])
    } catch {
      preconditionFailure("\(error)")
    }
  }

  private func refresh(_ request: TestRequest, _ connection: TestConnection) {
    let number = journal.note { entries in
      entries.refreshes += 1
      return entries.refreshes
    }
    connection.answer(
      200, [("token", "\(request.collector ?? "?").\(number)"), ("expires_at", "2099-01-01T00:00:00Z")])
  }

  private func receive(_ request: TestRequest, _ connection: TestConnection) {
    if !isCredulous {
      if request.isForged { return connection.answer(403, [("error", "untrusted_certificate")]) }
      if collectorID(of: request) == nil { return connection.answer(400, [("error", "malformed")]) }
    }
    let collector = request.collector ?? "?"
    let arrival = journal.note { entries in
      let arrival = Arrival(
        collector: collector, earlier: entries.arrivals.filter { $0.collector == collector }.count,
        body: request.body, isGzip: request.isGzip, token: request.token, time: .now())
      entries.arrivals.append(arrival)
      if !request.token.hasPrefix(collector) || collectorID(of: request) != collector { entries.strangers += 1 }
      return arrival
    }
    switch push(arrival) {
    case .acknowledge: acknowledge(arrival, connection)
    case .acknowledgeAfter(let pause): connection.later(pause) { self.acknowledge(arrival, connection) }
    case .acknowledgeClosing:
      acknowledge(arrival, connection, closing: true)
    case .storeSilently:
      _ = store(arrival)
      connection.shut()
    case .drop: connection.shut()
    case .refuse(let status, let slug, let retryAfter):
      connection.answer(status, [("error", slug)], retryAfter: retryAfter)
    }
  }

  private func store(_ arrival: Arrival) -> Bool {
    journal.note { $0.stored[arrival.collector, default: []].insert(arrival.body).inserted }
  }

  private func acknowledge(_ arrival: Arrival, _ connection: TestConnection, closing: Bool = false) {
    let isNew = store(arrival) || isCredulous
    journal.note { $0.acknowledged += 1 }
    var json = JSONWriter()
    json.object { json in
      json.member("status", "success")
      json.member("push_id", "\(arrival.collector)/\(arrival.earlier)")
      json.member("metrics_inserted", isNew ? 1 : 0)
      json.member("rows_inserted", isNew ? TestServer.rowsPerPush : 0)
      json.member("duplicate", !isNew)
      json.member("processing_time_ms", 3)
      json.key("rejected")
      json.array { _ in }
    }
    connection.answer(200, json: json.finish().withUnsafeBytes { Array($0) }, closing: closing)
  }

  /// The `collector_id` of a push body.
  private func collectorID(of request: TestRequest) -> String? {
    do {
      let json = request.isGzip ? inflate(request.body) : request.body
      guard case .object(let object) = try JSONValue.parse(json.span, limits: JSONValueLimits(bytes: 1 << 26)) else {
        return nil
      }
      return object.string("collector_id")
    } catch {
      return nil
    }
  }
}

/// The content of a gzip body. Traps if the body is not gzip.
func inflate(_ body: [UInt8]) -> [UInt8] {
  var inflater = GzipInflater()
  var output = ByteBuffer()
  do {
    let progress = try inflater.inflate(body.span, into: &output, atMost: 1 << 26)
    precondition(progress.state == .finished)
  } catch {
    preconditionFailure("\(error)")
  }
  return output.withUnsafeBytes { Array($0) }
}
