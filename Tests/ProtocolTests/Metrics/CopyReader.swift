// Reads tuples that the encoder wrote. It follows the manual's description of the format and shares no code with the
// encoder.

/// One field of a tuple; nil is NULL.
typealias CopyField = [UInt8]?

/// The tuples of a binary COPY without header and trailer, or nil if the bytes are not whole tuples of `fields` fields.
func readTuples(_ bytes: [UInt8], fields: Int) -> [[CopyField]]? {
  var tuples: [[CopyField]] = []
  var index = 0
  func integer(_ count: Int) -> Int? {
    guard index + count <= bytes.count else { return nil }
    var value = 0
    for _ in 0..<count {
      value = value << 8 | Int(bytes[index])
      index += 1
    }
    return count == 4 ? Int(Int32(truncatingIfNeeded: value)) : value
  }
  while index < bytes.count {
    guard integer(2) == fields else { return nil }
    var tuple: [CopyField] = []
    for _ in 0..<fields {
      guard let length = integer(4), length >= -1, index + max(length, 0) <= bytes.count else { return nil }
      tuple.append(length < 0 ? .none : Array(bytes[index..<index + length]))
      index += max(length, 0)
    }
    tuples.append(tuple)
  }
  return tuples
}

extension [UInt8] {
  /// The field as a signed integer of four or eight bytes.
  var asInteger: Int64 {
    let value = reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return count == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
  }
  var asText: String { String(decoding: self, as: UTF8.self) }
}
