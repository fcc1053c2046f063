// A small JSON tree for bodies that people and admin tools send. Pushes never take this road: they are pulled.

/// One JSON value (RFC 8259).
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// A number written without fraction and exponent that fits.
  case integer(Int64)
  /// Every other number. Never infinite: what is too large is refused.
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

/// Members in the order they were written; no name occurs twice.
public struct JSONObject: Sendable, Equatable {
  public struct Member: Sendable, Equatable {
    public let name: String
    public let value: JSONValue
  }

  public private(set) var members: [Member]

  public init() { members = [] }

  init(uniqueMembers: [Member]) { members = uniqueMembers }

  /// Reads by walking the members (admin objects are small); writing replaces in place or appends, nil removes.
  public subscript(name: String) -> JSONValue? {
    get { members.first { $0.name == name }?.value }
    set {
      let index = members.firstIndex { $0.name == name }
      switch (index, newValue) {
      case (let index?, let value?): members[index] = Member(name: name, value: value)
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append(Member(name: name, value: value))
      case (nil, nil): break
      }
    }
  }
}

public struct JSONValueLimits: Sendable, Equatable {
  /// Bytes of the whole text.
  public var bytes: Int
  /// Arrays and objects inside one another; the outermost counts 1.
  public var depth: Int

  public init(bytes: Int = 1 << 20, depth: Int = 32) {
    self.bytes = bytes
    self.depth = depth
  }
}

public struct JSONValueError: Error, Equatable, Sendable {
  public enum Reason: Equatable, Sendable {
    case unexpectedEnd
    case unexpectedByte(UInt8)
    /// Bytes after the value.
    case trailingBytes
    case invalidUTF8
    /// A raw control character in a string.
    case controlCharacter
    case invalidEscape
    /// Half of a UTF-16 surrogate pair, escaped.
    case loneSurrogate
    case invalidNumber
    /// Beyond the largest double.
    case numberOutOfRange
    case duplicateKey(String)
    case tooDeep(limit: Int)
    case tooLarge(limit: Int)
  }

  public let reason: Reason
  /// Byte offset in the text.
  public let offset: Int

  public init(reason: Reason, offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}

extension JSONValue {
  /// Parses exactly one JSON text, strictly: no comments, no trailing commas, no byte order mark, no repeated key.
  public static func parse(
    _ text: Span<UInt8>, limits: JSONValueLimits = JSONValueLimits()
  ) throws(JSONValueError) -> JSONValue {
    guard text.count <= limits.bytes else {
      throw JSONValueError(reason: .tooLarge(limit: limits.bytes), offset: limits.bytes)
    }
    var parser = JSONValueParser(maximumDepth: limits.depth)
    return try parser.parse(text)
  }
}
