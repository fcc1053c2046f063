// Collects the lines up to an empty line: a head, or the trailer section of a chunked body (RFC 9112 §2.1, §7.1.2).
// Every byte is examined once, however small the pieces are (picohttpparser's `last_len`, taken further), and copied once
// when the lines came in one piece, twice otherwise. Nothing is owned between two heads.
//
// What leaves here is proven: lines end in CRLF, CR and LF occur nowhere else, there is no control byte but HTAB.

/// The bytes of an unfinished head.
struct HTTPHeadBuffer: ~Copyable {
  enum Section {
    /// A start line and field lines; one empty line may precede it (RFC 9112 §2.2).
    case head
    /// Field lines only, perhaps none.
    case trailers
  }

  enum Outcome {
    /// All input was taken.
    case needInput
    /// The lines, each with its CRLF, and the empty line. Input is taken up to there.
    case complete([UInt8])
    case malformed(HTTPError.Reason)
  }

  private var pending = ByteBuffer()
  private var length = 0
  private var lineLength = 0
  private var finishedLines = 0
  private var previousIsCR = false
  private var emptyLineSkipped = false
  /// All bytes ever examined: what a test of linear work counts.
  private(set) var bytesExamined = 0

  /// Whether no byte of the next head was seen. (An empty line before it is no part of it.)
  var isEmpty: Bool { length == 0 }
  var allocatedBytes: Int { pending.allocatedBytes }

  mutating func collect(
    _ section: Section, _ input: Span<UInt8>, _ position: inout Int, limits: HTTPLimits
  ) -> Outcome {
    var start = position
    for index in start..<input.count {
      bytesExamined += 1
      let byte = input[index]
      if length == byteLimit(section, limits) { return .malformed(overflowReason(section)) }
      length += 1
      if previousIsCR {
        guard byte == HTTPGrammar.lf else { return .malformed(.bareCarriageReturn) }
        previousIsCR = false
        let isEmptyLine = lineLength == 0
        lineLength = 0
        if !isEmptyLine {
          finishedLines += 1
          let fieldLines = section == .head ? finishedLines - 1 : finishedLines
          if fieldLines > limits.fieldCount { return .malformed(.tooManyFields) }
        } else if finishedLines > 0 || section == .trailers {
          position = index + 1
          return .complete(take(input, start..<position))
        } else {
          if emptyLineSkipped { return .malformed(.emptyLine) }
          emptyLineSkipped = true
          start = index + 1
          length = 0
          pending.removeAll(keepingCapacity: false)
        }
      } else if byte == HTTPGrammar.cr {
        previousIsCR = true
      } else if byte == HTTPGrammar.lf {
        return .malformed(.bareLineFeed)
      } else if HTTPGrammar.isControl(byte) {
        return .malformed(.controlCharacter)
      } else {
        lineLength += 1
        if section == .head, finishedLines == 0, lineLength > limits.targetBytes + Self.requestLineBytesBesideTarget {
          return .malformed(.targetTooLong)
        }
      }
    }
    if start < input.count { pending.append(input.extracting(start..<input.count)) }
    position = input.count
    return .needInput
  }

  /// Forgets the bytes and returns their memory.
  mutating func reset() {
    pending.removeAll(keepingCapacity: false)
    length = 0
    lineLength = 0
    finishedLines = 0
    previousIsCR = false
    emptyLineSkipped = false
  }

  /// A request line is a target and at most this much else: a method of 32 bytes, two spaces, the version.
  private static let requestLineBytesBesideTarget = HTTPMethod.longestName + 2 + 8

  private mutating func take(_ input: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    defer { reset() }
    if pending.isEmpty {
      return input.extracting(range).withUnsafeBufferPointer { [UInt8]($0) }
    }
    pending.append(input.extracting(range))
    return pending.withUnsafeBytes { [UInt8]($0) }
  }

  private func byteLimit(_ section: Section, _ limits: HTTPLimits) -> Int {
    switch section {
    case .head: limits.headBytes
    case .trailers: limits.trailerBytes
    }
  }

  private func overflowReason(_ section: Section) -> HTTPError.Reason {
    switch section {
    case .head: finishedLines == 0 ? .targetTooLong : .headTooLarge
    case .trailers: .trailersTooLarge
    }
  }
}
