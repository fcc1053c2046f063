// A blocking HTTPS client: a socket, the TLS session and the response machine of this package. It waits on threads of
// its own, because the server under test and the tests share the cooperative pool.

import Glibc
import Reactor
import Synchronization

@testable import Protocol

/// One connection. It sends bytes, so that a test can send what no proper client would.
final class TestClient: Sendable {
  enum Failure: Error {
    case system(String, errno: CInt)
    /// No byte arrived for `patience`.
    case timedOut
    /// The server closed the connection. After an answer this is a normal end.
    case closed
    case tls(TLSError)
    case badAnswer(HTTPClientError)
  }

  /// How long any single wait may take: far more than the server ever needs, even on a busy machine.
  static let patience = 120
  private static let threads = Result { try WorkerPool(name: "client", threads: 24, maximumWaiting: 10_000) }

  private let channel: Mutex<Channel>
  /// The certificate of the server, as `Certificate.fingerprintHex`.
  let serverFingerprint: String?

  private init(
    port: UInt16, trust: [UInt8], identity: TLSIdentity?, versions: ClosedRange<TLSVersion>, receiveBytes: CInt?,
    source: String?, preface: [UInt8], protocols: [String]
  ) throws {
    let context = try TLSContext.client(trustPEM: trust, applicationProtocols: protocols, versions: versions)
    let session = try TLSSession(
      client: context, serverName: "localhost", identity: identity, now: Int64(Glibc.time(nil)))
    channel = Mutex(Channel(socket: try Self.connect(port, receiveBytes, source), preface: preface, session: session))
    serverFingerprint = try channel.withLock { channel in
      try channel.handshake()
      return channel.serverFingerprint
    }
  }

  /// A blocking socket whose waits have a time limit.
  private static func connect(_ port: UInt16, _ receiveBytes: CInt?, _ source: String?) throws -> CInt {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw Failure.system("socket", errno: errno) }
    var patience = timeval(tv_sec: Self.patience, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
    if var receiveBytes { setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receiveBytes, 4) }
    if let source { try PlainSocket.bind(socket, to: source) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let status = withUnsafePointer(to: &address) {
      // Safety: a sockaddr_in is read as the sockaddr it begins with, for the length of the call.
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if status != 0 {
      let failure = Failure.system("connect", errno: errno)
      close(socket)
      throw failure
    }
    return socket
  }

  /// Connects to the loopback `port` and completes the handshake.
  /// - Parameters:
  ///   - receiveBytes: the size of the kernel's receive buffer; nil leaves it to the kernel.
  ///   - source: the client's address, one of 127.0.0.0/8.
  ///   - preface: sent before TLS, as a balancer does.
  ///   - protocols: offered by ALPN.
  static func connect(
    port: UInt16, trust: [UInt8], identity: TLSIdentity? = nil,
    versions: ClosedRange<TLSVersion> = .tls12 ... .tls13, receiveBytes: CInt? = nil, source: String? = nil,
    preface: [UInt8] = [], protocols: [String] = ["http/1.1"]
  ) async throws -> TestClient {
    try await threads.get().run {
      Result {
        try TestClient(
          port: port, trust: trust, identity: identity, versions: versions, receiveBytes: receiveBytes,
          source: source, preface: preface, protocols: protocols)
      }
    }.get()
  }

  /// Sends `count` requests for new keys one after the other, each with a byte of `filler`.
  func updateKeys(_ count: Int, filler: [UInt8]) async throws { try await waiting { try $0.updateKeys(count, filler) } }

  /// Closes with a RST. Bytes on their way in either direction are lost.
  func reset() async throws { try await waiting { $0.reset() } }

  /// Sends `bytes` and the end of the session in one piece. Later bytes of the server can still be read.
  func sendLast(_ bytes: [UInt8]) async throws { try await waiting { try $0.sendLast(bytes) } }

  /// Sends until the server accepts no more for a moment. - Returns: the number of accepted bytes.
  func sendUntilBlocked(_ bytes: [UInt8], atMost most: Int) async throws -> Int {
    try await waiting { try $0.sendUntilBlocked(bytes, atMost: most) }
  }

  func send(_ bytes: [UInt8]) async throws { try await waiting { try $0.send(bytes) } }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  /// Reads up to `most` bytes from the socket and keeps them for `answer`.
  func take(atMost most: Int) async throws { try await waiting { try $0.fill(atMost: most) } }

  /// The next answer, in the order of the requests.
  func answer() async throws -> TestAnswer { try await waiting { try $0.answer() } }

  /// Waits for an interim answer (1xx). - Returns: its status.
  func interim() async throws -> UInt16 { try await waiting { try $0.interim() } }

  /// Waits for the end of the connection. - Returns: false if something else comes first.
  func isClosedByServer() async throws -> Bool { try await waiting { try $0.isClosedByServer() } }

  /// Sends a complete request and waits for its answer.
  func request(
    _ method: String, _ target: String, _ fields: [(String, String)] = [], body: [UInt8]? = nil
  ) async throws -> TestAnswer {
    try await send(Self.encode(method, target, fields, body: body))
    return try await answer()
  }

  static func encode(
    _ method: String, _ target: String, _ fields: [(String, String)] = [], body: [UInt8]? = nil
  ) -> [UInt8] {
    var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n"
    for (name, value) in fields { head += "\(name): \(value)\r\n" }
    if let body { head += "Content-Length: \(body.count)\r\n" }
    return Array((head + "\r\n").utf8) + (body ?? [])
  }

  private func waiting<R: Sendable>(_ work: @escaping @Sendable (inout Channel) throws -> R) async throws -> R {
    try await Self.threads.get().run { [self] in
      channel.withLock { channel in Result { try work(&channel) } }
    }.get()
  }
}

/// Socket, session and machine of a connection, all of them blocking.
private struct Channel: ~Copyable {
  private let socket: CInt
  private var session: TLSSession
  private var machine = HTTPClientMachine()
  private var plaintext = ByteBuffer()
  private var outgoing = ByteBuffer()
  private var isExpecting = false
  private var hasEnded = false

