import Protocol
import Testing

/// A conversation of a client and a server, with the events of the client's machine. The first character of a line is
///
///     >  a request of the client: method and target
///     <  a line of the server, with its line break
///     .  bytes of the server, without one
///     x  the server closes
///     =  the events that the machine returns for the lines since the last such line
struct Transcript: CustomTestStringConvertible, Sendable {
  let name: String
  let text: String

  var testDescription: String { name }

  /// Runs the transcript with the server's bytes in pieces of `pieceBytes`.
  /// - Returns: the same text with the actual events.
  func replayed(pieceBytes: Int, limits: HTTPLimits) throws -> String {
    var conversation = Conversation(limits: limits)
    var lines: [String] = []
    for line in text.split(separator: "\n") {
      let content = String(line.dropFirst(2))
      switch line.first {
      case ">":
        let words = content.split(separator: " ")
        try conversation.send(HTTPMethod(String(words[0])), String(words[1]))
      case "<": conversation.receive(Array((content + "\r\n").utf8), pieceBytes: pieceBytes)
      case ".": conversation.receive(Array(content.utf8), pieceBytes: pieceBytes)
      case "x": conversation.close()
      case "=":
        lines.append("= " + conversation.takeEvents())
        continue
      default: Issue.record("\(line)")
      }
      lines.append(String(line))
    }
    return lines.joined(separator: "\n")
  }

  private struct Conversation: ~Copyable {
    private var machine: HTTPClientMachine
    private var events: [String] = []
    private var body = ""

    init(limits: HTTPLimits) { machine = HTTPClientMachine(limits: limits) }

    mutating func send(_ method: HTTPMethod, _ target: String) throws {
      var wire = ByteBuffer()
      try machine.send(HTTPRequest(method: method, target: target, authority: "a"), to: &wire)
      let text = wire.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
      #expect(text.hasPrefix("\(method.name) \(target) HTTP/1.1\r\nHost: a\r\n"))
    }

    mutating func receive(_ bytes: [UInt8], pieceBytes: Int) {
      for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
        let piece = Array(bytes[start..<min(start + pieceBytes, bytes.count)])
        var position = 0
        while true {
          let event = machine.next(piece.span, &position)
          if event == .needInput { break }
          note(event, piece)
        }
      }
    }

    mutating func close() { note(machine.inputEnded(), []) }

    mutating func takeEvents() -> String {
      flushBody()
      defer { events = [] }
      return events.joined(separator: ", ")
    }

    private mutating func note(_ event: HTTPClientMachine.Event, _ piece: [UInt8]) {
      if case .body(let range) = event {
        body += String(decoding: piece[range], as: UTF8.self)
        return
      }
      flushBody()
      switch event {
      case .interim(let head): events.append("interim \(head.status.code)")
      case .head(let head): events.append("head \(head.status.code)")
      case .end: events.append(machine.isIdle ? "end, open" : "end, closed")
      case .fail(.malformed(let error)): events.append("fail \(error.reason.rawValue)")
      case .fail(let error): events.append("fail \(error)")
      case .needInput: events.append("nothing")
      case .body: break
      }
    }

    private mutating func flushBody() {
      if !body.isEmpty { events.append("body \(body)") }
      body = ""
    }
  }
}

