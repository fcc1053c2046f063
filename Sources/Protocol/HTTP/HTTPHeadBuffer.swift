// Collects the lines up to an empty line: a head, or the trailer section of a chunked body (RFC 9112 §2.1, §7.1.2).
// The buffer examines each byte once, however small the pieces are. It copies each byte once if the lines come in one
// piece, otherwise twice. Between two heads it holds no memory.
//
// The buffer ensures that lines end in CRLF, that CR and LF occur nowhere else, and that there is no control byte
// except HTAB.

/// The bytes of an incomplete head.
struct HTTPHeadBuffer: ~Copyable {
  enum Section {
    /// A start line and field lines. One empty line may precede them (RFC 9112 §2.2).
    case head
    /// Field lines only, possibly none.
    case trailers
  }

  enum Outcome {
    /// The buffer took all input.
    case needInput
    /// The lines, each with its CRLF, and the empty line. The buffer took the input up to there.
    case complete([UInt8])
    /// A line breaks a rule.
    case malformed(HTTPError.Reason)
  }

  /// The bytes that earlier calls took.
  private var pending = ByteBuffer()
  /// The number of bytes of the section so far.
  private var length = 0
  private var lineLength = 0
  private var finishedLines = 0
  private var previousIsCR = false
  private var emptyLineSkipped = false
  /// All bytes examined since the buffer was made. A test counts them to show that the work is linear.
  private(set) var bytesExamined = 0

  /// Whether no byte of the next head has arrived. An empty line before the head does not count.
  var isEmpty: Bool { length == 0 }
  /// Bytes of memory held.
  var allocatedBytes: Int { pending.allocatedBytes }

  /// Takes input from `position` on and advances `position`.
  mutating func collect(
    _ section: Section, _ input: Span<UInt8>, _ position: inout Int, limits: HTTPLimits
  ) -> Outcome {
    var start = position
    var index = position
    while index < input.count {
      if !previousIsCR {
        let run = textRun(input, from: index, longest: textRoom(section, limits))
        length += run
        lineLength += run
        bytesExamined += run
        index += run
        if index == input.count { break }
      }
      bytesExamined += 1
      let byte = input[index]
      index += 1
      if length == byteLimit(section, limits) { return .malformed(overflowReason(section)) }
      length += 1
      guard previousIsCR else {
        // The byte is not text, or the text has no room left.
        guard byte == HTTPGrammar.cr else { return .malformed(textFault(byte)) }
        previousIsCR = true
        continue
      }
      guard byte == HTTPGrammar.lf else { return .malformed(.bareCarriageReturn) }
      previousIsCR = false
      let isEmptyLine = lineLength == 0
      lineLength = 0
      if !isEmptyLine {
        finishedLines += 1
        let fieldLines = section == .head ? finishedLines - 1 : finishedLines
        if fieldLines > limits.fieldCount { return .malformed(.tooManyFields) }
      } else if finishedLines > 0 || section == .trailers {
        position = index
        return .complete(take(input, start..<index))
      } else {
        if emptyLineSkipped { return .malformed(.emptyLine) }
        emptyLineSkipped = true
        start = index
        length = 0
        pending.removeAll(keepingCapacity: false)
      }
    }
    if start < input.count { pending.append(input.extracting(start..<input.count)) }
    position = input.count
    return .needInput
  }

  /// The number of the next bytes that are text of a line, at most `longest`.
  private func textRun(_ input: Span<UInt8>, from start: Int, longest: Int) -> Int {
    HTTPScan.firstControl(input, from: start, to: start + min(longest, input.count - start)) - start
  }

  /// How many bytes of text may follow before a limit is passed.
  private func textRoom(_ section: Section, _ limits: HTTPLimits) -> Int {
    let room = byteLimit(section, limits) - length
    guard section == .head, finishedLines == 0 else { return room }
    return min(room, limits.targetBytes + Self.requestLineBytesBesideTarget - lineLength)
  }

  private func textFault(_ byte: UInt8) -> HTTPError.Reason {
    if byte == HTTPGrammar.lf { return .bareLineFeed }
    return HTTPGrammar.isControl(byte) ? .controlCharacter : .targetTooLong
  }

  /// Drops the bytes and frees their memory.
  mutating func reset() {
    pending.removeAll(keepingCapacity: false)
    length = 0
    lineLength = 0
    finishedLines = 0
    previousIsCR = false
    emptyLineSkipped = false
  }

  /// What a request line may have besides its target, in bytes: a method of 32 bytes, two spaces, the version.
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
