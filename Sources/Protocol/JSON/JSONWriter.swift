// Writes JSON text (RFC 8259) from front to back into one buffer. Closures nest the containers and the writer places
// the commas, so the text is always well-formed. A key where a value belongs is a fault of the caller and ends the
// process.

/// Writes one JSON text. `finish` returns the bytes.
///
///     var json = JSONWriter()
///     json.object { json in
///       json.member("name", "db1")
///       json.key("sizes")
///       json.array { json in json.value(12) }
///     }
///     let bytes = json.finish()
public struct JSONWriter: ~Copyable {
  /// The kinds of token that may come next.
  fileprivate enum Place {
    case root  // one value → end
    case end  // nothing
    case arrayStart, arrayNext  // a value, or the closing bracket
    case objectStart, objectNext  // a key, or the closing brace
    case memberValue  // a value → objectNext
  }

  private var bytes: ByteBuffer
  private var place = Place.root

  /// Begins a text.
  /// - Parameter buffer: the text is appended to it; its present content stays in front.
  public init(appendingTo buffer: consuming ByteBuffer = ByteBuffer(minimumCapacity: 256)) {
    bytes = buffer
  }

  /// Ends the text. The process ends if the text has no value.
  /// - Returns: the buffer with the text. The caller owns it.
  public consuming func finish() -> ByteBuffer {
    guard case .end = place else { preconditionFailure("a JSON text has exactly one value") }
    return bytes
  }

  /// Writes an object. `body` writes its members.
  public mutating func object<E: Error>(_ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
    let enclosing = beginObject()
    try body(&self)
    endObject(enclosing)
  }

  /// Writes an array. `body` writes its elements.
  public mutating func array<E: Error>(_ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
    let enclosing = beginArray()
    try body(&self)
    endArray(enclosing)
  }

  /// The place at which writing goes on after a container. `beginObject` returns it and `endObject` takes it; the same
  /// for arrays.
  public struct Enclosing {
    fileprivate let place: Place
  }

  /// Opens an object for a caller that cannot nest closures, for example one that gets rows one by one. Prefer
  /// `object`.
  public mutating func beginObject() -> Enclosing {
    let after = beginValue()
    bytes.append(UInt8(ascii: "{"))
    place = .objectStart
    return Enclosing(place: after)
  }

  /// Closes the object that `beginObject` opened.
  public mutating func endObject(_ enclosing: Enclosing) {
    switch place {
    case .objectStart, .objectNext: break
    case .root, .end, .arrayStart, .arrayNext, .memberValue:
      preconditionFailure("no object to end, or a key without a value")
    }
    bytes.append(UInt8(ascii: "}"))
    place = enclosing.place
  }

  /// Opens an array, as `beginObject` opens an object.
  public mutating func beginArray() -> Enclosing {
    let after = beginValue()
    bytes.append(UInt8(ascii: "["))
    place = .arrayStart
    return Enclosing(place: after)
  }

  /// Closes the array that `beginArray` opened.
  public mutating func endArray(_ enclosing: Enclosing) {
    switch place {
    case .arrayStart, .arrayNext: break
    case .root, .end, .objectStart, .objectNext, .memberValue: preconditionFailure("no array to end")
    }
    bytes.append(UInt8(ascii: "]"))
    place = enclosing.place
  }

  /// Writes a member's name. A value must follow. The caller makes sure that names don't repeat.
  public mutating func key(_ name: String) {
    switch place {
    case .objectStart: break
    case .objectNext: bytes.append(UInt8(ascii: ","))
    case .root, .end, .arrayStart, .arrayNext, .memberValue: preconditionFailure("a key outside an object")
    }
    quote(name)
    bytes.append(UInt8(ascii: ":"))
    place = .memberValue
  }

  /// Writes `null`.
  public mutating func null() {
    let after = beginValue()
    bytes.append("null")
    place = after
  }

  /// Writes `true` or `false`.
  public mutating func value(_ flag: Bool) {
    let after = beginValue()
    if flag { bytes.append("true") } else { bytes.append("false") }
    place = after
  }

  /// Writes a whole number of any size.
  @inlinable
  public mutating func value(_ number: some BinaryInteger) {
    if let number = Int(exactly: number) { value(number) } else { value(digits: String(number)) }
  }

  /// Writes a whole number.
  public mutating func value(_ number: Int) {
    let after = beginValue()
    bytes.append(decimal: number)
    place = after
  }

  /// Writes a number that does not fit an `Int`.
  @usableFromInline
  mutating func value(digits: String) {
    let after = beginValue()
    bytes.append(utf8: digits)
    place = after
  }

  /// Writes a UUID as a string of 36 characters.
  public mutating func value(_ uuid: UUID) {
    let after = beginValue()
    bytes.append(UInt8(ascii: "\""))
    bytes.append(uuid)
    bytes.append(UInt8(ascii: "\""))
    place = after
  }

  /// Writes the shortest text that reads back as the same number. A number that is not finite becomes `null`, because
  /// JSON has no text for it.
  public mutating func value(_ number: Double) {
    guard number.isFinite else { return null() }
    let after = beginValue()
    bytes.append(utf8: number.description)
    place = after
  }

  /// Writes a string.
  public mutating func value(_ text: String) {
    let after = beginValue()
    quote(text)
    place = after
  }

  /// Copies a value that is already JSON, for example a `jsonb` column. The value is not checked.
  public mutating func value(json: Span<UInt8>) {
    let after = beginValue()
    bytes.append(json)
    place = after
  }

  /// Writes a tree.
  public mutating func value(_ tree: JSONValue) {
    switch tree {
    case .null: null()
    case .bool(let flag): value(flag)
    case .integer(let number): value(number)
    case .double(let number): value(number)
    case .string(let text): value(text)
    case .array(let elements): array { json in for element in elements { json.value(element) } }
    case .object(let object):
      self.object { json in
        for member in object.members {
          json.key(member.name)
          json.value(member.value)
        }
      }
    }
  }

  /// Writes a member with a flag.
  public mutating func member(_ name: String, _ flag: Bool) {
    key(name)
    value(flag)
  }

  /// Writes a member with a whole number.
  @inlinable
  public mutating func member(_ name: String, _ number: some BinaryInteger) {
    key(name)
    value(number)
  }

  /// Writes a member with a UUID.
  public mutating func member(_ name: String, _ uuid: UUID) {
    key(name)
    value(uuid)
  }

  /// Writes a member with a number.
  public mutating func member(_ name: String, _ number: Double) {
    key(name)
    value(number)
  }

  /// Writes a member with a string.
  public mutating func member(_ name: String, _ text: String) {
    key(name)
    value(text)
  }

  /// Writes the comma if one is due.
  /// - Returns: the place after the value.
  private mutating func beginValue() -> Place {
    switch place {
    case .root: return .end
    case .arrayStart: return .arrayNext
    case .arrayNext:
      bytes.append(UInt8(ascii: ","))
      return .arrayNext
    case .memberValue: return .objectNext
    case .end, .objectStart, .objectNext: preconditionFailure("a value at a place where JSON allows none")
    }
  }

  private mutating func quote(_ text: String) {
    var text = text
    text.withUTF8 { bytes.append(jsonString: $0.span) }
  }
}
