// How text that is not ASCII travels in mail that relays may treat as seven-bit: encoded words in headers (RFC 2047), and
// quoted-printable in the body (RFC 2045 §6.7). Their lines have at most 76 characters.

/// The encodings of text in a message.
enum MailText {
  /// The most characters of a line, without its CRLF.
  static let lineCharacters = 76
  /// The bytes of text in one encoded word. With its frame of 12 characters and a header's name, the word fits a line.
  private static let encodedWordBytes = 39

  /// Whether a text holds a byte that must not stand in a header: CR, LF, and every other control character.
  static func hasControl(_ text: String) -> Bool { text.utf8.contains { $0 < 0x20 || $0 == 0x7F } }

  /// Returns a header's text in a form that is ASCII: as it is if it is short and plain, otherwise as encoded words, each
  /// after the first one on a line of its own.
  /// - Parameter text: has no control character.
  static func header(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } && !text.contains("=?")
    // White space at the ends would be lost, because it looks like the white space around a header's text.
    if isPlain, text.utf8.count <= 60, text.first != " ", text.last != " " { return text }
    var words: [String] = []
    var word: [UInt8] = []
    for scalar in text.unicodeScalars {
      let bytes = Array(String(scalar).utf8)
      // A character must not be cut in two, because each word is decoded on its own.
      if word.count + bytes.count > encodedWordBytes {
        words.append(encodedWord(word))
        word = []
      }
      word += bytes
    }
    if !word.isEmpty || words.isEmpty { words.append(encodedWord(word)) }
    return words.joined(separator: "\r\n ")
  }

  private static func encodedWord(_ bytes: [UInt8]) -> String { "=?utf-8?B?\(base64(bytes))?=" }

  /// Base 64 with padding (RFC 4648 §4), on one line.
  static func base64(_ bytes: [UInt8]) -> String {
    let text = Base64.standard.encode(bytes.span)
    return text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
  }

  /// Appends `text` as quoted-printable. CRLF, CR and LF each end a line. The last line gets a CRLF, too.
  static func appendQuotedPrintable(_ text: String, to output: inout ByteBuffer) {
    let bytes = Array(text.utf8)
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex { $0 == HTTPGrammar.cr || $0 == HTTPGrammar.lf } ?? bytes.count
      appendLine(bytes[start..<end], to: &output)
      let isCRLF = end + 1 < bytes.count && bytes[end] == HTTPGrammar.cr && bytes[end + 1] == HTTPGrammar.lf
      start = end + (isCRLF ? 2 : 1)
    }
  }

  private static func appendLine(_ line: ArraySlice<UInt8>, to output: inout ByteBuffer) {
    var column = 0
    for index in line.indices {
      let byte = line[index]
      let isLast = index == line.endIndex - 1
      // A relay may drop white space at the end of a line.
      let isLiteral =
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "=")
        || HTTPGrammar.isWhitespace(byte) && !isLast
      let width = isLiteral ? 1 : 3
      // One column stays free for the `=` of a soft line break.
      if column + width > lineCharacters - 1 {
        output.append("=\r\n")
        column = 0
      }
      if isLiteral {
        output.append(byte)
      } else {
        output.append(UInt8(ascii: "="))
        output.append(upperDigit(byte >> 4))
        output.append(upperDigit(byte & 0x0F))
      }
      column += width
    }
    output.append("\r\n")
  }

  private static func upperDigit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? nibble + 0x30 : nibble + 0x37 }
}
