// A TOML parser by recursive descent. Only values recurse, and the depth limit bounds the stack.

struct TOMLParser: ~Escapable {
  private var cursor: TOMLCursor
  private var tree: TOMLTree
  private let limits: TOMLLimits

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, limits: TOMLLimits) {
    cursor = TOMLCursor(bytes)
    tree = TOMLTree(limits: limits)
    self.limits = limits
  }

  mutating func document() throws(TOMLFault) -> TOMLTable {
    var table = tree.root
    while !cursor.isAtEnd {
      cursor.skipBlanks()
      if cursor.peek == UInt8(ascii: "[") {
        table = try header()
      } else if cursor.peek != UInt8(ascii: "#"), cursor.newlineLength(at: cursor.position) == 0, !cursor.isAtEnd {
        try keyAndValue(in: table)
      }
      try cursor.endLine()
    }
    return tree.frozen(tree.root)
  }

  /// Reads `[table]` or `[[element]]`.
  private mutating func header() throws(TOMLFault) -> TOMLTree.TableID {
    cursor.position += 1
    let isElement = cursor.take(UInt8(ascii: "["))
    let path = try cursor.keyPath(limit: limits.depth, depthLimit: limits.depth)
    guard cursor.take(UInt8(ascii: "]")) else { throw cursor.missing(isElement ? .arrayHeaderEnd : .headerEnd) }
    guard isElement else { return try tree.openTable(path) }
    guard cursor.take(UInt8(ascii: "]")) else { throw cursor.missing(.arrayHeaderEnd) }
    return try tree.openElement(path)
  }

  private mutating func keyAndValue(in table: TOMLTree.TableID) throws(TOMLFault) {
    // The last part names a value. It counts as a level only if the value is a table or an array.
    let path = try cursor.keyPath(limit: limits.depth + 1, depthLimit: limits.depth)
    guard cursor.take(UInt8(ascii: "=")) else { throw cursor.missing(.equalsSign) }
    // The owner is found before the value is read, so that the first of two defects in the text is reported.
    let owner = try tree.owner(of: path, in: table)
    cursor.skipBlanks()
    let value = try value(in: tree.depth(of: owner))
    try tree.set(path[path.count - 1], to: value, in: owner)
  }

  /// - Parameter depth: the depth of the table or array that holds the value.
  private mutating func value(in depth: Int) throws(TOMLFault) -> TOMLValue {
    switch cursor.peek {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): .string(try cursor.string())
    case UInt8(ascii: "["): .array(try array(depth: depth + 1))
    case UInt8(ascii: "{"): .table(try inlineTable(depth: depth + 1))
    default: try cursor.literal()
    }
  }

  private mutating func array(depth: Int) throws(TOMLFault) -> [TOMLValue] {
    guard depth <= limits.depth else { throw cursor.fault(.tooDeep(limit: limits.depth)) }
    cursor.position += 1
    var elements: [TOMLValue] = []
    while true {
      try cursor.skipLines()
      if cursor.take(UInt8(ascii: "]")) { return elements }
      elements.append(try value(in: depth))
      try cursor.skipLines()
      if cursor.take(UInt8(ascii: "]")) { return elements }
      guard cursor.take(UInt8(ascii: ",")) else { throw cursor.missing(.commaOrArrayEnd) }
    }
  }

  /// Reads an inline table: on one line, without a trailing comma. Nothing can be added after its closing brace.
  private mutating func inlineTable(depth: Int) throws(TOMLFault) -> TOMLTable {
    guard depth <= limits.depth else { throw cursor.fault(.tooDeep(limit: limits.depth)) }
    cursor.position += 1
    let table = tree.makeInlineTable(depth: depth)
    cursor.skipBlanks()
    if cursor.take(UInt8(ascii: "}")) { return tree.frozen(table) }
    while true {
      try keyAndValue(in: table)
      cursor.skipBlanks()
      if cursor.take(UInt8(ascii: "}")) { return tree.frozen(table) }
      guard cursor.take(UInt8(ascii: ",")) else { throw cursor.missing(.commaOrInlineTableEnd) }
    }
  }
}

extension TOMLCursor {
  /// Reads a boolean, a number, a date or a time.
  fileprivate mutating func literal() throws(TOMLFault) -> TOMLValue {
    let start = position
    var end = literalEnd(from: start)
    let token = bytes.extracting(start..<end)
    if token.count == 0 { throw missing(.value) }
    let value: TOMLValue
    if TOMLDateTime.looksLikeDate(token) || TOMLDateTime.looksLikeTime(token) {
      // A blank may stand for the T, but only if a time follows. Otherwise the blank separates the date from a comment.
      if token.count == TOMLDateTime.dateLength, byte(at: end) == 0x20,
        TOMLNumber.digit(byte(at: end + 1), radix: 10) != nil
      {
        end = literalEnd(from: end + 1)
      }
      value = try dateTime(start..<end)
    } else if isWord("true", token) {
      value = .boolean(true)
    } else if isWord("false", token) {
      value = .boolean(false)
    } else {
      value = try number(token)
    }
    position = end
    return value
  }

  private func dateTime(_ range: Range<Int>) throws(TOMLFault) -> TOMLValue {
    switch TOMLDateTime.kind(of: bytes.extracting(range)) {
    case .offsetDateTime: .offsetDateTime(text(range))
    case .localDateTime: .localDateTime(text(range))
    case .localDate: .localDate(text(range))
    case .localTime: .localTime(text(range))
    case nil: throw fault(.invalidDateTime)
    }
  }

  private func number(_ token: Span<UInt8>) throws(TOMLFault) -> TOMLValue {
    do throws(TOMLNumberDefect) {
      return try TOMLNumber.parse(token)
    } catch {
      // A word that only lacks its quotes is not reported as a bad number.
      let first = token[0]
      let isWord = first | 0x20 >= UInt8(ascii: "a") && first | 0x20 <= UInt8(ascii: "z") || first == UInt8(ascii: "_")
      throw fault(isWord ? .expected(.value) : error.reason)
    }
  }

  private func isWord(_ word: StaticString, _ token: Span<UInt8>) -> Bool {
    guard token.count == word.utf8CodeUnitCount else { return false }
    return word.withUTF8Buffer { word in
      for index in token.indices where token[index] != word[index] { return false }
      return true
    }
  }

  /// The end of the run of bytes that may belong to numbers, dates and words.
  private func literalEnd(from start: Int) -> Int {
    var index = start
    while true {
      switch byte(at: index) {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"),
        UInt8(ascii: "."), UInt8(ascii: ":"):
        index += 1
      default: return index
      }
    }
  }
}
