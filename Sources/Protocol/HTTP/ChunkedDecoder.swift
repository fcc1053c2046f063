// Chunk framing (RFC 9112 §7.1), read strictly: a size with spaces, a sign, a prefix or a bare line end is refused.
// Proxies differ in how they read such a size, and a client could use the difference to smuggle a request.

/// Finds the data in a chunked body, up to and including the line of the last chunk. The caller reads the trailer
/// section.
struct ChunkedDecoder {
  enum Step: Equatable {
    /// The decoder took all input.
    case needInput
    /// The next bytes of data, as indices into the input; never empty.
    case data(Range<Int>)
    /// The decoder took the line of the last chunk. The trailer section follows.
    case lastChunk
    /// The framing breaks a rule.
    case malformed(HTTPError.Reason)
  }

  private enum State {
    case size(digits: Int)  // → sizeLineFeed, chunkExtension
    case chunkExtension(bytes: Int, ChunkExtensionPlace)  // → sizeLineFeed
    case sizeLineFeed  // → data, finished
    case data(remaining: Int)  // → dataCarriageReturn
    case dataCarriageReturn  // → dataLineFeed
    case dataLineFeed  // → size
    case finished
  }

  private var state = State.size(digits: 0)
  private var chunkSize = 0
  /// The size of all chunks so far in bytes, including the whole current chunk.
  private var declaredBytes = 0
  /// Bytes of framing taken so far: sizes, extensions, line ends.
  private var framingBytes = 0

  /// Takes input from `position` on and advances `position`.
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

  /// Takes one byte of framing. Nil means that the decoder goes on.
  private mutating func takeFraming(_ byte: UInt8, _ limits: HTTPLimits) -> Step? {
    switch state {
    case .size(let digits):
      if let value = HTTPGrammar.hexValue(byte) { return takeDigit(value, number: digits + 1) }
      guard digits > 0 else { return .malformed(.invalidChunkSize) }
      switch byte {
      case HTTPGrammar.cr: state = .sizeLineFeed
      case HTTPGrammar.semicolon: state = .chunkExtension(bytes: 1, .beforeName)
      case HTTPGrammar.lf: return .malformed(.bareLineFeed)
      default: return .malformed(.invalidChunkSize)
      }
    case .chunkExtension(let bytes, let place):
      if byte == HTTPGrammar.cr {
        guard place.isComplete else { return .malformed(.invalidChunkExtension) }
        state = .sizeLineFeed
      } else {
        if byte == HTTPGrammar.lf { return .malformed(.bareLineFeed) }
        if HTTPGrammar.isControl(byte) || byte >= 0x80 { return .malformed(.invalidChunkExtension) }
        if bytes == limits.chunkExtensionBytes { return .malformed(.chunkExtensionTooLong) }
        guard let next = place.after(byte) else { return .malformed(.invalidChunkExtension) }
        state = .chunkExtension(bytes: bytes + 1, next)
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
    // Leading zeros are legal, so the limit of 16 digits is what ends a size. The test of `chunkSize` keeps the shift
    // within an Int.
    guard number <= 16, chunkSize <= Int.max >> 4 else { return .malformed(.chunkSizeOverflow) }
    chunkSize = chunkSize << 4 | value
    state = .size(digits: number)
    return nil
  }
}

/// A reader's place in the extensions of a chunk (RFC 9112 §7.1.1): `; name`, `; name=token`, `; name="quoted"`. The
/// extensions have no meaning here, but their syntax is checked. If two readers disagreed whether a quote is open, they
/// would see two different bodies.
enum ChunkExtensionPlace {
  case beforeName  // → name
  case name  // → afterName, beforeValue, beforeName
  case afterName  // → beforeValue, beforeName
  case beforeValue  // → token, quoted
  case token  // → afterValue, beforeName
  case quoted  // → escaped, closed
  case escaped  // → quoted
  case closed  // → afterValue, beforeName
  case afterValue  // → beforeName

  /// Whether the line may end here.
  var isComplete: Bool {
    switch self {
    case .name, .token, .closed: true
    case .beforeName, .afterName, .beforeValue, .quoted, .escaped, .afterValue: false
    }
  }

  /// The place after one more byte.
  /// - Parameter byte: neither CR, LF nor another control byte.
  /// - Returns: nil if the byte is not permitted here.
  func after(_ byte: UInt8) -> Self? {
    let isWhitespace = HTTPGrammar.isWhitespace(byte)
    let isToken = HTTPGrammar.isToken(byte)
    switch self {
    case .beforeName: return isWhitespace ? .beforeName : isToken ? .name : nil
    case .name where isToken: return .name
    case .name, .afterName:
      if byte == UInt8(ascii: "=") { return .beforeValue }
      return isWhitespace ? .afterName : byte == HTTPGrammar.semicolon ? .beforeName : nil
    case .beforeValue:
      if byte == UInt8(ascii: "\"") { return .quoted }
      return isWhitespace ? .beforeValue : isToken ? .token : nil
    case .token where isToken: return .token
    case .quoted: return byte == UInt8(ascii: "\\") ? .escaped : byte == UInt8(ascii: "\"") ? .closed : .quoted
    case .escaped: return .quoted
    case .token, .closed, .afterValue:
      return isWhitespace ? .afterValue : byte == HTTPGrammar.semicolon ? .beforeName : nil
    }
  }
}
