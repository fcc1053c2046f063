// The JSON inside this server's own tokens: one object (RFC 8259) whose members are strings and whole numbers. The
// reader refuses everything else that JSON allows. It also refuses repeated names, because two readers could take
// different values from them.

/// A strict reader of one flat object.
struct FlatJSONObject {
  enum Value: Equatable {
    case text(String)
    case number(Int64)
  }

  /// The most members that are read. No token of this server has as many.
  static let maximumMembers = 32

  private(set) var members: [(name: String, value: Value)] = []

  /// Reads an object.
  /// - Returns: nil unless all of `text` is one such object.
  init?(_ text: Span<UInt8>) {
    var reader = Reader(text)
    guard reader.skip(UInt8(ascii: "{")) else { return nil }
    if !reader.skip(UInt8(ascii: "}")) {
      repeat {
        guard members.count < Self.maximumMembers, let name = reader.string(), self[name] == nil,
          reader.skip(UInt8(ascii: ":")), let value = reader.value()
        else { return nil }
        members.append((name, value))
      } while reader.skip(UInt8(ascii: ","))
      guard reader.skip(UInt8(ascii: "}")) else { return nil }
    }
    guard reader.isAtEnd() else { return nil }
  }

  subscript(name: String) -> Value? { members.first { $0.name == name }?.value }

  /// Appends `text` as a JSON string.
  static func append(_ text: String, to buffer: inout ByteBuffer) {
    buffer.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        buffer.append(UInt8(ascii: "\\"))
        buffer.append(byte)
      case 0..<0x20:
        buffer.append("\\u00")
        buffer.append(Hex.digit(byte >> 4))
        buffer.append(Hex.digit(byte & 0x0F))
      default:
        buffer.append(byte)
      }
    }
    buffer.append(UInt8(ascii: "\""))
  }
}

/// A cursor over JSON text. It skips white space before each token.
private struct Reader: ~Escapable {
  private let text: Span<UInt8>
  private var position = 0

  @_lifetime(copy text)
  init(_ text: Span<UInt8>) { self.text = text }

  @_lifetime(self: copy self)
  mutating func isAtEnd() -> Bool {
    skipSpace()
    return position == text.count
  }

  @_lifetime(self: copy self)
  mutating func skip(_ byte: UInt8) -> Bool {
    skipSpace()
    guard position < text.count, text[position] == byte else { return false }
    position += 1
    return true
  }

  @_lifetime(self: copy self)
  mutating func value() -> FlatJSONObject.Value? {
    skipSpace()
    guard position < text.count else { return nil }
    if text[position] == UInt8(ascii: "\"") { return string().map { .text($0) } }
    return number().map { .number($0) }
  }

  /// Reads a whole number within Int64, without fraction or exponent.
  @_lifetime(self: copy self)
  private mutating func number() -> Int64? {
    let isNegative = text[position] == UInt8(ascii: "-")
    if isNegative { position += 1 }
    let first = position
    var value: Int64 = 0
    while position < text.count, (0x30...0x39).contains(text[position]) {
      let digit = Int64(text[position] - 0x30)
      let (shifted, overflowed) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = shifted.addingReportingOverflow(isNegative ? -digit : digit)
      guard !overflowed, !carried else { return nil }
      value = sum
      position += 1
    }
    let digits = position - first
    guard digits > 0, digits == 1 || text[first] != 0x30 else { return nil }
    return value
  }

  @_lifetime(self: copy self)
  mutating func string() -> String? {
    guard skip(UInt8(ascii: "\"")) else { return nil }
    var bytes: [UInt8] = []
    while position < text.count {
      let byte = text[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(validating: bytes, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let scalar = escape() else { return nil }
        bytes.append(contentsOf: UTF8.encode(scalar)!)
      case 0..<0x20: return nil
      default: bytes.append(byte)
      }
    }
    return nil
  }

  /// Reads the rest of an escape, after the backslash. Surrogates must come in pairs.
  @_lifetime(self: copy self)
  private mutating func escape() -> Unicode.Scalar? {
    guard position < text.count else { return nil }
    let kind = text[position]
    position += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(kind)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      guard let unit = fourDigits() else { return nil }
      guard (0xD800..<0xDC00).contains(unit) else { return Unicode.Scalar(unit) }
      guard position + 1 < text.count, text[position] == UInt8(ascii: "\\"), text[position + 1] == UInt8(ascii: "u")
      else { return nil }
      position += 2
      guard let low = fourDigits(), (0xDC00..<0xE000).contains(low) else { return nil }
      return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    default: return nil
    }
  }

  @_lifetime(self: copy self)
  private mutating func fourDigits() -> UInt32? {
    guard position + 4 <= text.count else { return nil }
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Hex.value(text[position]) else { return nil }
      unit = unit << 4 | UInt32(digit)
      position += 1
    }
    return unit
  }

  @_lifetime(self: copy self)
  private mutating func skipSpace() {
    while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
  }
}
