import Protocol
import Reactor

/// One request and its answer. A class, because it has many fields and is passed on many times within one request.
final class Exchange {
  /// The number of the request on its connection. With it, a late answer cannot reach another request.
  let number: UInt32
  let head: HTTPRequestHead
  /// The time at which the head was complete.
  let startedAt: MonotonicTime
  /// The client's own `X-Request-ID` if it is short and printable; otherwise nil.
  private let givenID: String?
  private let freshID: UInt64
  /// Whether the database was asked for the collector.
  var hasLookedUp = false
  /// The collector that was admitted; nil for other callers.
  var collector: UUID?
  /// Whether the request is counted as a push that has no outcome yet.
  var isOpenPush = false
  /// The push that the body is read into, until the body is complete or refused.
  var arriving: ArrivingPush?
  /// Whether the request is a push. Pushes have their own log lines.
  var isPush = false
  /// The reason of the refusal; nil if the request is not refused.
  var refusal: Problem?
  /// The user who made the request, for the log: the name if it is known, otherwise the form that the audit trail uses.
  var user: String?
  /// See `Endpoint.isProbe`.
  var isProbe = false

  /// The number of bytes of the body that are held for an endpoint.
  var gatheredBytes = 0

  /// Set while an endpoint works on the answer.
  var departure: Departure?

  /// - Parameter freshID: the request's ID if the client gives none.
  init(number: UInt32, head: HTTPRequestHead, startedAt: MonotonicTime, freshID: UInt64) {
    self.number = number
    self.head = head
    self.startedAt = startedAt
    self.freshID = freshID
    givenID = head.string(named: "x-request-id").flatMap { Self.isUsable($0) ? $0 : nil }
  }

  private static func isUsable(_ id: String) -> Bool {
    (1...64).contains(id.utf8.count)
      && id.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
  }

  /// The request's ID: the client's own, or 16 hex digits. Each call builds the text.
  var requestID: String {
    var text = ByteBuffer()
    appendRequestID(to: &text)
    return text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// Appends `requestID` without building a `String`.
  func appendRequestID(to buffer: inout ByteBuffer) {
    if let givenID { buffer.append(utf8: givenID) } else { buffer.append(hex: freshID) }
  }
}
