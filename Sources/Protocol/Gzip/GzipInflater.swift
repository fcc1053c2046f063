// Inflates a gzip body (RFC 1952) piece by piece, with limits that make a compression bomb harmless.
// A body is a series of members, one after the other (section 2.2). Together they hold one message; a member may be
// empty. Zeros may follow the last member, because tapes and `tar` leave them. Anything else after it is refused.
// A call produces at most `atMost` bytes, so the memory for a body never depends on its size. The limits apply to the
// body, that is, to all members together.
//
// ISA-L inflates the data, because it takes a third of zlib's time (docs/PERFORMANCE.md). This file reads the header
// and the trailer of each member.

/// The limits for one body. The defaults are the server's.
public struct InflateLimits: Sendable, Equatable {
  /// The most bytes to which a body may inflate.
  public var inflatedBytes: Int
  /// The most inflated bytes per wire byte. The check begins when a body inflates to more than `ratioGraceBytes`.
  public var ratio: Int
  /// A body that inflates to at most this many bytes may have any ratio. Small repetitive bodies compress far more than
  /// any useful limit allows.
  public var ratioGraceBytes: Int

  /// Makes limits. `inflatedBytes` must be below 4 GiB, the ratio above 0.
  public init(inflatedBytes: Int = 256 << 20, ratio: Int = 200, ratioGraceBytes: Int = 64 << 10) {
    // The engine counts in 32 bits.
    precondition(inflatedBytes >= 0 && inflatedBytes < UInt32.max && ratio > 0 && ratioGraceBytes >= 0)
    self.inflatedBytes = inflatedBytes
    self.ratio = ratio
    self.ratioGraceBytes = ratioGraceBytes
  }
}

/// The reason that a body is refused.
public enum InflateError: Error, Equatable, Sendable {
  /// The input ended inside a member.
  case truncated
  /// The body is not gzip, the stream is damaged, or a CRC-32 or length does not match. `offset` is the number of wire
  /// bytes read so far.
  case corrupt(offset: Int)
  /// The bytes after the last member are neither a member nor zeros.
  case trailingBytes
  /// The body inflates to more than `limit` bytes.
  case tooLarge(limit: Int)
  /// The bytes read so far inflate to more than `InflateLimits.ratio` allows.
  case ratioExceeded
}

/// What one call of `inflate` achieved.
public struct InflateProgress: Equatable, Sendable {
  /// How a call of `inflate` ended.
  public enum State: Equatable, Sendable {
    /// All input is used up, inside a member.
    case needsInput
    /// The output has the requested size. Call again with the rest of the input, which may be empty.
    case outputFull
    /// A member has ended with the right checksum and length, and all input is used up. Another member may follow.
    case finished
  }

  /// Input bytes that this call used up.
  public let consumed: Int
  /// How the call ended.
  public let state: State
}

/// An inflater for one body at a time. It holds `allocatedBytes` of state, so keep inflaters in a pool and call `reset`
/// between bodies.
public struct GzipInflater: ~Copyable {
  private enum Phase {
    case header(GzipHeader)  // → deflate, failed
    case deflate  // → trailer, finished, failed
    case trailer  // → finished, failed
    case finished  // → header, if another member follows; padding; failed
    case padding  // → failed, if anything but a zero follows
    case failed(InflateError)  // final: each later call throws the same error
  }

  /// Bytes of memory that an inflater holds from its creation on.
  public static let allocatedBytes = DeflateStream.allocatedBytes
  private static let trailerBytes = 8

  private var stream = DeflateStream()
  private var limits: InflateLimits
  private var phase = Phase.header(GzipHeader())
  /// The CRC-32 of the member's output so far.
  private var crc = CRC32()
  /// The last bytes that the stream was given; the latest is in the highest lane. The stream reads beyond its own end,
  /// so the trailer may begin with these bytes.
  private var latest: UInt64 = 0
  /// The member's checksum and length, as far as they have arrived; the low byte comes first.
  private var trailer: UInt64 = 0
  private var trailerCount = 0
  /// `inflatedBytes` at the beginning of the member.
  private var earlierBytes = 0
  /// The number of members that have ended.
  private var memberCount = 0
  /// Wire bytes used up since the last reset.
  public private(set) var consumedBytes = 0
  /// Bytes of output since the last reset.
  public private(set) var inflatedBytes = 0

