import Protocol

/// A server machine whose caller answers each request at its end, and the events so far. Adjacent body events are
/// merged.
struct ServerConversation: ~Copyable {
  enum Seen: Equatable {
    case head(HTTPRequestHead)
    case body([UInt8])
    case end
    case finished(HTTPServerMachine.Disposition)
    case reject(HTTPError)
  }

  var machine: HTTPServerMachine
  private(set) var seen: [Seen] = []
  /// The bytes that the machine did not take: pipelined bytes behind an unanswered request, or all bytes after the
  /// close.
  private(set) var leftover: [UInt8] = []
  /// The number of calls of `next`.
  private(set) var steps = 0

  init(limits: HTTPLimits = HTTPLimits()) { machine = HTTPServerMachine(limits: limits) }

  mutating func receive(_ piece: some Sequence<UInt8>) {
    let input = leftover + piece
    var position = 0
    loop: while true {
      steps += 1
      let before = position
      switch machine.next(input.span, &position) {
      case .needInput: break loop
      case .head(let head): seen.append(.head(head))
      case .body(let range):
        precondition(range.lowerBound == position - range.count && range.lowerBound >= before && !range.isEmpty)
        append(input[range])
      case .end:
        seen.append(.end)
        seen.append(.finished(machine.responseFinished()))
      case .reject(let error): seen.append(.reject(error))
      }
    }
    leftover = Array(input[position...])
  }

  private mutating func append(_ bytes: ArraySlice<UInt8>) {
    if case .body(let earlier) = seen.last {
      seen[seen.count - 1] = .body(earlier + bytes)
    } else {
      seen.append(.body(Array(bytes)))
    }
  }

  static func seen(_ pieces: [ArraySlice<UInt8>], limits: HTTPLimits = HTTPLimits()) -> [Seen] {
    var conversation = ServerConversation(limits: limits)
    for piece in pieces { conversation.receive(piece) }
    return conversation.seen
  }

  static func seen(_ text: String, limits: HTTPLimits = HTTPLimits()) -> [Seen] {
    seen([Array(text.utf8)[...]], limits: limits)
  }
}

extension [ServerConversation.Seen] {
  var heads: [HTTPRequestHead] { compactMap { if case .head(let head) = $0 { head } else { nil } } }

  var bodies: [String] {
    compactMap { if case .body(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { nil } }
  }

  var rejection: HTTPError? {
    if case .reject(let error) = last { error } else { nil }
  }
}

/// Messages that together use each state of the machines. All of them are valid.
enum RequestCorpus {
  static let simple = "GET /api/v1/health HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n"
  static let push =
    "POST /api/v1/metrics/push?a=1 HTTP/1.1\r\nHost: c:8443\r\nContent-Type: application/json\r\n"
    + "Authorization: Bearer abc.def.ghi\r\ncontent-length: 13\r\n\r\n{\"metrics\":1}"
  static let chunked =
    "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
    + "5;name=value;q=\"a b\"\r\nhello\r\n00006\r\n world\r\n0;last\r\nX-Digest: 1\r\nX-Other:\t2 \r\n\r\n"
  static let refreshToken =
    "POST /api/v1/collectors/refresh-token HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nTransfer-Encoding: chunked\r\n"
    + "Content-Type: application/json\r\nAuthorization: Bearer t\r\nExpect: 100-continue\r\n\r\n"
  static let http10 = "POST /old HTTP/1.0\r\nContent-Length: 2\r\n\r\nok"
  static let http10KeepAlive = "GET /old HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"

  static let all = [
    simple, push, chunked, refreshToken + "0\r\n\r\n", http10, http10KeepAlive,
    "\r\n" + simple + "\r\n" + push,
    simple + push + chunked + simple,
    push + "\r\n" + push,
    http10KeepAlive + http10,
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n" + simple,
    "POST /empty HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n" + simple,
    "OPTIONS * HTTP/1.1\r\nHost: [::1]:443\r\n\r\n",
    "GET http://other:8443?a=1 HTTP/1.1\r\nHost: h\r\n\r\nGET https://h HTTP/1.0\r\n\r\n",
    "PROPFIND http://H/a%20b/ HTTP/1.1\r\nhost:h\r\nX-Empty:\r\nX-Latin: caf\u{e9}\r\n\r\n",
  ]
}
