import Protocol
import Testing

@Suite struct GzipStreamTests {
  @Test func `after every part all earlier bytes can be read, and all parts are one member`() throws {
    var stream = GzipStream()
    var inflater = GzipInflater()
    var read = ByteBuffer()
    var message: [UInt8] = []
    let pieces = [0, 1, 40_000, 0, 100_000, 3].map { count in
      (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
    }
    for (index, piece) in pieces.enumerated() {
      message += piece
      let part = index == pieces.count - 1 ? stream.finish(piece) : stream.append(piece)
      var left = part[...]
      while true {
        let progress = try inflater.inflate(Array(left).span, into: &read, atMost: 64 * 1024)
        left = left.dropFirst(progress.consumed)
        if progress.state != .outputFull { break }
      }
      #expect(read.withUnsafeBytes { Array($0) } == message)
    }
    try inflater.finish()
  }
}