  /// Makes an inflater that is ready for a body.
  public init(limits: InflateLimits = InflateLimits()) { self.limits = limits }

  /// Whether a body labelled gzip really is gzip. Some collectors send plain JSON with this label, so the caller checks
  /// before it inflates.
  /// - Parameter prefix: the first bytes of the body. Two are enough.
  public static func looksLikeGzip(prefix: Span<UInt8>) -> Bool {
    prefix.count >= 2 && prefix[0] == 0x1F && prefix[1] == 0x8B
  }

  /// Begins a new body in the same memory.
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

  /// Begins a new body with other limits.
  public mutating func reset(limits: InflateLimits) {
    self.limits = limits
    reset()
  }

  /// Inflates from `input` and appends to `output`.
  /// - Parameters:
  ///   - input: less than 4 GiB.
  ///   - outputBytes: the most bytes to append, at least 1.
  /// - Throws: an `InflateError`. The caller must not use what was appended before, and the inflater needs a `reset`.
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
        // `strayBytes` depends on whether a complete member came before the wrong bytes.
        guard isGzip else { throw fail(header.hasMagic ? .corrupt(offset: consumedBytes) : strayBytes) }
        phase = header.isDone ? .deflate : .header(header)
        if !header.isDone { return InflateProgress(consumed: index, state: .needsInput) }
      case .deflate:
        // The member before this one may have filled the output.
        if output.count == end { return try progress(index, .outputFull) }
        if let state = try run(input.extracting(index...), into: &output, atMost: end - output.count) {
          return try progress(consumedBytes - before, state)
        }
        index = consumedBytes - before
      case .trailer:
        while trailerCount < Self.trailerBytes {
          if index == input.count { return try progress(index, .needsInput) }
          index += 1
          consumedBytes += 1
          try takeTrailer(input[index - 1])
        }
        phase = .finished
      case .finished:
        if index == input.count { return try progress(index, .finished) }
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
        return try progress(index, .finished)
      case .failed(let error): throw error
      }
    }
  }

  /// Checks that the body is complete. Call it when no more input comes.
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

  /// Makes the result of a call, and checks the ratio. The check counts all wire bytes of the body that are used up,
  /// including headers and trailers.
  private mutating func progress(
    _ consumed: Int, _ state: InflateProgress.State
  ) throws(InflateError) -> InflateProgress {
    // inflated > consumed * ratio, without the product, which may overflow.
    if inflatedBytes > limits.ratioGraceBytes, (inflatedBytes - 1) / limits.ratio >= consumedBytes {
      throw fail(.ratioExceeded)
    }
    return InflateProgress(consumed: consumed, state: state)
  }

  /// Inflates one step of the stream.
  /// - Returns: the state for the caller; nil when the stream has ended.
  private mutating func run(
    _ input: Span<UInt8>, into output: inout ByteBuffer, atMost outputBytes: Int
  ) throws(InflateError) -> InflateProgress.State? {
    // One byte more than the limit may come out. Otherwise a body of exactly the limit would look like a larger one.
    let room = min(outputBytes - 1, limits.inflatedBytes - inflatedBytes, Int(UInt32.max) - 1) + 1
    let start = output.count
    let step = stream.inflate(input, into: &output, room: room)
    crc.update(output.span.extracting(start...))
    inflatedBytes += step.produced
    // Bytes after the end of the stream may belong to an earlier piece. They were counted with that piece, and they
    // begin the trailer.
    let readAhead: Int
    if step.state == .ended {
      readAhead = max(0, step.unused - input.count)
      consumedBytes += input.count - (step.unused - readAhead)
    } else {
      readAhead = 0
      // If the input is not deflate, the library may report more bytes left than the input had.
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

  /// Takes one byte of the trailer. The checksum is compared after byte 4, the length after byte 8.
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
