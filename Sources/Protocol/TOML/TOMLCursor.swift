// A position in a TOML text, and the steps of the grammar that need nothing else: blanks, comments, line ends, keys.
// The text has been checked to be UTF-8. A byte after the end reads as zero, which no rule of the grammar accepts.

/// One part of a dotted key.
struct TOMLKey {
  let name: String
  /// The byte offset at which the part begins.
  let offset: Int
}

struct TOMLCursor: ~Escapable {
  let bytes: Span<UInt8>
  var position: Int

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
    position = Self.textStart(of: bytes)
  }

  /// The offset of the text: 3 if it begins with a byte order mark, else 0.
  static func textStart(of bytes: Span<UInt8>) -> Int {
    bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF ? 3 : 0
  }

  var isAtEnd: Bool { position >= bytes.count }

  var peek: UInt8 { byte(at: position) }

  func byte(at index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

  mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    position += 1
    return true
  }

  /// Whether `byte` stands `count` times at `index`.
  func isRun(of byte: UInt8, count: Int, at index: Int) -> Bool {
    for offset in 0..<count where self.byte(at: index + offset) != byte { return false }
    return true
  }

  func text(_ range: Range<Int>) -> String {
    var copy: [UInt8] = []
    copy.reserveCapacity(range.count)
    for index in range { copy.append(bytes[index]) }
    return String(decoding: copy, as: UTF8.self)
  }

  func fault(_ reason: TOMLError.Reason) -> TOMLFault { TOMLFault(reason: reason, offset: position) }

  /// The fault if `expectation` is not met at the position.
  func missing(_ expectation: TOMLError.Expectation) -> TOMLFault {
    if isAtEnd { return fault(.unexpectedEnd) }
    if Self.isControl(peek), newlineLength(at: position) == 0 { return fault(.controlCharacter) }
    return fault(.expected(expectation))
  }

  /// Whether the byte may stand in no comment and no string: U+0000 to U+001F except the tab, and U+007F.
  static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 && byte != 0x09 || byte == 0x7F }

  /// The bytes of the line end at `index`: 1 for a line feed, 2 for a carriage return and a line feed, 0 for neither.
  func newlineLength(at index: Int) -> Int {
    switch byte(at: index) {
    case 0x0A: 1
    case 0x0D: byte(at: index + 1) == 0x0A ? 2 : 0
    default: 0
    }
  }

  mutating func skipBlanks() {
    while peek == 0x20 || peek == 0x09 { position += 1 }
  }

  /// Reads blanks, a comment, and the end of the line or of the text.
  mutating func endLine() throws(TOMLFault) {
    skipBlanks()
    try skipComment()
    if isAtEnd { return }
    let length = newlineLength(at: position)
    guard length > 0 else { throw missing(.endOfLine) }
    position += length
  }

  /// Skips everything that may stand between the elements of an array.
  mutating func skipLines() throws(TOMLFault) {
    while true {
      skipBlanks()
      try skipComment()
      let length = newlineLength(at: position)
      if length == 0 { return }
      position += length
    }
  }

  private mutating func skipComment() throws(TOMLFault) {
    guard take(UInt8(ascii: "#")) else { return }
    while !isAtEnd, newlineLength(at: position) == 0 {
      if Self.isControl(peek) { throw fault(.controlCharacter) }
      position += 1
    }
  }

  /// Reads a key of one or more parts and the blanks after it.
  /// - Parameters:
  ///   - limit: the most parts; more are `tooDeep`.
  ///   - depthLimit: the limit that the error names.
  mutating func keyPath(limit: Int, depthLimit: Int) throws(TOMLFault) -> [TOMLKey] {
    var path: [TOMLKey] = []
    repeat {
      skipBlanks()
      guard path.count < limit else { throw fault(.tooDeep(limit: depthLimit)) }
      let offset = position
      path.append(TOMLKey(name: try keyPart(), offset: offset))
      skipBlanks()
    } while take(UInt8(ascii: "."))
    return path
  }

  private mutating func keyPart() throws(TOMLFault) -> String {
    let quote = peek
    if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
      if isRun(of: quote, count: 3, at: position) { throw fault(.multiLineKey) }
      return try string()
    }
    let start = position
    while Self.isBareKey(peek) { position += 1 }
    guard position > start else { throw missing(.key) }
    return text(start..<position)
  }

  private static func isBareKey(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
