// The field lines of a received head (RFC 9110 §5, RFC 9112 §5): ordered, duplicates kept, nothing joined or repaired.
// One array holds the bytes of the whole head, one the positions in it; a look-up allocates nothing.

/// Received fields. Values are opaque bytes without surrounding whitespace: no control byte but HTAB, maybe non-ASCII.
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

  /// - Parameters:
  ///   - bytes: what `HTTPHeadBuffer` proved: lines that end in CRLF, the last one empty, under 4 GiB.
  ///   - start: where the first field line begins.
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

  public var count: Int { positions.count }

  /// The name at `index`, in the sender's case.
  public func name(at index: Int) -> ArraySlice<UInt8> {
    bytes[Int(positions[index].nameStart)..<Int(positions[index].nameEnd)]
  }

  public func value(at index: Int) -> ArraySlice<UInt8> {
    bytes[Int(positions[index].valueStart)..<Int(positions[index].valueEnd)]
  }

  /// - Parameter name: in lower case.
  public func isNamed(_ name: StaticString, at index: Int) -> Bool {
    let position = positions[index]
    // Lengths differ nearly always; this keeps a look-up to a few instructions a field.
    guard Int(position.nameEnd &- position.nameStart) == name.utf8CodeUnitCount else { return false }
    return HTTPGrammar.equal(
      bytes.span.extracting(Int(position.nameStart)..<Int(position.nameEnd)), lowercase: name)
  }

  /// The first value of the field, or nil when it is absent. - Parameter name: in lower case.
  public func first(named name: StaticString) -> ArraySlice<UInt8>? {
    for index in 0..<count where isNamed(name, at: index) { return value(at: index) }
    return nil
  }

  /// All values of the field in the order received. - Parameter name: in lower case.
  public func all(named name: StaticString) -> [ArraySlice<UInt8>] {
    (0..<count).filter { isNamed(name, at: $0) }.map { value(at: $0) }
  }

  /// How often the field occurs. - Parameter name: in lower case.
  public func count(named name: StaticString) -> Int {
    var found = 0
    for index in 0..<count where isNamed(name, at: index) { found += 1 }
    return found
  }

  /// The first value as text; bytes that are not UTF-8 become U+FFFD, which no token, number or path of ours contains.
  /// - Parameter name: in lower case.
  public func string(named name: StaticString) -> String? {
    first(named: name).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether an element of the field's comma lists is `element`, without regard to case.
  /// - Parameters: in lower case both.
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
