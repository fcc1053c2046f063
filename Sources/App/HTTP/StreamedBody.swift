// An answer that is sent part by part. The connection takes only as much of the body as the client takes from it. Of one that
// is made meanwhile, what waits for the socket stays below `stream_unsent_bytes` and one part, and the pipe's producer stops
// at that; of one that is there anyway, a few records lie here encrypted.

import Protocol

/// A streamed answer in work.
struct StreamedBody {
  enum Source {
    case pipe(BodyPipe)
    /// The response's own body, so many bytes of which are sent.
    case shared(sent: Int)
  }

  /// How far sending has come.
  enum Progress {
    /// Nothing more can be sent now.
    case waiting
    case finished(trailers: [HTTPField])
    /// The rest can't be read.
    case broken
  }

  /// Of a shared body, what is encrypted at a time, and up to how much of that may lie here.
  private static let sharedPartBytes = 16 * 1024
  private static let sharedUnsentBytes = 32 * 1024

  private(set) var source: Source
  let framer: HTTPBodyFramer
  /// What the log says of it at the end, and the body if it is shared.
  let response: HTTPResponse

  /// Bytes that wait for the client, besides those that are encrypted.
  var heldBytes: Int {
    switch source {
    case .pipe(let pipe): pipe.heldBytes
    case .shared: 0
    }
  }

  /// Whether nobody has to work for the rest of it.
  var isShared: Bool {
    switch source {
    case .pipe: false
    case .shared: true
    }
  }

  /// The rest is for nobody.
  func cancel() {
    switch source {
    case .pipe(let pipe): pipe.cancel()
    case .shared: break
    }
  }

  /// Sends what there is, as far as the client keeps up.
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
