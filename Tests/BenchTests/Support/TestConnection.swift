import Ground
import Protocol
import Reactor

@testable import Bench

struct TestRequest {
  let path: String
  let secret: String?
  let token: String
  let isGzip: Bool
  let body: [UInt8]
  /// The collector that the certificate names.
  let collector: String?
  /// Whether another authority signed the certificate.
  let isForged: Bool
}

/// One connection of the server.
final class TestConnection: EventHandler, DeadlineHandler {
  private let service: TestService
  private var channel: TestChannel
  private var token: Token?
  private var delayed: (() -> Void)?

  init(service: TestService, socket: consuming StreamSocket, context: TLSContext) {
    self.service = service
    channel = TestChannel(socket: socket, context: context)
  }

  func start() {
    do {
      token = try service.loop.register(channel.socket.raw, .read, self)
    } catch {
      preconditionFailure("\(error)")
    }
  }

  func ready(_ readiness: Readiness) {
    let request = channel.receive(scratch: service.loop.scratch)
    update()
    if let request { return service.serve(request, on: self) }
    if channel.isOver { shut() }
  }

  func answer(_ status: UInt16, _ members: [(String, String)], retryAfter: Int? = nil) {
    var json = JSONWriter()
    json.object { json in for (name, value) in members { json.member(name, value) } }
    let fields = retryAfter.map { [HTTPField("Retry-After", String($0))] } ?? []
    answer(status, json: json.finish().withUnsafeBytes { Array($0) }, fields, closing: false)
  }

  func answer(_ status: UInt16, json: [UInt8], _ fields: [HTTPField] = [], closing: Bool) {
    if token == nil { return }
    channel.send(HTTPResponse(status: HTTPStatus(status), fields: fields, body: json), closing: closing)
    update()
    if closing { shut() }
  }

  func later(_ pause: Duration, _ work: @escaping () -> Void) {
    delayed = work
    _ = service.loop.schedule(self, at: .now() + pause)
  }

  func deadlineReached(_ id: TimerID) {
    let work = delayed
    delayed = nil
    work?()
  }

  func shut() {
    guard let token else { return }
    self.token = nil
    service.loop.deregister(token)
    channel.close()
  }

  private func update() {
    guard let token else { return }
    do {
      try service.loop.update(token, channel.hasOutput ? [.read, .write] : .read)
    } catch {
      preconditionFailure("\(error)")
    }
  }
}

/// The socket, TLS session and request machine of a connection.
struct TestChannel: ~Copyable {
  private(set) var socket: StreamSocket
  private var session: TLSSession
  private var machine = HTTPServerMachine()
  private var outgoing = ByteBuffer()
  private var plaintext = ByteBuffer()
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []
  private(set) var isOver = false

  init(socket: consuming StreamSocket, context: TLSContext) {
    self.socket = socket
    session = TLSSession(server: context, now: WallClock.unixSeconds())
  }

  var hasOutput: Bool { !outgoing.isEmpty }

  /// Reads and writes as much as possible. - Returns: a complete request. The client sends the next request only after
  /// the answer.
  mutating func receive(scratch: UnsafeMutableRawBufferPointer) -> TestRequest? {
    flush()
    while true {
      switch socket.read(into: scratch) {
      case .wouldBlock: return nil
      case .endOfStream, .failed:
        isOver = true
        return nil
      case .bytes(let count):
        // Safety: `read` filled the first `count` bytes of the loop's buffer.
        let bytes = UnsafeBufferPointer(
          start: scratch.baseAddress!.assumingMemoryBound(to: UInt8.self), count: count)
        do {
          _ = try session.receive(bytes.span, plaintext: &plaintext, ciphertextOut: &outgoing)
        } catch {
          isOver = true
        }
        flush()
        if let request = nextRequest() { return request }
      }
    }
  }

  mutating func send(_ response: HTTPResponse, closing: Bool) {
    var encoded = ByteBuffer()
    do {
      let disposition = machine.responseFinished()
      try response.encode(
        into: &encoded, date: "Sun, 06 Nov 1994 08:49:37 GMT", exchange: machine.exchange,
        disposition: closing ? .close : disposition)
      try session.send(encoded.span, ciphertextOut: &outgoing)
    } catch {
      preconditionFailure("\(error)")
    }
    flush()
  }

  /// Closes with FIN, or with RST if the client's bytes are still unread.
  mutating func close() { socket.shutdownWrite() }

  private mutating func nextRequest() -> TestRequest? {
    var position = 0
    var input = ByteBuffer()
    swap(&input, &plaintext)
    defer {
      input.removeFirst(position)
      swap(&input, &plaintext)
    }
    while true {
      switch machine.next(input.span, &position) {
      case .needInput: return nil
      case .head(let head): self.head = head
      case .body(let range): input.withUnsafeBytes { body.append(contentsOf: $0[range]) }
      case .reject(let error): preconditionFailure("\(error)")
      case .end:
        defer { body = [] }
        let head = self.head!
        return TestRequest(
          path: String(decoding: head.target.rawPath, as: UTF8.self),
          secret: head.string(named: "x-registration-secret"),
          token: head.bearerToken.map { String(decoding: $0, as: UTF8.self) } ?? "",
          isGzip: head.contentCoding == .gzip, body: body, collector: session.peer?.collector?.description,
          isForged: session.peer.map { $0.verdict != .trusted } ?? false)
      }
    }
  }

  private mutating func flush() {
    while !outgoing.isEmpty {
      switch socket.write(outgoing.span) {
      case .written(let count): outgoing.removeFirst(count)
      case .wouldBlock: return
      case .failed: return outgoing.removeAll()
      }
    }
  }
}
