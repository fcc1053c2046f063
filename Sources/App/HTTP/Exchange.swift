import Protocol
import Reactor

/// One request and its answer. An object: it is handed on many times within one request, and has many parts.
final class Exchange {
  /// Counts the connection's requests, so that a late answer cannot meet the wrong one.
  let number: UInt32
  let head: HTTPRequestHead
  let startedAt: MonotonicTime
  /// The client's own `X-Request-ID` if it is short and printable.
  private let givenID: String?
  private let freshID: UInt64
  /// Whether the database was asked for the collector already.
  var hasLookedUp = false
  /// Who was admitted, if it is a collector.
  var collector: UUID?
  /// Whether it is counted as a push, and has no outcome yet.
  var isOpenPush = false
  /// Whether it is a push, open or not: those have lines of their own in the log.
  var isPush = false
  /// Why it was refused, if it was.
  var refusal: Problem?
  /// The person who asks, for the log: by name once that is known, before as the audit trail names him.
  var user: String?
  /// See `Endpoint.isProbe`.
  var isProbe = false

  /// Of the body, as long as it is held for an endpoint.
  var gatheredBytes = 0

  /// Set while an endpoint works on the answer.
  var departure: Departure?

  /// - Parameter freshID: what to call the request if the client does not say.
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

  /// What the request is called: by the client, else 16 hex digits. Made when it is asked for.
  var requestID: String {
    var text = ByteBuffer()
    appendRequestID(to: &text)
    return text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// Appends `requestID`, without a text being made of it.
  func appendRequestID(to buffer: inout ByteBuffer) {
    if let givenID { buffer.append(utf8: givenID) } else { buffer.append(hex: freshID) }
  }
}
