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
    case chunkExtension(bytes: Int, ChunkExtensionPlace)  // → sizeLineFeed
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
    // 16 digits at most: leading zeros are legal and must not be endless. The size must fit before it is shifted.
    guard number <= 16, chunkSize <= Int.max >> 4 else { return .malformed(.chunkSizeOverflow) }
    chunkSize = chunkSize << 4 | value
    state = .size(digits: number)
    return nil
  }
}

/// Where in the extensions of a chunk a reader is (RFC 9112 §7.1.1): `; name`, `; name=token`, `; name="quoted"`. They mean
/// nothing here, but a quote that one reader takes for open and another for closed would show them two bodies.
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

  /// - Parameter byte: neither CR, LF nor another control byte. - Returns: nil where it is not permitted.
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
