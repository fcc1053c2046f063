import Protocol
import Testing

/// Inflates `pieces` and returns the output. It calls `finish` after the last piece.
private func inflate(
  _ pieces: [ArraySlice<UInt8>], atMost chunk: Int, limits: InflateLimits = InflateLimits()
) throws(InflateError) -> [UInt8] {
  var inflater = GzipInflater(limits: limits)
  return try inflate(pieces, atMost: chunk, with: &inflater)
}

private func inflate(
  _ pieces: [ArraySlice<UInt8>], atMost chunk: Int, with inflater: inout GzipInflater
) throws(InflateError) -> [UInt8] {
  var window = ByteBuffer()
  var output: [UInt8] = []
  for piece in pieces {
    var left = piece
    while true {
      let progress = try inflater.inflate(Array(left).span, into: &window, atMost: chunk)
      #expect(window.count <= chunk)
      output += window.withUnsafeBytes { Array($0) }
      window.removeAll()
      left = left.dropFirst(progress.consumed)
      if progress.state == .outputFull { continue }
      #expect(left.isEmpty)
      break
    }
  }
  try inflater.finish()
  return output
}

private func looksLikeGzip(_ prefix: [UInt8]) -> Bool { GzipInflater.looksLikeGzip(prefix: prefix.span) }

