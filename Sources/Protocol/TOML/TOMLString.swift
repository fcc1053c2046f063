// The four forms of a TOML string.

extension TOMLCursor {
  /// Reads a string of any form, beginning at its opening quote.
  mutating func string() throws(TOMLFault) -> String {
    let quote = peek
    let opening = position
    if isRun(of: quote, count: 3, at: opening) {
      position += 3
      position += newlineLength(at: position)  // a line end right after the opening quotes is not part of the string
      return try multiLineString(quote: quote, opening: opening)
    }
    position += 1
    var content: [UInt8] = []
    while true {
      if newlineLength(at: position) > 0 || isAtEnd {
        throw TOMLFault(reason: .unterminatedString, offset: opening)
      }
      if take(quote) { return String(decoding: content, as: UTF8.self) }
      try character(quote: quote, into: &content)
    }
  }

  /// Reads the rest of a multi-line string. Line ends stay as they are in the text.
  private mutating func multiLineString(quote: UInt8, opening: Int) throws(TOMLFault) -> String {
    var content: [UInt8] = []
    while true {
      if isAtEnd { throw TOMLFault(reason: .unterminatedString, offset: opening) }
      let lineEnd = newlineLength(at: position)
      if lineEnd > 0 {
        for index in position..<position + lineEnd { content.append(bytes[index]) }
        position += lineEnd
      } else if isRun(of: quote, count: 3, at: position) {
        position += 3
        // One or two quotes may stand right before the closing quotes. Of five quotes in a row the last three close the
        // string.
        for _ in 0..<2 where take(quote) { content.append(quote) }
        return String(decoding: content, as: UTF8.self)
      } else if quote == UInt8(ascii: "\""), peek == UInt8(ascii: "\\"), skipEscapedLineEnd() {
        continue
      } else {
        try character(quote: quote, into: &content)
      }
    }
  }

  /// Reads one raw byte or, in a basic string, one escape.
  private mutating func character(quote: UInt8, into content: inout [UInt8]) throws(TOMLFault) {
    let byte = peek
    if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
      try escape(into: &content)
      return
    }
    if Self.isControl(byte) { throw fault(.controlCharacter) }
    content.append(byte)
    position += 1
  }

  /// If only blanks stand between a backslash and the end of the line, skips all white space up to the next character.
  /// - Returns: whether this was the case. Otherwise nothing is skipped.
  private mutating func skipEscapedLineEnd() -> Bool {
    var index = position + 1
    while byte(at: index) == 0x20 || byte(at: index) == 0x09 { index += 1 }
    guard newlineLength(at: index) > 0 else { return false }
    while true {
      let lineEnd = newlineLength(at: index)
      if lineEnd > 0 {
        index += lineEnd
      } else if byte(at: index) == 0x20 || byte(at: index) == 0x09 {
        index += 1
      } else {
        position = index
        return true
      }
    }
  }

  private mutating func escape(into content: inout [UInt8]) throws(TOMLFault) {
    let letter = byte(at: position + 1)
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): content.append(letter)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "u"):
      try appendScalar(digits: 4, to: &content)
      return
    case UInt8(ascii: "U"):
      try appendScalar(digits: 8, to: &content)
      return
    default: throw fault(.invalidEscape)
    }
    position += 2
  }

  /// Reads `\uXXXX` or `\UXXXXXXXX`: a Unicode scalar value, so not a surrogate.
  private mutating func appendScalar(digits: Int, to content: inout [UInt8]) throws(TOMLFault) {
    var value: UInt32 = 0
    for index in position + 2..<position + 2 + digits {
      guard let digit = TOMLNumber.digit(byte(at: index), radix: 16) else { throw fault(.invalidEscape) }
      value = value << 4 | UInt32(digit)
    }
    guard let scalar = Unicode.Scalar(value) else { throw fault(.invalidEscape) }
    content.append(contentsOf: String(scalar).utf8)
    position += 2 + digits
  }
}
