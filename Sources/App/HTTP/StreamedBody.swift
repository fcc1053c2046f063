// An answer that is sent in parts. The connection takes only as much of the body as the client takes from the
// connection.
//
// If an endpoint produces the body meanwhile, the unsent bytes stay below `stream_unsent_bytes` plus one part, and the
// pipe stops its producer. If the body is already complete in memory, at most `sharedUnsentBytes` of it are encrypted
// in advance.

import Protocol

/// A streamed answer that is being sent.
struct StreamedBody {
  /// The origin of the body.
  enum Source {
    /// An endpoint produces the body and writes it to the pipe.
    case pipe(BodyPipe)
    /// The body of the response itself, of which `sent` bytes are sent.
    case shared(sent: Int)
  }

  /// The result of `pump`.
  enum Progress {
    /// Nothing more can be sent now.
    case waiting
    /// The body is complete; its end has to be rendered.
    case finished(trailers: [HTTPField])
    /// The rest of the body cannot be produced.
    case broken
  }

  /// Limits for a shared body, in bytes: the size of a part that is encrypted at a time, and the bytes that may wait
  /// encrypted.
  private static let sharedPartBytes = 16 * 1024
  private static let sharedUnsentBytes = 32 * 1024

  private(set) var source: Source
  let framer: HTTPBodyFramer
  /// The response, for its log line. It holds the body if the body is shared.
  let response: HTTPResponse

  /// The number of bytes that wait for the client, without those that are encrypted.
  var heldBytes: Int {
    switch source {
    case .pipe(let pipe): pipe.heldBytes
    case .shared: 0
    }
  }

  /// Whether the body is complete in memory, so that no endpoint works on it.
  var isShared: Bool {
    switch source {
    case .pipe: false
    case .shared: true
    }
  }

  /// Stops the producer, because the rest of the body is not sent.
  func cancel() {
    switch source {
    case .pipe(let pipe): pipe.cancel()
    case .shared: break
    }
  }

  /// Sends as much of the body as the client takes.
  mutating func pump(into connection: HTTPConnection) -> Progress {
    if !framer.hasBody {
      cancel()
      return .finished(trailers: [])
    }
    switch source {
    case .pipe(let pipe): return pump(from: pipe, into: connection)
    case .shared(let sent): return pump(after: sent, into: connection)
    }
  }

  private func pump(from pipe: BodyPipe, into connection: HTTPConnection) -> Progress {
    let desk = connection.desk
    while connection.socket.outbound.count < desk.settings.streamUnsentBytes {
      switch pipe.take() {
      case .nothing: return .waiting
      case .part(let part):
        desk.renderer.frame(framer, part) { connection.socket.send($0) }
        if connection.machine.isOver { return .waiting }
        connection.handle(.partSent)
      case .end(let trailers): return .finished(trailers: trailers)
      case .broken: return .broken
      }
    }
    return .waiting
  }

  private mutating func pump(after sent: Int, into connection: HTTPConnection) -> Progress {
    let bytes = response.body
    var sent = sent
    while sent < bytes.count, connection.socket.outbound.count < Self.sharedUnsentBytes {
      let end = min(sent + Self.sharedPartBytes, bytes.count)
      bytes[sent..<end].withSpan { connection.socket.send($0) }
      if connection.machine.isOver { return .waiting }
      sent = end
    }
    source = .shared(sent: sent)
    return sent == bytes.count ? .finished(trailers: []) : .waiting
  }
}
