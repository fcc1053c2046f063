import Protocol
import Reactor

/// One request and its answer. An object: it is handed on many times within one request, and has many parts.
final class Exchange {
  /// Counts the connection's requests, so that a late answer cannot meet the wrong one.
  let number: UInt32
  let head: HTTPRequestHead
  let startedAt: MonotonicTime
  /// The client's own `X-Request-ID` if it is short and printable, else a fresh one.
  let requestID: String
  /// Whether the database was asked for the collector already.
  var hasLookedUp = false
  /// Who was admitted, if it is a collector.
  var collector: UUID?
  /// Whether it is counted as a push, and has no outcome yet.
  var isOpenPush = false
  /// Whether it is a push, open or not: those have lines of their own in the log.
  var isPush = false
  /// Why it was refused, if it was.
  var refusal: Problem.Kind?

  /// Of the body, as long as it is held for an endpoint.
  var gatheredBytes = 0

  /// Set while an endpoint works on the answer.
  var departure: Departure?

  /// - Parameter freshID: what to call the request if the client does not say.
  init(number: UInt32, head: HTTPRequestHead, startedAt: MonotonicTime, freshID: UInt64) {
    self.number = number
    self.head = head
    self.startedAt = startedAt
    requestID = Self.requestID(of: head, freshID)
  }

  private static func requestID(of head: HTTPRequestHead, _ freshID: UInt64) -> String {
    if let given = head.string(named: "x-request-id"), (1...64).contains(given.utf8.count),
      given.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
    {
      return given
    }
    let digits = String(freshID, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
