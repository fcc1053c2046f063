// Replies of a mail server (RFC 5321 §4.2): one line or several with the same code. The reader is strict about line ends
// and codes, and does not care about the text.

/// A complete reply.
public struct SMTPReply: Sendable, Hashable {
  /// 200 to 599.
  public let code: Int
  /// The enhanced status code (RFC 3463) at the beginning of the text, for example `5.1.1`; nil if there is none.
  public let enhancedStatus: String?
  /// The text of each line, without code and line end. Control characters are replaced by spaces, and bytes that are not
  /// UTF-8 by U+FFFD.
  public let lines: [String]

  init(code: Int, lines: [String]) {
    self.code = code
    self.lines = lines
    enhancedStatus = Self.enhancedStatus(of: lines.first ?? "", code)
  }

  /// Whether the server asks the client to try again later.
  public var isTemporary: Bool { (400...499).contains(code) }
  /// Whether the server will never accept the same command.
  public var isPermanent: Bool { code >= 500 }

  private static func enhancedStatus(of line: String, _ code: Int) -> String? {
    guard let word = line.split(separator: " ", maxSplits: 1).first else { return nil }
    let numbers = word.split(separator: ".", omittingEmptySubsequences: false)
    guard numbers.count == 3, numbers[0] == "\(code / 100)",
      numbers.allSatisfy({ (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy(HTTPGrammar.isDigit) })
    else { return nil }
    return String(word)
  }
}

extension SMTPReply: CustomStringConvertible {
  /// The code and the text on one line, at most 300 characters of it. The text begins with the enhanced status code.
  public var description: String {
    let text = lines.map { line in
      // Each line of a reply repeats the enhanced status code.
      guard line != lines[0], let enhancedStatus, line.hasPrefix(enhancedStatus) else { return line }
      return String(line.dropFirst(enhancedStatus.count).drop { $0 == " " })
    }
    return "\(code) \(String(text.joined(separator: " ").prefix(300)))"
  }
}

/// The rule that bytes of a server break.
public enum SMTPReplyFault: String, Error, Sendable, Hashable, CaseIterable {
  case lineTooLong = "a line is longer than 2048 bytes"
  case tooManyLines = "a reply has more than 128 lines"
  case bareLineFeed = "a line ends in LF without CR"
  case bareCarriageReturn = "a line holds CR without LF"
  case noCode = "a line does not begin with a reply code"
  case differentCodes = "the lines of a reply have different codes"
}

/// Collects replies from bytes in pieces of any size.
struct SMTPReplyReader: ~Copyable {
  /// RFC 5321 §4.5.3.1.5 has 512; servers exceed it.
  static let maximumLineBytes = 2048
  static let maximumLines = 128

  enum Outcome: Equatable {
    /// All input was taken.
    case needInput
    /// A reply is complete. Input behind it is left.
    case reply(SMTPReply)
    case malformed(SMTPReplyFault)
  }

  private var line: [UInt8] = []
  private var lines: [String] = []
  private var code = 0

  /// Whether a part of a reply has arrived.
  var isWithinReply: Bool { !line.isEmpty || !lines.isEmpty }

  /// Takes input from `position` on, and advances `position`.
  mutating func next(_ input: Span<UInt8>, _ position: inout Int) -> Outcome {
    while position < input.count {
      let byte = input[position]
      position += 1
      if byte == HTTPGrammar.lf {
        guard line.last == HTTPGrammar.cr else { return .malformed(.bareLineFeed) }
        line.removeLast()
        switch lineEnded() {
        case .needInput: continue
        case let outcome: return outcome
        }
      }
      if line.last == HTTPGrammar.cr { return .malformed(.bareCarriageReturn) }
      if line.count == Self.maximumLineBytes { return .malformed(.lineTooLong) }
      line.append(byte)
    }
    return .needInput
  }

  private mutating func lineEnded() -> Outcome {
    guard line.count >= 3, line[..<3].allSatisfy(HTTPGrammar.isDigit) else { return .malformed(.noCode) }
    let code = line[..<3].reduce(0) { $0 * 10 + Int($1 - 0x30) }
    let isLast = line.count == 3 || line[3] == HTTPGrammar.space
    guard (200...599).contains(code), isLast || line[3] == UInt8(ascii: "-") else { return .malformed(.noCode) }
    if !lines.isEmpty, code != self.code { return .malformed(.differentCodes) }
    if lines.count == Self.maximumLines { return .malformed(.tooManyLines) }
    self.code = code
    let text = line.dropFirst(4).map { $0 < 0x20 || $0 == 0x7F ? HTTPGrammar.space : $0 }
    lines.append(String(decoding: text, as: UTF8.self))
    line.removeAll(keepingCapacity: true)
    if !isLast { return .needInput }
    defer { lines = [] }
    return .reply(SMTPReply(code: code, lines: lines))
  }
}
