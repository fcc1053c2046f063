// Arrays as SQL values. `[UInt8]` is an exception: it is a `bytea`, since PostgreSQL has no array of bytes.

internal import Protocol

/// The type of an array's elements. NULL elements are not supported.
protocol SQLArrayElement: Sendable {
  static var arrayType: SQLType { get }
  static func append(_ elements: [Self], to bytes: inout [UInt8])
  static func decodeArray(_ bytes: Span<UInt8>) throws(SQLValueError) -> [Self]
}

extension Array: SQLValue where Element: SQLArrayElement {
  static var type: SQLType { Element.arrayType }
  static var standIn: [Element] { [] }
  func append(to bytes: inout [UInt8]) { Element.append(self, to: &bytes) }
  static func decode(_ bytes: Span<UInt8>?) throws(SQLValueError) -> [Element] {
    guard let bytes else { throw .null }
    return try Element.decodeArray(bytes)
  }
}

extension UInt8: SQLArrayElement {
  static var arrayType: SQLType { .bytea }
  static func append(_ elements: [UInt8], to bytes: inout [UInt8]) { bytes.append(contentsOf: elements) }
  static func decodeArray(_ bytes: Span<UInt8>) -> [UInt8] { bytes.withUnsafeBufferPointer { Array($0) } }
}

// The format of array_recv (src/backend/utils/adt/arrayfuncs.c): number of dimensions, flags, type of the elements;
// length and lower bound of each dimension; then each element after its length.
extension SQLArrayElement where Self: SQLValue {
  static func append(_ elements: [Self], to bytes: inout [UInt8]) {
    bytes.append(bigEndian: Int32(elements.isEmpty ? 0 : 1))
    bytes.append(bigEndian: Int32(0))
    bytes.append(bigEndian: type.oid)
    if elements.isEmpty { return }
    bytes.append(bigEndian: Int32(elements.count))
    bytes.append(bigEndian: Int32(1))
    var element: [UInt8] = []
    for value in elements {
      element.removeAll(keepingCapacity: true)
      value.append(to: &element)
      bytes.append(bigEndian: Int32(element.count))
      bytes.append(contentsOf: element)
    }
  }

  static func decodeArray(_ bytes: Span<UInt8>) throws(SQLValueError) -> [Self] {
    guard bytes.count >= 12, UInt32(bigEndian: bytes, at: 8) == type.oid else { throw .malformed }
    let dimensions = Int32(bigEndian: bytes, at: 0)
    if dimensions == 0 { return [] }
    guard dimensions == 1, bytes.count >= 20 else { throw .malformed }
    let count = Int(Int32(bigEndian: bytes, at: 12))
    guard count >= 0 else { throw .malformed }
    var elements: [Self] = []
    var offset = 20
    for _ in 0..<count {
      guard bytes.count - offset >= 4 else { throw .malformed }
      let length = Int(Int32(bigEndian: bytes, at: offset))
      offset += 4
      if length < 0 { throw .null }
      guard length <= bytes.count - offset else { throw .malformed }
      elements.append(try Self.decode(bytes.extracting(offset..<offset + length)))
      offset += length
    }
    guard offset == bytes.count else { throw .malformed }
    return elements
  }
}

extension Int32: SQLArrayElement { static var arrayType: SQLType { .int4Array } }
extension Int64: SQLArrayElement { static var arrayType: SQLType { .int8Array } }
extension Double: SQLArrayElement { static var arrayType: SQLType { .float8Array } }
extension String: SQLArrayElement { static var arrayType: SQLType { .textArray } }
extension UUID: SQLArrayElement { static var arrayType: SQLType { .uuidArray } }
extension Day: SQLArrayElement { static var arrayType: SQLType { .dateArray } }
extension Timestamp: SQLArrayElement { static var arrayType: SQLType { .timestamptzArray } }
