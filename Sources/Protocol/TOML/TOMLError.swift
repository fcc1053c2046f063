// Why a text is no TOML document, and where.

/// The first defect of a document.
public struct TOMLError: Error, Equatable, Sendable {
  public enum Reason: Equatable, Sendable {
    case documentTooLarge(limitBytes: Int)
    case tooDeep(limit: Int)
    case tooManyKeys(limit: Int)
    case invalidUTF8
    /// A control character that the grammar allows nowhere here: also a carriage return without its line feed.
    case controlCharacter
    /// The text ends where something had to follow.
    case unexpectedEnd
    case expected(Expectation)
    /// At the opening quote: the line, or for a multi-line string the text, ends before the closing one.
    case unterminatedString
    /// A multi-line string where a key stands.
    case multiLineKey
    case invalidEscape
    case invalidNumber
    case integerOutOfRange
    case floatOutOfRange
    case invalidDateTime
    case duplicateKey
    case duplicateTable
    /// A dotted key or a header goes through a key whose value is no table.
    case keyIsNotATable
    /// A dotted key adds to a table that a header defined.
    case extendsDefinedTable
    case extendsInlineTable
    case extendsStaticArray
    /// A dotted key, or a `[header]`, names an array of tables.
    case tableIsAnArray
    /// A `[[header]]` names a table.
    case tableIsNotAnArray
  }

  public enum Expectation: Equatable, Sendable {
    case key, equalsSign, value, endOfLine, headerEnd, arrayHeaderEnd, commaOrArrayEnd, commaOrInlineTableEnd
  }

  /// From 1; lines end with a line feed.
  public let line: Int
  /// From 1, in Unicode scalars (a byte order mark is none). One past the last of the line where the text ends too early.
  public let column: Int
  public let reason: Reason

  public init(line: Int, column: Int, reason: Reason) {
    self.line = line
    self.column = column
    self.reason = reason
  }

  /// Locates `fault` in the text that it is about.
  init(_ fault: TOMLFault, in bytes: Span<UInt8>) {
    let place = TOMLDocument.place(of: fault.offset, in: bytes)
    self.init(line: place.line, column: place.column, reason: fault.reason)
  }
}

extension TOMLDocument {
  /// Where `offset` is in the text, as `TOMLError` counts.
  public static func place(of offset: Int, in bytes: Span<UInt8>) -> (line: Int, column: Int) {
    var line = 1
    var column = 1
    var index = TOMLCursor.textStart(of: bytes)  // no editor shows or counts a byte order mark
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

/// A defect inside the parser: where it is becomes a line and a column only once it is known to leave.
struct TOMLFault: Error {
  let reason: TOMLError.Reason
  /// Bytes from the start of the document.
  let offset: Int
}

extension TOMLError: CustomStringConvertible {
  /// Like `line 3, column 7: a key is defined twice`.
  public var description: String { "line \(line), column \(column): \(reason)" }
}

extension TOMLError.Reason: CustomStringConvertible {
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
