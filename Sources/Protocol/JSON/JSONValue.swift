// A JSON tree for the small bodies that people and admin tools send. Pushes are never parsed into a tree.

/// One JSON value (RFC 8259).
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// A number without fraction and exponent that fits 64 bits.
  case integer(Int64)
  /// Any other number; never infinite, because larger numbers are refused.
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

/// An object. Its members keep the order in which they were written; no name occurs twice.
public struct JSONObject: Sendable, Equatable {
  /// One member of an object.
  public struct Member: Sendable, Equatable {
    /// The name of the member.
    public let name: String
    /// The value of the member.
    public let value: JSONValue
  }

  /// The members in order.
  public private(set) var members: [Member]

  /// Makes an empty object.
  public init() { members = [] }

  init(uniqueMembers: [Member]) { members = uniqueMembers }

  /// The value of a member. Reading searches the members one by one, because such objects are small. Writing replaces
  /// the value in place or appends a member; nil removes it.
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

/// The limits of one text.
public struct JSONValueLimits: Sendable, Equatable {
  /// The most bytes of the whole text.
  public var bytes: Int
  /// The most arrays and objects inside one another; the outermost one counts as 1.
  public var depth: Int

  /// Makes limits; by default the server's.
  public init(bytes: Int = 1 << 20, depth: Int = 32) {
    self.bytes = bytes
    self.depth = depth
  }
}

/// The reason that a text is refused, and where.
public struct JSONValueError: Error, Equatable, Sendable {
  /// The reason that a text is refused.
  public enum Reason: Equatable, Sendable {
    case unexpectedEnd
    case unexpectedByte(UInt8)
    /// Bytes follow the value.
    case trailingBytes
    case invalidUTF8
    /// A string holds a control character that is not escaped.
    case controlCharacter
    case invalidEscape
    /// A string holds an escaped half of a UTF-16 surrogate pair.
    case loneSurrogate
    case invalidNumber
    /// The number is larger than the largest double.
    case numberOutOfRange
    case duplicateKey(String)
    case tooDeep(limit: Int)
    case tooLarge(limit: Int)
  }

  /// The reason.
  public let reason: Reason
  /// The byte offset in the text.
  public let offset: Int

  /// Makes an error.
  public init(reason: Reason, offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}

extension JSONValue {
  /// Parses exactly one JSON text. Comments, trailing commas, a byte order mark and repeated keys are refused.
  /// - Throws: the first fault.
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
