// The reason that a text is not a TOML document, and the place.

/// The first defect of a document.
public struct TOMLError: Error, Equatable, Sendable {
  /// The rule that the document breaks.
  public enum Reason: Equatable, Sendable {
    case documentTooLarge(limitBytes: Int)
    case tooDeep(limit: Int)
    case tooManyKeys(limit: Int)
    case invalidUTF8
    /// A control character is not allowed here. A carriage return without a line feed is one.
    case controlCharacter
    /// The text ends too early.
    case unexpectedEnd
    case expected(Expectation)
    /// A string is not closed before the end of the line, or, if it has several lines, of the text. The place is its
    /// opening quote.
    case unterminatedString
    /// A multi-line string stands in place of a key.
    case multiLineKey
    case invalidEscape
    case invalidNumber
    case integerOutOfRange
    case floatOutOfRange
    case invalidDateTime
    case duplicateKey
    case duplicateTable
    /// A dotted key or a header goes through a key whose value is not a table.
    case keyIsNotATable
    /// A dotted key adds to a table that a header has defined.
    case extendsDefinedTable
    case extendsInlineTable
    case extendsStaticArray
    /// A dotted key, or a `[header]`, names an array of tables.
    case tableIsAnArray
    /// A `[[header]]` names a table.
    case tableIsNotAnArray
  }

  /// What the grammar requires at the place.
  public enum Expectation: Equatable, Sendable {
    case key, equalsSign, value, endOfLine, headerEnd, arrayHeaderEnd, commaOrArrayEnd, commaOrInlineTableEnd
  }

  /// The line, from 1. Lines end with a line feed.
  public let line: Int
  /// The column, from 1, in Unicode scalars. A byte order mark does not count. If the text ends too early, it is one
  /// more than the last column.
  public let column: Int
  /// The rule that the document breaks.
  public let reason: Reason

  /// Makes an error.
  public init(line: Int, column: Int, reason: Reason) {
    self.line = line
    self.column = column
    self.reason = reason
  }

  /// Finds line and column of `fault` in the text.
  init(_ fault: TOMLFault, in bytes: Span<UInt8>) {
    let place = TOMLDocument.place(of: fault.offset, in: bytes)
    self.init(line: place.line, column: place.column, reason: fault.reason)
  }
}

extension TOMLDocument {
  /// The line and column of a byte offset, counted as in `TOMLError`.
  public static func place(of offset: Int, in bytes: Span<UInt8>) -> (line: Int, column: Int) {
    var line = 1
    var column = 1
    var index = TOMLCursor.textStart(of: bytes)  // editors neither show nor count a byte order mark
    let end = min(offset, bytes.count)
    while index < end {
      if bytes[index] == 0x0A {
        line += 1
        column = 1
      } else if bytes[index] & 0xC0 != 0x80 {  // the continuation bytes of a scalar do not count
        column += 1
      }
      index += 1
    }
    return (line, column)
  }
}

/// A defect inside the parser. Its line and column are computed only when it leaves the parser.
struct TOMLFault: Error {
  let reason: TOMLError.Reason
  /// The byte offset from the start of the document.
  let offset: Int
}

extension TOMLError: CustomStringConvertible {
  /// For example `line 3, column 7: a key is defined twice`.
  public var description: String { "line \(line), column \(column): \(reason)" }
}

extension TOMLError.Reason: CustomStringConvertible {
  /// The rule in words.
  public var description: String {
    switch self {
    case .documentTooLarge(let limit): "the document is larger than \(limit) bytes"
    case .tooDeep(let limit): "tables and arrays are nested deeper than \(limit) levels"
    case .tooManyKeys(let limit): "the document has more than \(limit) keys"
    case .invalidUTF8: "the text is not UTF-8"
    case .controlCharacter: "a control character is not allowed here"
    case .unexpectedEnd: "the document ends too early"
    case .expected(let what): "\(what) is expected"
    case .unterminatedString: "a string is not closed"
    case .multiLineKey: "a multi-line string cannot be a key"
    case .invalidEscape: "an escape sequence is not valid"
    case .invalidNumber: "a number is not valid"
    case .integerOutOfRange: "an integer does not fit 64 bits"
    case .floatOutOfRange: "a number is too large for a double"
    case .invalidDateTime: "a date or time is not valid"
    case .duplicateKey: "a key is defined twice"
    case .duplicateTable: "a table is defined twice"
    case .keyIsNotATable: "a key that has a value is used as a table"
    case .extendsDefinedTable: "a dotted key adds to a table that has its own header"
    case .extendsInlineTable: "an inline table cannot be extended"
    case .extendsStaticArray: "an array that was written as a value cannot be extended"
    case .tableIsAnArray: "an array of tables is used as a table"
    case .tableIsNotAnArray: "a table is used as an array of tables"
    }
  }
}

extension TOMLError.Expectation: CustomStringConvertible {
  /// The expected token in words.
  public var description: String {
    switch self {
    case .key: "a key"
    case .equalsSign: "'='"
    case .value: "a value"
    case .endOfLine: "the end of the line"
    case .headerEnd: "']'"
    case .arrayHeaderEnd: "']]'"
    case .commaOrArrayEnd: "',' or ']'"
    case .commaOrInlineTableEnd: "',' or '}'"
    }
  }
}