private func mixedText(_ count: Int, seed: UInt64 = 7) -> [UInt8] {
  var generator = SeededGenerator(seed: seed)
  var bytes: [UInt8] = []
  while bytes.count < count {
    bytes += Array(#"{"time":\#(UInt16.random(in: 0...999, using: &generator)),"table":"orders"},"#.utf8)
  }
  return Array(bytes.prefix(count))
}

@Suite struct GzipInflaterTests {
  @Test(arguments: [1, 7, 64, 1000, 4096])
  func `every split of the input and every output size give the same bytes`(chunk: Int) throws {
    let message = mixedText(1000)
    for pieces in splits(of: GzipDeflater.gzip(message)) {
      #expect(try inflate(pieces, atMost: chunk) == message)
    }
  }

  @Test(arguments: 0...9)
  func `members of every compression level are read`(level: Int) throws {
    let message = mixedText(100_000)
    let member = GzipDeflater.gzip(message, level: level)
    #expect(looksLikeGzip(member))
    #expect(try inflate([member[...]], atMost: 16_384) == message)
  }

  @Test func `an empty message is inflated`() throws {
    #expect(try inflate([GzipDeflater.gzip([])[...]], atMost: 1) == [])
  }

  @Test func `a member that is cut at any byte is reported as truncated`() {
    let member = GzipDeflater.gzip(mixedText(500))
    for end in member.indices {
      #expect(throws: InflateError.truncated) { try inflate([member[..<end]], atMost: 100) }
    }
  }

  @Test func `a member with a damaged byte never returns other bytes than the message`() {
    let message = mixedText(300)
    let member = GzipDeflater.gzip(message)
    for index in member.indices {
      for bit in [UInt8(0x01), 0x20, 0x80] {
        var damaged = member
        damaged[index] ^= bit
        // FTEXT, MTIME, XFL and OS (bytes 3...9) do not affect the message, and neither do the bits that pad the last
        // deflate block to a byte. A magic number or a checksum covers each other bit.
        if let output = Result(catching: { try inflate([damaged[...]], atMost: 64) }).value {
          #expect(output == message)
          #expect((3...9).contains(index) || index == member.count - 9, "byte \(index)")
        }
      }
    }
  }

  @Test func `an error names the offset at which a stream is damaged`() {
    var member = GzipDeflater.gzip(mixedText(300))
    member[member.count - 8] ^= 1
    #expect(throws: InflateError.corrupt(offset: member.count - 4)) { try inflate([member[...]], atMost: 4096) }
  }

  @Test func `plain JSON with the label gzip is refused, and recognised beforehand`() {
    let plain = Array(#"{"collector_id":"x"}"#.utf8)
    #expect(!looksLikeGzip(plain))
    #expect(!looksLikeGzip([0x1F]))
    #expect(throws: InflateError.corrupt(offset: 2)) { try inflate([plain[...]], atMost: 64) }
  }

  /// A header with extra field, name, comment and checksum (RFC 1952 §2.3).
  private static let fullHeader: [UInt8] =
    [0x1F, 0x8B, 8, 0x1E, 0, 0, 0, 0, 0, 255, 2, 0, 9, 9] + Array("a\0b\0".utf8) + [0x76, 0x51]

  @Test(arguments: [1, 64])
  func `a header with name, comment, extra field and header checksum is read, for every split`(chunk: Int) throws {
    let message = mixedText(50)
    let member = Self.fullHeader + GzipDeflater.gzip(message).dropFirst(10)
    for pieces in splits(of: member) { #expect(try inflate(pieces, atMost: chunk) == message) }
  }

  @Test func `a header with a wrong checksum or unknown flags is refused`() {
    let rest = GzipDeflater.gzip(mixedText(50)).dropFirst(10)
    for index in 4..<Self.fullHeader.count {
      var header = Self.fullHeader
      header[index] ^= 1
      #expect(throws: InflateError.self, "byte \(index)") { try inflate([(header + rest)[...]], atMost: 64) }
    }
    for flag: UInt8 in [0x20, 0x40, 0x80] {
      let header: [UInt8] = [0x1F, 0x8B, 8, flag, 0, 0, 0, 0, 0, 255]
      #expect(throws: InflateError.corrupt(offset: 4)) { try inflate([(header + rest)[...]], atMost: 64) }
    }
  }

  @Test func `a length that differs from the message's is refused, for every split`() {
    var member = GzipDeflater.gzip(mixedText(300))
    member[member.count - 1] ^= 0x80
    for pieces in splits(of: member) {
      #expect(throws: InflateError.corrupt(offset: member.count)) { try inflate(pieces, atMost: 4096) }
    }
  }

  @Test(arguments: SeededGenerator.fuzzSeeds("GzipInflater, long messages"))
  func `messages of several windows are read, however they are cut and whatever their blocks are`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for level in 0...9 {
      var message = mixedText(150_000, seed: seed)
      // One part does not compress, and one repeats from as far back as deflate can refer.
      message += (0..<40_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
      message += message[120_000..<150_000]
      let member = GzipDeflater.gzip(message, level: level)
      let longest = Int.random(in: 1...20_000, using: &generator)
      let chunk = Int.random(in: 1...90_000, using: &generator)
      let pieces = randomSplit(of: member, longest: longest, using: &generator)
      #expect(try inflate(pieces, atMost: chunk) == message, "level \(level), \(longest) in, \(chunk) out")
    }
  }

  @Test(arguments: [1, 64, 4096])
  func `members in a row are one body, for every split`(chunk: Int) throws {
    let (first, second) = (mixedText(100), mixedText(70, seed: 9))
    let (a, b, empty) = (GzipDeflater.gzip(first), GzipDeflater.gzip(second), GzipDeflater.gzip([]))
    let tiny: [[UInt8]] = (0..<40).map { [UInt8](repeating: UInt8($0), count: $0 % 3) }
    let tinyBody: [UInt8] = tiny.flatMap { GzipDeflater.gzip($0) }
    let named: [UInt8] = Self.fullHeader + Array(a.dropFirst(10))
    let many: [UInt8] = empty + empty + b + empty + a
    let both: [UInt8] = first + second
    let cases: [([UInt8], [UInt8])] = [
      (a + b, both), (empty + a, first), (a + empty, first), (many, second + first), (tinyBody, Array(tiny.joined())),
      (named + b, both), (a + [0], first), (a + b + [UInt8](repeating: 0, count: 600), both),
    ]
    for (body, message) in cases {
      for split in splits(of: body) { #expect(try inflate(split, atMost: chunk) == message) }
    }
  }

  @Test func `bytes behind a member that are neither a member nor padding are refused, for every split`() {
    let member = GzipDeflater.gzip(mixedText(100))
    for tail in [[1], [0, 1], [0, 0x1F, 0x8B], [0x1F, 0x8C, 0, 0]] as [[UInt8]] {
      for pieces in splits(of: member + tail) {
        #expect(throws: InflateError.trailingBytes) { try inflate(pieces, atMost: 64) }
      }
    }
    for end in 1..<member.count {
      #expect(throws: InflateError.truncated) { try inflate([(member + member[..<end])[...]], atMost: 64) }
    }
    var damaged = member + member
    damaged[damaged.count - 1] ^= 1
    #expect(throws: InflateError.corrupt(offset: damaged.count)) { try inflate([damaged[...]], atMost: 64) }
  }

  @Test func `limits count all members together`() throws {
    let part = mixedText(500)
    let body = GzipDeflater.gzip(part) + GzipDeflater.gzip(part)
    #expect(try inflate([body[...]], atMost: 64, limits: InflateLimits(inflatedBytes: 1000)) == part + part)
    #expect(throws: InflateError.tooLarge(limit: 999)) {
      try inflate([body[...]], atMost: 64, limits: InflateLimits(inflatedBytes: 999))
    }
    let zeros = GzipDeflater.gzip([UInt8](repeating: 0, count: 20_000), level: 9)
    #expect(throws: InflateError.ratioExceeded) {
      try inflate(
        [(zeros + zeros + zeros)[...]], atMost: 4096, limits: InflateLimits(ratio: 200, ratioGraceBytes: 40_000))
    }
  }

  @Test func `exactly the limit comes out, and not one byte more`() throws {
    let message = mixedText(1000)
    let member = GzipDeflater.gzip(message)
    for chunk in [1, 333, 1000, 4096] {
      #expect(try inflate([member[...]], atMost: chunk, limits: InflateLimits(inflatedBytes: 1000)) == message)
      #expect(throws: InflateError.tooLarge(limit: 999)) {
        try inflate([member[...]], atMost: chunk, limits: InflateLimits(inflatedBytes: 999))
      }
    }
  }

  @Test func `exactly the ratio is allowed, and nothing more`() throws {
    // The message's size is a multiple of its compressed size, so the ratio is a whole number.
    let sizes = (1000...20_000).lazy
    let size = try #require(sizes.first { $0 % GzipDeflater.gzip([UInt8](repeating: 0, count: $0)).count == 0 })
    let member = GzipDeflater.gzip([UInt8](repeating: 0, count: size))
    let ratio = size / member.count
    let exact = InflateLimits(ratio: ratio, ratioGraceBytes: 0)
    let less = InflateLimits(ratio: ratio - 1, ratioGraceBytes: 0)
    #expect(try inflate([member[...]], atMost: size + 1, limits: exact).count == size)
    #expect(throws: InflateError.ratioExceeded) { try inflate([member[...]], atMost: size + 1, limits: less) }
  }

  @Test func `the ratio is not checked within the grace`() throws {
    let member = GzipDeflater.gzip([UInt8](repeating: 0, count: 5000))
    let graced = InflateLimits(ratio: 2, ratioGraceBytes: 5000)
    let judged = InflateLimits(ratio: 2, ratioGraceBytes: 4999)
    #expect(try inflate([member[...]], atMost: 512, limits: graced).count == 5000)
    #expect(throws: InflateError.ratioExceeded) { try inflate([member[...]], atMost: 512, limits: judged) }
  }

  @Test func `a compression bomb is stopped within one output window past the grace`() throws {
    let bomb = GzipDeflater.gzip([UInt8](repeating: 0, count: 50 << 20), level: 9)
    var inflater = GzipInflater()
    #expect(throws: InflateError.ratioExceeded) { try inflate([bomb[...]], atMost: 32_768, with: &inflater) }
    #expect(inflater.inflatedBytes <= (64 << 10) + 32_768)
  }

  @Test func `an inflater throws the same error again until it is reset, and then works`() throws {
    let message = mixedText(2000)
    let member = GzipDeflater.gzip(message)
    var inflater = GzipInflater()
    for _ in 0..<2 {
      #expect(throws: InflateError.truncated) { try inflate([member[..<50]], atMost: 64, with: &inflater) }
      #expect(throws: InflateError.truncated) { try inflate([member[...]], atMost: 64, with: &inflater) }
      inflater.reset()
      #expect(try inflate([member[...]], atMost: 64, with: &inflater) == message)
      #expect(inflater.consumedBytes == member.count && inflater.inflatedBytes == message.count)
      inflater.reset()
    }
    inflater.reset(limits: InflateLimits(inflatedBytes: 10))
    #expect(throws: InflateError.tooLarge(limit: 10)) { try inflate([member[...]], atMost: 64, with: &inflater) }
  }

  @Test(arguments: SeededGenerator.fuzzSeeds("GzipInflater"))
  func `an inflater survives mutated members, whatever the pieces`(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let message = mixedText(2000)
    let member = GzipDeflater.gzip(message)
    for _ in 0..<300 {
      var mutated = member
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        mutated[Int.random(in: mutated.indices, using: &generator)] = .random(in: 0...255, using: &generator)
      }
      let pieces = randomSplit(of: mutated, longest: 200, using: &generator)
      let output = Result { try inflate(pieces, atMost: Int.random(in: 1...600, using: &generator)) }.value
      #expect(output == nil || output == message)
    }
  }
}

extension Result {
  fileprivate var value: Success? {
    if case .success(let value) = self { value } else { nil }
  }
}
