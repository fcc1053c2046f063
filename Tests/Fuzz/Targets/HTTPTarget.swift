import Protocol

/// The input as requests to the server's machine.
enum HTTPTarget {
  private enum Seen: Equatable {
    case head(HTTPRequestHead)
    case body([UInt8])
    case end
    case reject(HTTPError)
  }

  /// The limits are small, so that an input of a kilobyte reaches them.
  static let limits = {
    var limits = HTTPLimits()
    limits.headBytes = 600
    limits.targetBytes = 100
    limits.fieldCount = 12
    limits.bodyBytes = 300
    limits.chunkExtensionBytes = 24
    limits.chunkOverheadBytes = 64
    limits.trailerBytes = 60
    return limits
  }()

  static func run(_ input: [UInt8]) {
    var cuts = Cuts(of: input)
    let whole = requests(input) { _ in input.count }
    let pieces = requests(input) { cuts.end(after: $0, of: input.count) }
    precondition(whole == pieces, "the requests depend on where the input was cut")
    let bodyBytes = whole.reduce(0) { sum, seen in
      if case .body(let bytes) = seen { sum + bytes.count } else { sum }
    }
    precondition(bodyBytes <= input.count)
  }

  private static func requests(_ input: [UInt8], end: (Int) -> Int) -> [Seen] {
    var machine = HTTPServerMachine(limits: limits)
    var seen: [Seen] = []
    var given = 0
    var held: [UInt8] = []
    while given < input.count {
      let next = end(given)
      held += input[given..<next]
      given = next
      var position = 0
      reading: while true {
        switch machine.next(held.span, &position) {
        case .needInput: break reading
        case .head(let head): seen.append(.head(head))
        case .body(let range):
          precondition(!range.isEmpty && range.upperBound == position)
          if case .body(let earlier) = seen.last {
            seen[seen.count - 1] = .body(earlier + held[range])
          } else {
            seen.append(.body(Array(held[range])))
          }
        case .end:
          seen.append(.end)
          _ = machine.responseFinished()
        case .reject(let error):
          precondition(machine.isClosed && machine.allocatedBytes == 0)
          seen.append(.reject(error))
        }
      }
      held.removeFirst(position)
      precondition(machine.isClosed || held.isEmpty, "the machine left input in the middle of a request")
      precondition(machine.allocatedBytes <= 4 * limits.headBytes)
    }
    return seen
  }
}
