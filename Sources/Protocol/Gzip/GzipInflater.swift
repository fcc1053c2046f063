// A gzip body (RFC 1952) inflated piece by piece, with the limits that make a compression bomb cheap. A body is a series of
// members, one behind the other (section 2.2), and what they hold is one message; a member may hold nothing. Zeros may follow
// the last one, as tape and `tar` leave them; anything else behind it is refused.
// Law: output is produced only when asked for, at most `atMost` bytes a call, so the memory of a body never depends on
// its size. The limits are of the body: of all members together.
//
// The engine is ISA-L: it takes a third of zlib's time (docs/PERFORMANCE.md). Header and trailer are read here.

/// What a body may grow to. The defaults are the server's.
public struct InflateLimits: Sendable, Equatable {
  /// Bytes a body may inflate to.
  public var inflatedBytes: Int
  /// Inflated bytes per wire byte, judged once more than `ratioGraceBytes` came out.
  public var ratio: Int
  /// Inflated bytes for which no ratio is judged: small repetitive bodies compress far beyond any honest limit.
  public var ratioGraceBytes: Int

  public init(inflatedBytes: Int = 256 << 20, ratio: Int = 200, ratioGraceBytes: Int = 64 << 10) {
    // The engine counts in 32 bits.
    precondition(inflatedBytes >= 0 && inflatedBytes < UInt32.max && ratio > 0 && ratioGraceBytes >= 0)
    self.inflatedBytes = inflatedBytes
    self.ratio = ratio
    self.ratioGraceBytes = ratioGraceBytes
  }
}

public enum InflateError: Error, Equatable, Sendable {
  /// The input ended inside a member.
  case truncated
  /// Not gzip, a damaged stream, or a CRC-32 or length that does not match. `offset` counts wire bytes read so far.
  case corrupt(offset: Int)
  /// What follows the last member is neither a member nor zeros.
  case trailingBytes
  /// More than `limit` bytes came out.
  case tooLarge(limit: Int)
  /// More came out of the bytes read so far than `InflateLimits.ratio` allows.
  case ratioExceeded
}

public struct InflateProgress: Equatable, Sendable {
  public enum State: Equatable, Sendable {
    /// All input is used up; a member goes on.
    case needsInput
    /// The asked-for output is full; call again, with the input that is left (which may be none).
    case outputFull
    /// A member ended, its checksum and length were right, and all input is used up. Another may follow.
    case finished
  }

  /// Input bytes used up by this call.
  public let consumed: Int
  public let state: State
}

/// An inflater for one body at a time. It holds `allocatedBytes` of state: pool it, and `reset` between bodies.
public struct GzipInflater: ~Copyable {
  private enum Phase {
    case header(GzipHeader)  // → deflate, failed
    case deflate  // → trailer, finished, failed
    case trailer  // → finished, failed
    case finished  // → header, if another member follows; padding; failed
    case padding  // → failed, if anything but a zero follows
    case failed(InflateError)  // final: every later call throws the same
  }

  /// Memory that an inflater holds from its birth on.
  public static let allocatedBytes = DeflateStream.allocatedBytes
  private static let trailerBytes = 8

  private var stream = DeflateStream()
  private var limits: InflateLimits
  private var phase = Phase.header(GzipHeader())
  /// Of the bytes put out.
  private var crc = CRC32()
  /// The last bytes that the stream was given, the latest in the highest lane: it reads ahead, beyond its own end.
  private var latest: UInt64 = 0
  /// The checksum and the length that the member tells, as far as they came, low byte first.
  private var trailer: UInt64 = 0
  private var trailerCount = 0
  /// `inflatedBytes` when the member began.
  private var earlierBytes = 0
  /// Members that have ended.
  private var memberCount = 0
  /// Wire bytes used up since the last reset.
  public private(set) var consumedBytes = 0
  /// Bytes put out since the last reset.
  public private(set) var inflatedBytes = 0

  public init(limits: InflateLimits = InflateLimits()) { self.limits = limits }

  /// Whether a body labelled gzip is gzip. Some collectors put the label on plain JSON: look before inflating.
  /// - Parameter prefix: the first bytes of the body; two are enough.
  public static func looksLikeGzip(prefix: Span<UInt8>) -> Bool {
    prefix.count >= 2 && prefix[0] == 0x1F && prefix[1] == 0x8B
  }

  /// Forgets the body and keeps the memory.
  public mutating func reset() {
    consumedBytes = 0
    inflatedBytes = 0
    memberCount = 0
    beginMember()
  }

  private mutating func beginMember() {
    stream.reset()
    phase = .header(GzipHeader())
    crc = CRC32()
    latest = 0
    trailer = 0
    trailerCount = 0
    earlierBytes = inflatedBytes
  }

  /// The same, for a body with limits of its own.
  public mutating func reset(limits: InflateLimits) {
    self.limits = limits
    reset()
  }

