// JSON text (RFC 8259) written front to back into one buffer. Nesting is by closure and commas are the writer's, so what
// comes out is well-formed by construction; a key where a value belongs is our bug and stops the program.

/// Writes one JSON text. `finish` hands over the bytes.
///
///     var json = JSONWriter()
///     json.object { json in
///       json.member("name", "db1")
///       json.key("sizes")
///       json.array { json in json.value(12) }
///     }
///     let bytes = json.finish()
public struct JSONWriter: ~Copyable {
  /// What may come next.
  fileprivate enum Place {
    case root  // one value → end
    case end  // nothing
    case arrayStart, arrayNext  // a value, or the bracket
    case objectStart, objectNext  // a key, or the brace
    case memberValue  // a value → objectNext
  }

  private var bytes: ByteBuffer
  private var place = Place.root

  /// - Parameter buffer: where to append; what it holds already stays in front.
  public init(appendingTo buffer: consuming ByteBuffer = ByteBuffer(minimumCapacity: 256)) {
    bytes = buffer
  }

  /// The finished text. The caller owns the buffer.
  public consuming func finish() -> ByteBuffer {
    guard case .end = place else { preconditionFailure("a JSON text has exactly one value") }
    return bytes
  }

  /// Writes an object; `body` writes its members.
  public mutating func object<E: Error>(_ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
    let enclosing = beginObject()
    try body(&self)
    endObject(enclosing)
  }

  /// Writes an array; `body` writes its elements.
  public mutating func array<E: Error>(_ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
    let enclosing = beginArray()
    try body(&self)
    endArray(enclosing)
  }

  /// Where writing goes on after a container; the matching end wants it.
  public struct Enclosing {
    fileprivate let place: Place
  }

  /// Opens an object for a writer that cannot nest closures, e.g. one that is fed row by row. Prefer `object`.
  public mutating func beginObject() -> Enclosing {
    let after = beginValue()
    bytes.append(UInt8(ascii: "{"))
    place = .objectStart
    return Enclosing(place: after)
  }

  public mutating func endObject(_ enclosing: Enclosing) {
    switch place {
    case .objectStart, .objectNext: break
    case .root, .end, .arrayStart, .arrayNext, .memberValue:
      preconditionFailure("no object to end, or a key without a value")
    }
    bytes.append(UInt8(ascii: "}"))
    place = enclosing.place
  }

  /// Opens an array, as `beginObject` does an object.
  public mutating func beginArray() -> Enclosing {
    let after = beginValue()
    bytes.append(UInt8(ascii: "["))
    place = .arrayStart
    return Enclosing(place: after)
  }

  public mutating func endArray(_ enclosing: Enclosing) {
    switch place {
    case .arrayStart, .arrayNext: break
    case .root, .end, .objectStart, .objectNext, .memberValue: preconditionFailure("no array to end")
    }
    bytes.append(UInt8(ascii: "]"))
    place = enclosing.place
  }

  /// Writes a member's name; a value must follow. The caller sees to it that names don't repeat.
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

  public mutating func null() {
    let after = beginValue()
    bytes.append("null")
    place = after
  }

  public mutating func value(_ flag: Bool) {
    let after = beginValue()
    if flag { bytes.append("true") } else { bytes.append("false") }
    place = after
  }

  @inlinable
  public mutating func value(_ number: some BinaryInteger) {
    if let number = Int(exactly: number) { value(number) } else { value(digits: String(number)) }
  }

  public mutating func value(_ number: Int) {
    let after = beginValue()
    bytes.append(decimal: number)
    place = after
  }

  /// Writes a number that has no room in an `Int`.
  @usableFromInline
  mutating func value(digits: String) {
    let after = beginValue()
    bytes.append(utf8: digits)
    place = after
  }

  public mutating func value(_ uuid: UUID) {
    let after = beginValue()
    bytes.append(UInt8(ascii: "\""))
    bytes.append(uuid)
    bytes.append(UInt8(ascii: "\""))
    place = after
  }

  /// Writes the shortest text that reads back as the same number. JSON has no word for what isn't finite: that is null.
  public mutating func value(_ number: Double) {
    guard number.isFinite else { return null() }
    let after = beginValue()
    bytes.append(utf8: number.description)
    place = after
  }

  public mutating func value(_ text: String) {
    let after = beginValue()
    quote(text)
    place = after
  }

  /// Copies a value that is JSON already, e.g. a `jsonb` column. It isn't checked.
  public mutating func value(json: Span<UInt8>) {
    let after = beginValue()
    bytes.append(json)
    place = after
  }

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

  public mutating func member(_ name: String, _ flag: Bool) {
    key(name)
    value(flag)
  }

  @inlinable
  public mutating func member(_ name: String, _ number: some BinaryInteger) {
    key(name)
    value(number)
  }

  public mutating func member(_ name: String, _ uuid: UUID) {
    key(name)
    value(uuid)
  }

  public mutating func member(_ name: String, _ number: Double) {
    key(name)
    value(number)
  }

  public mutating func member(_ name: String, _ text: String) {
    key(name)
    value(text)
  }

  /// Puts the comma that is due. - Returns: the place after the value.
  private mutating func beginValue() -> Place {
    switch place {
    case .root: return .end
    case .arrayStart: return .arrayNext
    case .arrayNext:
      bytes.append(UInt8(ascii: ","))
      return .arrayNext
    case .memberValue: return .objectNext
    case .end, .objectStart, .objectNext: preconditionFailure("a value where none belongs")
    }
  }

  private mutating func quote(_ text: String) {
    var text = text
    text.withUTF8 { bytes.append(jsonString: $0.span) }
  }
}
