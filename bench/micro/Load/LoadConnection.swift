// One client of a server under measurement: mTLS and one request at a time.

import Protocol

struct LoadError: Error, CustomStringConvertible {
  let description: String
}

final class LoadConnection {
  private let socket: BlockingSocket
  private var tls: TLSSession
  private var http = HTTPClientMachine()
  private var outgoing = ByteBuffer()
  private var plaintext = ByteBuffer()

  /// Connects and says hello; what the server answers is read by `finishHandshake`.
  init(_ target: LoadTarget, _ identity: TLSIdentity?, number: Int) throws {
    socket = try BlockingSocket(target.address, target.port, from: "127.0.1.\(1 + number / 20_000)")
    tls = try TLSSession(client: target.tls, serverName: nil, identity: identity, now: target.now)
    try tls.start(ciphertextOut: &outgoing)
    try flush()
  }

  func finishHandshake() throws {
    while !tls.isEstablished { try receive() }
    try flush()
  }

  /// Encrypts and sends a request.
  func send(_ request: Span<UInt8>) throws {
    http.expectResponse()
    try tls.send(request, ciphertextOut: &outgoing)
    try flush()
  }

  /// Waits for the answer. - Returns: its status and its body.
  func answer() throws -> (status: Int, body: [UInt8]) {
    var status = 0
    var body: [UInt8] = []
    while true {
      var input = ByteBuffer()
      swap(&input, &plaintext)
      var position = 0
      while true {
        let event = http.next(input.span, &position)
        if case .needInput = event { break }
        switch event {
        case .interim, .needInput: break
        case .head(let head): status = Int(head.status.code)
        case .body(let range): input.withSpan(range) { span in for index in span.indices { body.append(span[index]) } }
        case .end: return (status, body)
        case .fail(let error): throw LoadError(description: "the answer is not HTTP: \(error)")
        }
      }
      try receive()
    }
  }

  private func receive() throws {
    let count = try Self.scratch.withUnsafeMutableBytes { buffer in
      let count = try socket.receive(into: buffer)
      _ = try tls.receive(
        UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<count]).span, plaintext: &plaintext,
        ciphertextOut: &outgoing)
      return count
    }
    if count == 0 { throw LoadError(description: "the server closed the connection") }
  }

  private func flush() throws {
    if outgoing.isEmpty { return }
    var flight = ByteBuffer()
    swap(&flight, &outgoing)
    try socket.send(flight.span)
  }

  // because the program has one thread.
  nonisolated(unsafe) private static var scratch = [UInt8](repeating: 0, count: 65_536)  // Safety: one thread.
}

/// Where connections go, and with what.
struct LoadTarget {
  let address: String
  let port: UInt16
  let tls: TLSContext
  let now: Int64
}