  /// Inflates from `input` and appends to `output`.
  /// - Parameters:
  ///   - input: less than 4 GiB.
  ///   - outputBytes: the most to append, at least 1.
  /// - Throws: an `InflateError`; what was appended before is not to be trusted, and the inflater needs a `reset`.
  public mutating func inflate(
    _ input: Span<UInt8>, into output: inout ByteBuffer, atMost outputBytes: Int
  ) throws(InflateError) -> InflateProgress {
    precondition(outputBytes > 0 && input.count <= Int(UInt32.max))
    let before = consumedBytes
    let end = output.count + outputBytes
    var index = 0
    while true {
      switch phase {
      case .header(var header):
        let start = index
        let isGzip = header.read(input, &index)
        consumedBytes += index - start
        // Behind a member that is sound, what is no header is no member.
        guard isGzip else { throw fail(header.hasMagic ? .corrupt(offset: consumedBytes) : strayBytes) }
        phase = header.isDone ? .deflate : .header(header)
        if !header.isDone { return InflateProgress(consumed: index, state: .needsInput) }
      case .deflate:
        // An earlier member may have filled the output.
        if output.count == end { return try told(index, .outputFull) }
        if let state = try run(input.extracting(index...), into: &output, atMost: end - output.count) {
          return try told(consumedBytes - before, state)
        }
        index = consumedBytes - before
      case .trailer:
        while trailerCount < Self.trailerBytes {
          if index == input.count { return try told(index, .needsInput) }
          index += 1
          consumedBytes += 1
          try takeTrailer(input[index - 1])
        }
        phase = .finished
      case .finished:
        if index == input.count { return try told(index, .finished) }
        memberCount += 1
        switch input[index] {
        case 0: phase = .padding
        case GzipHeader.firstByte: beginMember()
        default: throw fail(.trailingBytes)
        }
      case .padding:
        let start = index
        while index < input.count, input[index] == 0 { index += 1 }
        consumedBytes += index - start
        if index < input.count { throw fail(.trailingBytes) }
        return try told(index, .finished)
      case .failed(let error): throw error
      }
    }
  }

  /// To be called when no more input will come.
  /// - Throws: `.truncated` unless the last member was complete.
  public mutating func finish() throws(InflateError) {
    switch phase {
    case .finished, .padding: return
    case .header, .deflate, .trailer: throw fail(.truncated)
    case .failed(let error): throw error
    }
  }

  private var strayBytes: InflateError { memberCount > 0 ? .trailingBytes : .corrupt(offset: consumedBytes) }

  private mutating func fail(_ error: InflateError) -> InflateError {
    phase = .failed(error)
    return error
  }

  /// Judges the ratio over all that was taken in, the trailer included, before the caller hears of the output.
  private mutating func told(
    _ consumed: Int, _ state: InflateProgress.State
  ) throws(InflateError) -> InflateProgress {
    // inflated > consumed * ratio, without the product, which may overflow.
    if inflatedBytes > limits.ratioGraceBytes, (inflatedBytes - 1) / limits.ratio >= consumedBytes {
      throw fail(.ratioExceeded)
    }
    return InflateProgress(consumed: consumed, state: state)
  }

  /// One step of the stream. - Returns: what to tell the caller; nil when the stream has ended.
  private mutating func run(
    _ input: Span<UInt8>, into output: inout ByteBuffer, atMost outputBytes: Int
  ) throws(InflateError) -> InflateProgress.State? {
    // One byte past the limit may come out: without it, a body of exactly the limit could not be told from a larger one.
    let room = min(outputBytes - 1, limits.inflatedBytes - inflatedBytes, Int(UInt32.max) - 1) + 1
    let start = output.count
    let step = stream.inflate(input, into: &output, room: room)
    crc.update(output.span.extracting(start...))
    inflatedBytes += step.produced
    // Bytes that follow the stream and came with an earlier piece were counted then; they begin the trailer.
    let readAhead: Int
    if step.state == .ended {
      readAhead = max(0, step.unused - input.count)
      consumedBytes += input.count - (step.unused - readAhead)
    } else {
      readAhead = 0
      // Of what is not deflate the library may say that more is left than there was.
      let taken = max(0, input.count - step.left)
      consumedBytes += taken
      remember(input.extracting(..<taken))
    }

    if step.state == .corrupt { throw fail(.corrupt(offset: consumedBytes)) }
    if inflatedBytes > limits.inflatedBytes { throw fail(.tooLarge(limit: limits.inflatedBytes)) }
    if step.state == .ended {
      phase = .trailer
      for lane in DeflateStream.mostReadAhead - readAhead..<DeflateStream.mostReadAhead {
        try takeTrailer(UInt8(truncatingIfNeeded: latest >> UInt64(8 * lane)))
      }
      return nil
    }
    return step.produced == room ? .outputFull : .needsInput
  }

  private mutating func remember(_ bytes: Span<UInt8>) {
    for index in max(0, bytes.count - DeflateStream.mostReadAhead)..<bytes.count {
      latest = latest >> 8 | UInt64(bytes[index]) << 56
    }
  }

  /// One more byte of the trailer: the checksum is judged after its last one, the length likewise.
  private mutating func takeTrailer(_ byte: UInt8) throws(InflateError) {
    trailer |= UInt64(byte) << UInt64(8 * trailerCount)
    trailerCount += 1
    let isRight =
      switch trailerCount {
      case 4: UInt32(truncatingIfNeeded: trailer) == crc.value
      case 8: UInt32(truncatingIfNeeded: trailer >> 32) == UInt32(truncatingIfNeeded: inflatedBytes - earlierBytes)
      default: true
      }
    if !isRight { throw fail(.corrupt(offset: consumedBytes)) }
  }
}
