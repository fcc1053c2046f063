// The field lines of a received head (RFC 9110 §5, RFC 9112 §5): in order, with duplicates, not joined and not
// repaired. One array holds the bytes of the whole head, another the positions of names and values. A look-up allocates
// nothing.

/// Received fields. A value is a run of bytes without surrounding whitespace. It holds no control byte except HTAB; it
/// may hold bytes that are not ASCII.
public struct HTTPFields: Sendable, Equatable {
  /// The head as received: start line, field lines, empty line.
  let bytes: [UInt8]
  private let positions: [Position]

  private struct Position: Equatable {
    let nameStart: UInt32
    let nameEnd: UInt32
    let valueStart: UInt32
    let valueEnd: UInt32
  }

  /// Finds the fields in a head.
  /// - Parameters:
  ///   - bytes: a head from `HTTPHeadBuffer`, which ensures that each line ends in CRLF and that the last line is
  ///     empty; less than 4 GiB.
  ///   - start: the offset of the first field line.
  init(parsing bytes: [UInt8], from start: Int) throws(HTTPError) {
    var positions: [Position] = []
    positions.reserveCapacity(16)
    let span = bytes.span
    var lineStart = start
    while span[lineStart] != HTTPGrammar.cr {
      let (position, lineEnd) = try Self.parseLine(span, from: lineStart)
      positions.append(position)
      lineStart = lineEnd + 2
    }
    self.bytes = bytes
    self.positions = positions
  }

  private static func parseLine(_ bytes: Span<UInt8>, from start: Int) throws(HTTPError) -> (Position, end: Int) {
    if HTTPGrammar.isWhitespace(bytes[start]) { throw HTTPError(.foldedField) }
    var colon = start
    while HTTPGrammar.isToken(bytes[colon]) { colon += 1 }
    switch bytes[colon] {
    case HTTPGrammar.colon: if colon == start { throw HTTPError(.invalidFieldName) }
    case HTTPGrammar.cr: throw HTTPError(.missingColon)
    case HTTPGrammar.space, HTTPGrammar.tab: throw HTTPError(.spaceBeforeColon)
    default: throw HTTPError(.invalidFieldName)
    }
    let end = HTTPScan.firstCarriageReturn(bytes, from: colon + 1)
    let value = HTTPGrammar.trimmed(colon + 1..<end, of: bytes)
    let position = Position(
      nameStart: UInt32(start), nameEnd: UInt32(colon), valueStart: UInt32(value.lowerBound),
      valueEnd: UInt32(value.upperBound))
    return (position, end)
  }

  /// The number of field lines.
  public var count: Int { positions.count }

  /// The name at `index`, in the case that the sender used.
  public func name(at index: Int) -> ArraySlice<UInt8> {
    bytes[Int(positions[index].nameStart)..<Int(positions[index].nameEnd)]
  }

  /// The value at `index`.
  public func value(at index: Int) -> ArraySlice<UInt8> {
    bytes[Int(positions[index].valueStart)..<Int(positions[index].valueEnd)]
  }

  /// Whether the field at `index` has this name.
  /// - Parameter name: in lower case.
  public func isNamed(_ name: StaticString, at index: Int) -> Bool {
    let position = positions[index]
    // The lengths nearly always differ, so this test makes a look-up cheap.
    guard Int(position.nameEnd &- position.nameStart) == name.utf8CodeUnitCount else { return false }
    return HTTPGrammar.equal(
      bytes.span.extracting(Int(position.nameStart)..<Int(position.nameEnd)), lowercase: name)
  }

  /// The first value of a field; nil if the field is absent.
  /// - Parameter name: in lower case.
  public func first(named name: StaticString) -> ArraySlice<UInt8>? {
    for index in 0..<count where isNamed(name, at: index) { return value(at: index) }
    return nil
  }

  /// All values of a field, in the order received.
  /// - Parameter name: in lower case.
  public func all(named name: StaticString) -> [ArraySlice<UInt8>] {
    (0..<count).filter { isNamed(name, at: $0) }.map { value(at: $0) }
  }

  /// The number of field lines with this name.
  /// - Parameter name: in lower case.
  public func count(named name: StaticString) -> Int {
    var found = 0
    for index in 0..<count where isNamed(name, at: index) { found += 1 }
    return found
  }

  /// The first value of a field as text; nil if the field is absent. Bytes that are not UTF-8 become U+FFFD, which no
  /// valid token, number or path of this server contains.
  /// - Parameter name: in lower case.
  public func string(named name: StaticString) -> String? {
    first(named: name).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether a field's comma-separated lists contain `element`, without regard to case.
  /// - Parameters: both in lower case.
  public func list(named name: StaticString, contains element: StaticString) -> Bool {
    var found = false
    for index in 0..<count where isNamed(name, at: index) {
      let position = positions[index]
      let value = bytes.span.extracting(Int(position.valueStart)..<Int(position.valueEnd))
      HTTPGrammar.forEachElement(of: value) { if HTTPGrammar.equal($0, lowercase: element) { found = true } }
    }
    return found
  }
}
