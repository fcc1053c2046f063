import Protocol

/// The first bytes of a connection, from a balancer and from any client.
enum ProxyTarget {
  static func run(_ input: [UInt8]) {
    for expectsHeader in [false, true] {
      var cuts = Cuts(of: input)
      let whole = steps(input, expectsHeader) { _ in input.count }
      let pieces = steps(input, expectsHeader) { cuts.end(after: $0, of: input.count) }
      precondition(whole == pieces, "the beginning of a connection depends on where the input was cut")
    }
  }

  private static func steps(
    _ input: [UInt8], _ expectsHeader: Bool, end: (Int) -> Int
  ) -> [ConnectionPreface.Step] {
    var preface = ConnectionPreface(expectsHeader: expectsHeader)
    var seen: [ConnectionPreface.Step] = []
    var given = 0
    while given < input.count {
      let next = end(given)
      let piece = Array(input[given..<next])
      var position = 0
      reading: while true {
        let step = preface.next(piece.span, &position)
        precondition(position <= piece.count)
        switch step {
        case .needInput:
          precondition(position == piece.count, "the preface left input")
          break reading
        case .proxied(let header):
          precondition(given + position <= ProxyHeader.maximumBytes, "a header exceeds its limit")
          if let source = header.source { precondition(source.octets.count == 4 || source.octets.count == 16) }
          seen.append(step)
        case .tls, .refused:
          seen.append(step)
          return seen
        }
      }
      given = next
    }
    return seen
  }
}
