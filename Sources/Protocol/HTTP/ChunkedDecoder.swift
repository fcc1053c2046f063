// Chunk framing (RFC 9112 §7.1), strict: no spaces, signs, prefixes or bare line ends around a size.
// Each of those is read differently by some proxy, and so is a way to smuggle a request.

/// Finds the data in a chunked body, up to and with the last chunk's line. The trailer section is the owner's.
struct ChunkedDecoder {
  enum Step: Equatable {
    /// All input was taken.
    case needInput
    /// The next bytes of data, as indices into the input; never empty.
    case data(Range<Int>)
    /// The line of the last chunk was taken; the trailer section follows.
    case lastChunk
    case malformed(HTTPError.Reason)
  }

  private enum State {
    case size(digits: Int)  // → sizeLineFeed, chunkExtension
    case chunkExtension(bytes: Int)  // → sizeLineFeed
    case sizeLineFeed  // → data, finished
    case data(remaining: Int)  // → dataCarriageReturn
    case dataCarriageReturn  // → dataLineFeed
    case dataLineFeed  // → size
    case finished
  }

  private var state = State.size(digits: 0)
  private var chunkSize = 0
  /// Data bytes of all chunks so far, the whole of the current one included.
  private var declaredBytes = 0
  private var framingBytes = 0

  mutating func next(_ input: Span<UInt8>, _ position: inout Int, limits: HTTPLimits) -> Step {
    while position < input.count {
      if case .data(let remaining) = state {
        let start = position
        position += min(remaining, input.count - position)
        let rest = remaining - (position - start)
        state = rest == 0 ? .dataCarriageReturn : .data(remaining: rest)
        return .data(start..<position)
      }
      let byte = input[position]
      position += 1
      framingBytes += 1
      if framingBytes - declaredBytes > limits.chunkOverheadBytes { return .malformed(.chunkOverheadTooLarge) }
      if let step = takeFraming(byte, limits) { return step }
    }
    return .needInput
  }

  /// One byte of framing. Nil: go on.
  private mutating func takeFraming(_ byte: UInt8, _ limits: HTTPLimits) -> Step? {
    switch state {
    case .size(let digits):
      if let value = HTTPGrammar.hexValue(byte) { return takeDigit(value, number: digits + 1) }
      guard digits > 0 else { return .malformed(.invalidChunkSize) }
      switch byte {
      case HTTPGrammar.cr: state = .sizeLineFeed
      case HTTPGrammar.semicolon: state = .chunkExtension(bytes: 1)
      case HTTPGrammar.lf: return .malformed(.bareLineFeed)
      default: return .malformed(.invalidChunkSize)
      }
    case .chunkExtension(let bytes):
      if byte == HTTPGrammar.cr {
        guard bytes > 1 else { return .malformed(.invalidChunkExtension) }
        state = .sizeLineFeed
      } else {
        if byte == HTTPGrammar.lf { return .malformed(.bareLineFeed) }
        if HTTPGrammar.isControl(byte) || byte >= 0x80 { return .malformed(.invalidChunkExtension) }
        if bytes == limits.chunkExtensionBytes { return .malformed(.chunkExtensionTooLong) }
        state = .chunkExtension(bytes: bytes + 1)
      }
    case .sizeLineFeed:
      guard byte == HTTPGrammar.lf else { return .malformed(.bareCarriageReturn) }
      if chunkSize == 0 {
        state = .finished
        return .lastChunk
      }
      guard chunkSize <= limits.bodyBytes - declaredBytes else { return .malformed(.bodyTooLarge) }
      declaredBytes += chunkSize
      state = .data(remaining: chunkSize)
    case .dataCarriageReturn:
      guard byte == HTTPGrammar.cr else { return .malformed(.chunkNotTerminated) }
      state = .dataLineFeed
    case .dataLineFeed:
      guard byte == HTTPGrammar.lf else { return .malformed(.chunkNotTerminated) }
      chunkSize = 0
      state = .size(digits: 0)
    case .data, .finished:
      preconditionFailure("no framing byte is due in \(state)")
    }
    return nil
  }

  private mutating func takeDigit(_ value: Int, number: Int) -> Step? {
    // 16 digits at most: leading zeros are legal and must not be endless. The size must fit before it is shifted.
    guard number <= 16, chunkSize <= Int.max >> 4 else { return .malformed(.chunkSizeOverflow) }
    chunkSize = chunkSize << 4 | value
    state = .size(digits: number)
    return nil
  }
}
