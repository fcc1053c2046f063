// The reasons why a connection of a client ends, with names for logs and counters and sentences for people.

internal import Glibc
public import Protocol
public import Reactor

/// The reason why a connection, or the attempt to make one, ended.
public enum ConnectionLoss: Error, Equatable, Sendable {
  /// The TCP connection could not be made.
  case connecting(SystemCallError)
  /// `HTTPSDestination.handshakeLimit` passed.
  case handshakeTimedOut
  /// The server closed the connection before the TLS handshake was done.
  case closedInHandshake
  /// The TLS session failed, in the handshake or later.
  case tls(TLSError)
  /// The established TCP connection broke.
  case broken(SystemCallError)
  /// The server closed the connection while a request was unanswered.
  case closedUnanswered
  /// `HTTPSDestination.answerLimit` passed.
  case answerTimedOut
  /// The response breaks a rule of HTTP/1.1 or passes a limit.
  case badAnswer(HTTPError)
  /// The server sent bytes that answer no request.
  case unexpectedBytes
  /// The server closed the connection while no request was unanswered.
  case closedIdle
  /// `HTTPSConnection.cutOff()` was called.
  case cutOff

  /// - Parameter error: the error that `StreamSocket`, `EventLoop` or `TLSSession` threw while a connection was begun.
  init(_ error: any Error) {
    switch error {
    case let error as SystemCallError: self = .connecting(error)
    case let error as TLSError: self = .tls(error)
    default: preconditionFailure("neither the socket nor the session throws \(error)")
    }
  }

  /// - Parameter error: the reason why the response to a request failed.
  init(_ error: HTTPClientError) {
    switch error {
    case .malformed(let error): self = .badAnswer(error)
    case .closedUnanswered, .closedWithinResponse: self = .closedUnanswered
    case .unrequestedBytes: self = .unexpectedBytes
    }
  }

  /// Whether the end is a fault of the server or the network. It is none if the server closes an idle connection or the
  /// client cuts the connection off.
  public var isFault: Bool { self != .closedIdle && self != .cutOff }

  /// A clause for people. Its "it" means the server.
  public var reason: String {
    switch self {
    case .connecting(let error): String(cString: strerror(error.errno))
    case .handshakeTimedOut: "it does not answer (no TLS handshake in time)"
    case .closedInHandshake: "it closed the connection in the TLS handshake"
    case .tls(.untrustedPeer(let reason)): "its certificate is not trusted by the authority given for it: \(reason)"
    case .tls(.alert(let code)): "it refused the TLS handshake with alert \(code)"
    case .tls(let error): "it does not speak TLS as it should: \(error)"
    case .broken(let error): "the connection broke: \(String(cString: strerror(error.errno)))"
    case .closedUnanswered: "it closed the connection without an answer"
    case .answerTimedOut: "it did not answer in time"
    case .badAnswer(let error): "its answer is no HTTP: \(error.reason)"
    case .unexpectedBytes: "it sent bytes that answer no request"
    case .closedIdle: "it closed the connection"
    case .cutOff: "the client cut the connection off"
    }
  }

  /// A stable name for counters and logs.
  public var slug: String {
    switch self {
    case .connecting(let error): "connect_errno_\(error.errno)"
    case .handshakeTimedOut: "handshake_timeout"
    case .closedInHandshake: "closed_in_handshake"
    case .tls(.alert(let code)): "tls_alert_\(code)"
    case .tls(.untrustedPeer(let reason)): "untrusted_server (\(reason))"
    case .tls(let error): "tls (\(error))"
    case .broken(let error): "broken_errno_\(error.errno)"
    case .closedUnanswered: "closed_unanswered"
    case .answerTimedOut: "answer_timeout"
    case .badAnswer(let error): "bad_answer (\(error.reason))"
    case .unexpectedBytes: "unexpected_bytes"
    case .closedIdle: "closed_idle"
    case .cutOff: "cut_off"
    }
  }
}
