import Protocol

/// Responses to the client's machine. The first byte of the input chooses the requests and the end: 1 is HEAD instead of GET,
/// 2 is a server that closes the connection behind its last byte.
enum HTTPClientTarget {
  private enum Seen: Equatable {
    case interim(HTTPResponseHead)
    case head(HTTPResponseHead)
    case body([UInt8])
    case end
    case fail(HTTPClientError)
  }

  static func run(_ input: [UInt8]) {
    guard let choice = input.first else { return }
    let bytes = Array(input.dropFirst())
    let (toHEAD, closes) = (choice & 1 != 0, choice & 2 != 0)
    var cuts = Cuts(of: bytes)
    let whole = responses(bytes, toHEAD, closes) { _ in bytes.count }
    let pieces = responses(bytes, toHEAD, closes) { cuts.end(after: $0, of: bytes.count) }
    precondition(whole == pieces, "the responses depend on where they were cut")
    check(whole, bytes.count, toHEAD)
    collect(bytes, closes) { _ in bytes.count }
    collect(bytes, closes) { cuts.end(after: $0, of: bytes.count) }
  }

  private static func check(_ seen: [Seen], _ inputBytes: Int, _ toHEAD: Bool) {
    var bodyBytes = 0
    var interims = 0
    for (number, event) in seen.enumerated() {
      switch event {
      case .interim:
        interims += 1
        precondition(interims <= HTTPTarget.limits.interimResponses, "more interim responses than the limit")
      case .head(let head):
        precondition(!toHEAD || head.framing == .none, "a response to HEAD has no body")
      case .body(let bytes):
        precondition(bytes.count <= HTTPTarget.limits.bodyBytes, "a body passes its limit")
        bodyBytes += bytes.count
      case .end: interims = 0
      case .fail: precondition(number == seen.count - 1, "a failure is the last event")
      }
    }
    precondition(bodyBytes <= inputBytes)
  }

  private static func responses(_ input: [UInt8], _ toHEAD: Bool, _ closes: Bool, end: (Int) -> Int) -> [Seen] {
    var machine = HTTPClientMachine(limits: HTTPTarget.limits)
    machine.expectResponse(toHEAD: toHEAD)
    var seen: [Seen] = []
    var given = 0
    while given < input.count {
      let next = end(given)
      let piece = input[given..<next]
      given = next
      read(Array(piece), &machine, toHEAD, &seen)
      precondition(machine.allocatedBytes <= 4 * HTTPTarget.limits.headBytes)
    }
    if closes {
      switch machine.inputEnded() {
      case .end: seen.append(.end)
      case .fail(let error): seen.append(.fail(error))
      case .needInput: break
      case .interim, .head, .body: preconditionFailure("the end of the input has no bytes")
      }
      precondition(machine.isClosed)
    }
    return seen
  }

  private static func read(
    _ piece: [UInt8], _ machine: inout HTTPClientMachine, _ toHEAD: Bool, _ seen: inout [Seen]
  ) {
    var position = 0
    while true {
      switch machine.next(piece.span, &position) {
      case .needInput:
        precondition(machine.isClosed || position == piece.count, "input was left over in the middle of a response")
        return
      case .interim(let head): seen.append(.interim(head))
      case .head(let head): seen.append(.head(head))
      case .body(let range):
        precondition(!range.isEmpty && range.upperBound <= position)
        if case .body(let earlier) = seen.last {
          seen[seen.count - 1] = .body(earlier + piece[range])
        } else {
          seen.append(.body(Array(piece[range])))
        }
      case .end:
        seen.append(.end)
        if machine.isIdle { machine.expectResponse(toHEAD: toHEAD) }
      case .fail(let error):
        precondition(machine.isClosed && machine.allocatedBytes == 0)
        seen.append(.fail(error))
      }
    }
  }

  /// One response as a client without interest in its parts reads it.
  private static func collect(_ input: [UInt8], _ closes: Bool, end: (Int) -> Int) {
    var reader = HTTPAnswerReader(limits: HTTPTarget.limits)
    var request = ByteBuffer()
    do {
      reader.send(try HTTPRequestTemplate(.get, target: "/", authority: "a"), bodyBytes: 0, to: &request)
    } catch {
      preconditionFailure("\(error)")
    }
    var given = 0
    while given < input.count {
      let next = end(given)
      var piece = ByteBuffer()
      piece.append(Array(input[given..<next]))
      given = next
      switch reader.read(piece) {
      case .needInput: continue
      case .answer(let answer):
        precondition(answer.body.count <= HTTPTarget.limits.bodyBytes)
        return
      case .failed: return
      }
    }
    if closes { precondition(reader.inputEnded() != nil, "a response was expected") }
  }
}
