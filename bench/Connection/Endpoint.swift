// Where connections lead, what comes back over them, and how they end.

internal import Glibc
internal import Protocol
internal import Reactor

/// The server as a connection needs it.
struct Endpoint: Sendable {
  let url: ServerURL
  /// Tried in order, from the one that last accepted. Not empty.
  let addresses: [SocketAddress]
  /// Local addresses to come from, in turn; empty leaves it to the kernel.
  let sources: [SocketAddress]
  let context: TLSContext
  /// From the first packet to the end of the handshake.
  var handshakeLimit: Duration = .seconds(30)
  /// From a request to the end of its answer.
  var answerLimit: Duration = .seconds(60)

  var serverName: String { url.host }
}

/// A complete response.
struct Answer {
  let head: HTTPResponseHead
  let body: [UInt8]
  /// Whether another request may follow. Otherwise the connection is closed already.
  let keepsConnection: Bool

  var status: HTTPStatus { head.status }

  /// Whole seconds (RFC 9110 §10.2.3); nil if there is none, or it is a date.
  var retryAfter: Duration? {
    guard let text = head.fields.string(named: "retry-after"), let seconds = UInt32(text) else { return nil }
    return .seconds(Int64(seconds))
  }

  /// The body, if it is a JSON object.
  var object: JSONObject? {
    do {
      guard case .object(let object) = try JSONValue.parse(body.span) else { return nil }
      return object
    } catch {
      return nil
    }
  }

  /// What the server calls its refusal: the member `error` of the body.
  var slug: String {
    if case .string(let slug)? = object?["error"] { return slug }
    return "unnamed"
  }

  /// Seen from a client that wants its request done in the end.
  var meaning: Meaning {
    switch status.code {
    case 200, 201: .accepted
    case 401: .unauthorized
    case 503: .unavailable
    case 408, 425, 429, 500...599: .deferred
    default: .refused
    }
  }

  enum Meaning: Equatable, Sendable {
    case accepted
    /// A new token may help.
    case unauthorized
    /// Not now: the server is overloaded, starting or going down.
    case unavailable
    /// Not now, for another reason.
    case deferred
    /// Never.
    case refused
  }
}

extension JSONObject {
  func integer(_ name: String) -> Int? {
    guard case .integer(let number)? = self[name] else { return nil }
    return Int(number)
  }

  func string(_ name: String) -> String? {
    guard case .string(let text)? = self[name] else { return nil }
    return text
  }
}

/// Why a connection, or the attempt to make one, came to its end.
enum ConnectionLoss: Error, Equatable {
  case connecting(SystemCallError)
  case handshakeTimedOut
  case closedInHandshake
  case tls(TLSError)
  case broken(SystemCallError)
  /// While a request was unanswered.
  case closedUnanswered
  case answerTimedOut
  case badAnswer(HTTPError)
  /// Bytes without a request.
  case unexpectedBytes
  /// By the server, in good order, while there was nothing to answer.
  case closedIdle
  /// By ourselves, as `Delivery.cutOff` asks.
  case cutOff

  /// What `StreamSocket`, `EventLoop` or `TLSSession` threw while a connection was begun.
  init(_ error: any Error) {
    switch error {
    case let error as SystemCallError: self = .connecting(error)
    case let error as TLSError: self = .tls(error)
    default: preconditionFailure("neither the socket nor the session throws \(error)")
    }
  }

  /// Whether the server did what a server must not do to a client in normal life.
  var isFault: Bool { self != .closedIdle && self != .cutOff }

  /// For people, as what happened to the attempt to get a connection.
  var reason: String {
    switch self {
    case .connecting(let error): String(cString: strerror(error.errno))
    case .handshakeTimedOut: "it does not answer (no TLS handshake in time)"
    case .closedInHandshake: "it closed the connection in the TLS handshake"
    case .tls(.untrustedPeer(let reason)): "its certificate is not trusted by the authority of --ca: \(reason)"
    case .tls(.alert(let code)): "it refused the TLS handshake with alert \(code)"
    case .tls(let error): "it does not speak TLS as it should: \(error)"
    case .broken(let error): "the connection broke: \(String(cString: strerror(error.errno)))"
    case .closedUnanswered: "it closed the connection without an answer"
    case .answerTimedOut: "it did not answer in time"
    case .badAnswer(let error): "its answer is no HTTP: \(error.reason)"
    case .unexpectedBytes: "it sent what nobody had asked for"
    case .closedIdle: "it closed the connection"
    case .cutOff: "we cut the connection off"
    }
  }

  var slug: String {
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
