// A parser for RFC 8259 by recursive descent. The depth limit bounds the stack.

/// The parser's position in the text. Each step borrows the text, so the parser has no lifetime of its own to depend
/// on.
struct JSONValueParser {
  let maximumDepth: Int
  /// The byte offset of the next byte.
  private var at = 0
  private var depth = 0

  init(maximumDepth: Int) { self.maximumDepth = maximumDepth }

  mutating func parse(_ text: Span<UInt8>) throws(JSONValueError) -> JSONValue {
    let root = try value(text)
    skipSpace(text)
    guard at == text.count else { throw error(.trailingBytes) }
    return root
  }

  private mutating func value(_ text: Span<UInt8>) throws(JSONValueError) -> JSONValue {
    skipSpace(text)
    switch try peek(text) {
    case UInt8(ascii: "{"): return .object(try object(text))
    case UInt8(ascii: "["): return .array(try array(text))
    case UInt8(ascii: "\""): return .string(try string(text))
    case UInt8(ascii: "t"): return try word("true", .bool(true), text)
    case UInt8(ascii: "f"): return try word("false", .bool(false), text)
    case UInt8(ascii: "n"): return try word("null", .null, text)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number(text)
    case let byte: throw error(.unexpectedByte(byte))
    }
  }

  private mutating func object(_ text: Span<UInt8>) throws(JSONValueError) -> JSONObject {
    try descend()
    defer { depth -= 1 }
    at += 1
    skipSpace(text)
    if take(UInt8(ascii: "}"), text) { return JSONObject() }
    var members: [JSONObject.Member] = []
    var names: Set<String> = []  // a set, because a search in `members` would take quadratic time for a hostile object
    while true {
      skipSpace(text)
      let keyOffset = at
      guard try peek(text) == UInt8(ascii: "\"") else { throw error(.unexpectedByte(text[at])) }
      let name = try string(text)
      guard names.insert(name).inserted else { throw error(.duplicateKey(name), at: keyOffset) }
      skipSpace(text)
      try expect(UInt8(ascii: ":"), text)
      members.append(JSONObject.Member(name: name, value: try value(text)))
      skipSpace(text)
      if take(UInt8(ascii: "}"), text) { return JSONObject(uniqueMembers: members) }
      try expect(UInt8(ascii: ","), text)
    }
  }

  private mutating func array(_ text: Span<UInt8>) throws(JSONValueError) -> [JSONValue] {
    try descend()
    defer { depth -= 1 }
    at += 1
    skipSpace(text)
    if take(UInt8(ascii: "]"), text) { return [] }
    var elements: [JSONValue] = []
    while true {
      elements.append(try value(text))
      skipSpace(text)
      if take(UInt8(ascii: "]"), text) { return elements }
      try expect(UInt8(ascii: ","), text)
    }
  }

  private mutating func string(_ text: Span<UInt8>) throws(JSONValueError) -> String {
    at += 1
    let start = at
    var bytes: [UInt8] = []
    while true {
      switch try peek(text) {
      case UInt8(ascii: "\""):
        at += 1
        guard let string = String(validating: bytes, as: UTF8.self) else { throw error(.invalidUTF8, at: start) }
        return string
      case UInt8(ascii: "\\"): try escape(text, into: &bytes)
      case 0..<0x20: throw error(.controlCharacter)
      case let byte:
        bytes.append(byte)
        at += 1
      }
    }
  }