struct HTTPClientTranscriptTests {
  private static let transcripts = [
    Transcript(
      name: "a connection that is closed between two requests, and one that is closed under a request",
      text: """
        > GET /first
        < HTTP/1.1 200 OK
        < Content-Length: 2
        <
        . ok
        = head 200, body ok, end, open
        > GET /second
        x
        = fail closedUnanswered
        """),
    Transcript(
      name: "a server that closes in the middle of a head",
      text: """
        > GET /
        . HTTP/1.1 200 O
        x
        = fail closedWithinResponse
        """),
    Transcript(
      name: "a server that closes after an interim response",
      text: """
        > POST /
        < HTTP/1.1 100 Continue
        <
        x
        = interim 100, fail closedWithinResponse
        """),
    Transcript(
      name: "a server that closes in the middle of a body",
      text: """
        > GET /
        < HTTP/1.1 200 OK
        < Content-Length: 5
        <
        . hell
        x
        = head 200, body hell, fail closedWithinResponse
        """),
    Transcript(
      name: "chunks without the last one",
      text: """
        > GET /
        < HTTP/1.1 200 OK
        < Transfer-Encoding: chunked
        <
        < 4
        < half
        x
        = head 200, body half, fail closedWithinResponse
        """),
    Transcript(
      name: "a body that the connection's end ends",
      text: """
        > GET /
        < HTTP/1.0 200 OK
        <
        . all it
        x
        = head 200, body all it, end, closed
        """),
    Transcript(
      name: "a body beyond the limit, without a length",
      text: """
        > GET /
        < HTTP/1.0 200 OK
        <
        . 12345678 and more
        = head 200, body 12345678, fail body_too_large
        """),
    Transcript(
      name: "a body beyond the limit, with a length",
      text: """
        > GET /
        < HTTP/1.1 200 OK
        < Content-Length: 9
        <
        = fail body_too_large
        """),
    Transcript(
      name: "two responses to one request",
      text: """
        > GET /
        < HTTP/1.1 204 No Content
        <
        = head 204, end, open
        < HTTP/1.1 204 No Content
        = fail unrequestedBytes
        """),
    Transcript(
      name: "bytes before the first request",
      text: """
        . hello
        = fail unrequestedBytes
        """),
    Transcript(
      name: "a body where none may be: behind 204, 304 and the response to HEAD",
      text: """
        > GET /
        < HTTP/1.1 204 No Content
        <
        = head 204, end, open
        > GET /
        < HTTP/1.1 304 Not Modified
        < Content-Length: 4
        <
        = head 304, end, open
        > HEAD /
        < HTTP/1.1 200 OK
        < Content-Length: 4
        <
        = head 200, end, open
        . body
        = fail unrequestedBytes
        """),
    Transcript(
      name: "bytes behind the last response are nobody's",
      text: """
        > GET /
        < HTTP/1.1 200 OK
        < Connection: close
        < Content-Length: 0
        <
        = head 200, end, closed
        . more
        x
        = nothing
        """),
    Transcript(
      name: "a chunk whose size is no number",
      text: """
        > GET /
        < HTTP/1.1 200 OK
        < Transfer-Encoding: chunked
        <
        < five
        = head 200, fail invalid_chunk_size
        """),
    Transcript(
      name: "two lengths",
      text: """
        > GET /
        < HTTP/1.1 200 OK
        < Content-Length: 1
        < Transfer-Encoding: chunked
        <
        = fail content_length_with_transfer_encoding
        """),
    Transcript(
      name: "another protocol",
      text: """
        > GET /
        < HTTP/1.1 101 Switching Protocols
        <
        = fail unexpected_status
        """),
    Transcript(
      name: "no HTTP at all",
      text: """
        > GET /
        < SSH-2.0-OpenSSH_9.2
        <
        = fail malformed_status_line
        """),
    Transcript(
      name: "interim responses without an end",
      text: """
        > GET /
        < HTTP/1.1 102 Processing
        <
        < HTTP/1.1 102 Processing
        <
        = interim 102, interim 102
        < HTTP/1.1 102 Processing
        <
        = fail unexpected_status
        """),
  ]

  @Test(arguments: transcripts)
  func `a client and a server talk as the transcript says, in whatever pieces`(transcript: Transcript) throws {
    var limits = HTTPLimits()
    limits.bodyBytes = 8
    limits.interimResponses = 2
    for pieceBytes in [1, 2, 3, 7, 1000] {
      #expect(try transcript.replayed(pieceBytes: pieceBytes, limits: limits) == transcript.text)
    }
  }
}
