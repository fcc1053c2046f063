import Protocol
import Reactor

extension HTTPConnection {
  /// What a connection is at; the way from one to the next is drawn in `HTTPConnection.swift`.
  enum Phase {
    case handshaking(since: MonotonicTime)
    case idle
    /// The lane needs a moment (a look-up) before it can say what becomes of the head.
    case waiting
    case push(ArrivingPush)
    case gathering(EndpointCall, body: [UInt8])
    /// The refusal is decided; the rest of the body is read past, so that the connection lives on.
    case discarding(HTTPResponse)
    case answering
    /// The head is out, the body follows part by part.
    case streaming(StreamedBody)
    case closing
    case lingering(discarded: Int)
    case gone
  }

  /// Whether no request can come any more.
  var isOver: Bool {
    switch phase {
    case .closing, .lingering, .gone: true
    case .handshaking, .idle, .waiting, .push, .gathering, .discarding, .answering, .streaming: false
    }
  }
}