  private mutating func escape(_ text: Span<UInt8>, into bytes: inout [UInt8]) throws(JSONValueError) {
    let start = at
    at += 1
    let letter = try peek(text)
    at += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(letter)
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0C)
    case UInt8(ascii: "n"): bytes.append(0x0A)
    case UInt8(ascii: "r"): bytes.append(0x0D)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      let scalar = try escapedScalar(text, start: start)
      bytes.append(contentsOf: String(scalar).utf8)
    default: throw error(.invalidEscape, at: start)
    }
  }

  /// The scalar of `\uXXXX`, or of a surrogate pair of two such escapes. `at` is behind the first `u`.
  private mutating func escapedScalar(_ text: Span<UInt8>, start: Int) throws(JSONValueError) -> Unicode.Scalar {
    let unit = try hexUnit(text, start: start)
    if let scalar = Unicode.Scalar(unit) { return scalar }
    guard UTF16.isLeadSurrogate(unit), at + 1 < text.count, text[at] == UInt8(ascii: "\\"),
      text[at + 1] == UInt8(ascii: "u")
    else { throw error(.loneSurrogate, at: start) }
    at += 2
    let trail = try hexUnit(text, start: at - 2)
    guard UTF16.isTrailSurrogate(trail),
      let scalar = Unicode.Scalar(0x1_0000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(trail) - 0xDC00))
    else { throw error(.loneSurrogate, at: start) }
    return scalar
  }

  private mutating func hexUnit(_ text: Span<UInt8>, start: Int) throws(JSONValueError) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      let digit: UInt8
      switch try peek(text) {
      case let byte where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte): digit = byte - UInt8(ascii: "0")
      case let byte where (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte): digit = byte - UInt8(ascii: "a") + 10
      case let byte where (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte): digit = byte - UInt8(ascii: "A") + 10
      default: throw error(.invalidEscape, at: start)
      }
      unit = unit << 4 | UInt16(digit)
      at += 1
    }
    return unit
  }

  private mutating func number(_ text: Span<UInt8>) throws(JSONValueError) -> JSONValue {
    let start = at
    var isInteger = true
    _ = take(UInt8(ascii: "-"), text)
    if !take(UInt8(ascii: "0"), text) { try digits(text, start: start) }
    if take(UInt8(ascii: "."), text) {
      isInteger = false
      try digits(text, start: start)
    }
    if take(UInt8(ascii: "e"), text) || take(UInt8(ascii: "E"), text) {
      isInteger = false
      if !take(UInt8(ascii: "+"), text) { _ = take(UInt8(ascii: "-"), text) }
      try digits(text, start: start)
    }
    // "01" and "1x" are refused: the byte after a number must not look like a part of it.
    if at < text.count, text[at] != UInt8(ascii: ","), text[at] != UInt8(ascii: "]"), text[at] != UInt8(ascii: "}"),
      !Self.isSpace(text[at])
    {
      throw error(.invalidNumber, at: start)
    }
    var literal = ""
    for index in start..<at { literal.unicodeScalars.append(Unicode.Scalar(text[index])) }
    // "-0" stays a double: an integer has no negative zero.
    if isInteger, literal != "-0", let integer = Int64(literal) { return .integer(integer) }
    guard let double = Double(literal), double.isFinite else { throw error(.numberOutOfRange, at: start) }
    return .double(double)
  }

  private mutating func digits(_ text: Span<UInt8>, start: Int) throws(JSONValueError) {
    let first = at
    while at < text.count, text[at] >= UInt8(ascii: "0"), text[at] <= UInt8(ascii: "9") { at += 1 }
    if at > first { return }
    if at == text.count { throw error(.unexpectedEnd) }
    throw error(.invalidNumber, at: start)
  }

  private mutating func word(
    _ word: StaticString, _ value: JSONValue, _ text: Span<UInt8>
  ) throws(JSONValueError) -> JSONValue {
    for offset in 0..<word.utf8CodeUnitCount {
      let wanted = word.withUTF8Buffer { $0[offset] }
      try expect(wanted, text)
    }
    return value
  }

  private mutating func descend() throws(JSONValueError) {
    guard depth < maximumDepth else { throw error(.tooDeep(limit: maximumDepth)) }
    depth += 1
  }

  private mutating func skipSpace(_ text: Span<UInt8>) {
    while at < text.count, Self.isSpace(text[at]) { at += 1 }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }

  private func peek(_ text: Span<UInt8>) throws(JSONValueError) -> UInt8 {
    guard at < text.count else { throw error(.unexpectedEnd) }
    return text[at]
  }

  private mutating func take(_ byte: UInt8, _ text: Span<UInt8>) -> Bool {
    guard at < text.count, text[at] == byte else { return false }
    at += 1
    return true
  }

  private mutating func expect(_ byte: UInt8, _ text: Span<UInt8>) throws(JSONValueError) {
    let found = try peek(text)
    guard found == byte else { throw error(.unexpectedByte(found)) }
    at += 1
  }

  private func error(_ reason: JSONValueError.Reason, at offset: Int? = nil) -> JSONValueError {
    JSONValueError(reason: reason, offset: offset ?? at)
  }
}
