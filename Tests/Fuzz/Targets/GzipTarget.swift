import Protocol

/// gzip members from outside, and this program's own gzip read back.
enum GzipTarget {
  private static let limits = InflateLimits(inflatedBytes: 20_000, ratio: 50, ratioGraceBytes: 1000)

  private struct Outcome: Equatable {
    var bytes: [UInt8] = []
    var isWhole = false
  }

  static func run(_ input: [UInt8]) {
    var cuts = Cuts(of: input)
    let whole = inflate(input, step: 4096) { _ in input.count }
    let pieces = inflate(input, step: 7) { cuts.end(after: $0, of: input.count) }
    // A whole body and its pieces may report a defect at different places, but they must agree on whether the body is
    // valid.
    precondition(whole.isWhole == pieces.isWhole, "whether the input is gzip depends on where it was cut")
    precondition(!whole.isWhole || whole == pieces, "the inflated bytes depend on where the input was cut")

    // A deflater costs more than all other steps, so it runs only for input that is not gzip.
    if GzipInflater.looksLikeGzip(prefix: input.span) { return }
    let packed = GzipDeflater.gzip(input, level: 1)
    let back = inflate(packed, step: 100, limits: InflateLimits()) { _ in packed.count }
    precondition(back == Outcome(bytes: input, isWhole: true), "the program's own gzip does not read back")
  }

  private static func inflate(
    _ input: [UInt8], step: Int, limits: InflateLimits = limits, end: (Int) -> Int
  ) -> Outcome {
    var inflater = GzipInflater(limits: limits)
    var output = ByteBuffer()
    var outcome = Outcome()
    var given = 0
    do throws(InflateError) {
      while given < input.count {
        let next = end(given)
        var position = given
        while true {
          let before = output.count
          let progress = try inflater.inflate(input[position..<next].span, into: &output, atMost: step)
          precondition(progress.consumed >= 0 && progress.consumed <= next - position)
          precondition(output.count - before <= step && output.count <= limits.inflatedBytes)
          position += progress.consumed
          if progress.state != .outputFull { break }
        }
        precondition(position == next, "input was left")
        given = next
      }
      try inflater.finish()
      outcome.isWhole = true
    } catch {}
    precondition(output.count <= limits.inflatedBytes + 1)
    outcome.bytes = output.withUnsafeBytes { Array($0) }
    return outcome
  }
}