  init(socket: CInt, preface: [UInt8], session: consuming TLSSession) {
    self.socket = socket
    self.session = session
    outgoing.append(preface.span)
  }

  deinit { Glibc.close(socket) }

  var serverFingerprint: String? { session.peer?.fingerprintHex }

  mutating func handshake() throws {
    try session.start(ciphertextOut: &outgoing)
    try flush()
    while !session.isEstablished {
      try fill()
      if hasEnded { throw TestClient.Failure.closed }
    }
  }

  mutating func send(_ bytes: [UInt8]) throws {
    try session.send(bytes.span, ciphertextOut: &outgoing)
    try flush()
  }

  mutating func updateKeys(_ count: Int, _ filler: [UInt8]) throws {
    for index in 0..<count {
      session.updateKeys(peerToo: true)
      try session.send([filler[index % filler.count]].span, ciphertextOut: &outgoing)
    }
    try flush()
  }

  mutating func reset() {
    var now = linger(l_onoff: 1, l_linger: 0)
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    // The descriptor stays open until deinit. Disconnecting it sends the RST.
    var nowhere = sockaddr()
    nowhere.sa_family = sa_family_t(AF_UNSPEC)
    _ = Glibc.connect(socket, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
    hasEnded = true
  }

  mutating func sendLast(_ bytes: [UInt8]) throws {
    try session.send(bytes.span, ciphertextOut: &outgoing)
    session.close(ciphertextOut: &outgoing)
    try flush()
  }

  mutating func sendUntilBlocked(_ bytes: [UInt8], atMost most: Int) throws -> Int {
    var taken = 0
    // A slow machine may also cause a second without room. That does no harm, because the test waits for the server.
    var patience = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    while taken < most {
      try session.send(bytes.span, ciphertextOut: &outgoing)
      taken += bytes.count
      while !outgoing.isEmpty {
        let sent = outgoing.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        if sent < 0, errno == EINTR { continue }
        if sent <= 0 { return taken }
        outgoing.removeFirst(sent)
      }
    }
    return taken
  }

  mutating func answer() throws -> TestAnswer {
    expect()
    var head: HTTPResponseHead?
    var body: [UInt8] = []
    while true {
      var position = 0
      let event = Self.next(&machine, plaintext, &position)
      if case .body(let range) = event { plaintext.withUnsafeBytes { body.append(contentsOf: $0[range]) } }
      plaintext.removeFirst(position)
      switch event {
      case .interim, .body: continue
      case .head(let received): head = received
      case .end: return try ended(head, body)
      case .fail(let error): throw TestClient.Failure.badAnswer(error)
      case .needInput:
        if !hasEnded { try fill() }
        if hasEnded, plaintext.isEmpty {
          guard case .end = machine.inputEnded() else { throw TestClient.Failure.closed }
          return try ended(head, body)
        }
      }
    }
  }

  mutating func interim() throws -> UInt16 {
    expect()
    while true {
      var position = 0
      let event = Self.next(&machine, plaintext, &position)
      plaintext.removeFirst(position)
      switch event {
      case .interim(let head): return head.status.code
      case .head(let head): return head.status.code
      case .needInput:
        if !hasEnded { try fill() }
        if hasEnded, plaintext.isEmpty { throw TestClient.Failure.closed }
      case .fail(let error): throw TestClient.Failure.badAnswer(error)
      case .body, .end: throw TestClient.Failure.closed
      }
    }
  }

  mutating func isClosedByServer() throws -> Bool {
    while !hasEnded, plaintext.isEmpty { try fill() }
    return plaintext.isEmpty
  }

  private static func next(
    _ machine: inout HTTPClientMachine, _ plaintext: borrowing ByteBuffer, _ position: inout Int
  ) -> HTTPClientMachine.Event {
    machine.next(plaintext.span, &position)
  }

  private mutating func expect() {
    if isExpecting { return }
    isExpecting = true
    machine.expectResponse()
  }

  private mutating func ended(_ head: HTTPResponseHead?, _ body: [UInt8]) throws -> TestAnswer {
    isExpecting = false
    // Without a head, the connection was closed before one arrived, or `interim` took it.
    guard let head else { throw TestClient.Failure.closed }
    return TestAnswer(head: head, body: body)
  }

  private mutating func flush() throws {
    while !outgoing.isEmpty {
      let sent = outgoing.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      if sent < 0, errno == EINTR { continue }
      guard sent > 0 else { throw TestClient.Failure.system("send", errno: errno) }
      outgoing.removeFirst(sent)
    }
  }

  /// Waits for bytes. The end of the stream sets `hasEnded`.
  mutating func fill(atMost most: Int = 64 * 1024) throws {
    var bytes = [UInt8](repeating: 0, count: most)
    let count = recv(socket, &bytes, bytes.count, 0)
    if count < 0 {
      switch errno {
      case EINTR: return
      case EAGAIN: throw TestClient.Failure.timedOut
      case ECONNRESET: hasEnded = true
      default: throw TestClient.Failure.system("recv", errno: errno)  // an open set of numbers
      }
      return
    }
    if count == 0 {
      hasEnded = true
      return
    }
    let status = try session.receive(
      bytes.span.extracting(0..<count), plaintext: &plaintext, ciphertextOut: &outgoing)
    if status == .closedByPeer { hasEnded = true }
    try flush()
  }
}
