import FuzzTargets
import Protocol
import Testing

/// Faults of careless and hostile clients: pieces of the protocol in wrong places.
enum Mutation {
  private static let fragments: [[UInt8]] = [
    "\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", ";", "0", "0x", "-", "+", "ffffffffffffffff", "%2e", "%",
    "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "chunked", "close", "Host: x\r\n", "GET / HTTP/1.1\r\n",
    "HTTP/1.0", "0\r\n\r\n", "1\r\nx\r\n", "Expect: 100-continue\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
  ].map { Array($0.utf8) }

  static func mutate(_ message: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
    var message = message
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let at = Int.random(in: 0...message.count, using: &generator)
      let end = min(message.count, at + Int.random(in: 1...12, using: &generator))
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: if at < message.count { message[at] = UInt8.random(in: .min ... .max, using: &generator) }
      case 1: message.insert(contentsOf: fragments.randomElement(using: &generator) ?? [], at: at)
      case 2: message.removeSubrange(at..<end)
      case 3: message.insert(contentsOf: message[at..<end], at: at)
      case 4: message.replaceSubrange(at..<end, with: fragments.randomElement(using: &generator) ?? [])
      default: message.removeLast(message.count - at)
      }
    }
    return message
  }
}

struct HTTPFuzzTests {
  @Test(arguments: SeededGenerator.fuzzSeeds("HTTPServerMachine"))
  func `the machine survives mutated requests, with the same result in any pieces`(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var limits = HTTPLimits()
    // The limits are small, so that mutations reach them.
    limits.headBytes = 400
    limits.targetBytes = 60
    limits.fieldCount = 8
    limits.bodyBytes = 40
    limits.chunkExtensionBytes = 24
    limits.chunkOverheadBytes = 48
    limits.trailerBytes = 40
    let corpus = (RequestCorpus.all.map { Array($0.utf8) }) + SmugglingTable.rows.map(\.message)
    var accepted = 0
    for _ in 0..<4000 {
      let message = Mutation.mutate(corpus.randomElement(using: &generator) ?? [], using: &generator)
      var whole = ServerConversation(limits: limits)
      whole.receive(message)
      let bodyBytes = whole.seen.reduce(0) { if case .body(let bytes) = $1 { $0 + bytes.count } else { $0 } }
      #expect(bodyBytes <= message.count, "seed \(seed): \(message)")
      // Each step except the last takes a byte or ends a request.
      #expect(whole.steps <= 2 * message.count + 1, "seed \(seed): \(message)")
      #expect(whole.machine.headBytesExamined <= message.count, "seed \(seed): \(message)")
      if !whole.machine.isClosed { #expect(whole.leftover.isEmpty, "seed \(seed): \(message)") }
      let pieces = randomSplit(of: message, longest: 20, using: &generator)
      #expect(ServerConversation.seen(pieces, limits: limits) == whole.seen, "seed \(seed): \(message)")
      if whole.seen.contains(.end) { accepted += 1 }
    }
    // If all messages were refused at their first line, the test would test nothing but the first line.
    #expect(accepted > 100)
  }
}
