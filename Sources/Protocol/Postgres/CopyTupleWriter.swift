// One tuple of a binary COPY: an int16 field count, then for each field an int32 length and its bytes; -1 is NULL.

/// Writes the fields of one tuple into reserved memory. Each write is checked against the end of that memory, so an
/// estimate that is too small ends the process and never overruns.
struct CopyTupleWriter: ~Copyable {
  private let base: UnsafeMutableRawPointer
  private let capacity: Int
  private(set) var count = 0

  /// Safety: `memory` must be writable as long as the writer is used; `PushRows.appendTuple` lends it for one closure.
  init(_ memory: UnsafeMutableRawBufferPointer, fields: Int) {
    base = memory.baseAddress!
    capacity = memory.count
    put(Int16(fields))
  }

  @inline(__always)
  private mutating func put<T: FixedWidthInteger>(_ value: T) {
    precondition(count + MemoryLayout<T>.size <= capacity)
    base.storeBytes(of: value.bigEndian, toByteOffset: count, as: T.self)
    count += MemoryLayout<T>.size
  }

  @inline(__always)
  mutating func null() { put(Int32(-1)) }

  /// Writes an int8, a timestamptz, or the bits of a float8.
  @inline(__always)
  mutating func eightBytes(_ bits: UInt64) {
    precondition(count + 12 <= capacity)
    base.storeBytes(of: UInt32(8).bigEndian, toByteOffset: count, as: UInt32.self)
    base.storeBytes(of: bits.bigEndian, toByteOffset: count + 4, as: UInt64.self)
    count += 12
  }

  mutating func int4(_ value: Int32) {
    put(Int32(4))
    put(value)
  }

  @inline(__always)
  mutating func bool(_ value: Bool) {
    put(Int32(1))
    put(UInt8(value ? 1 : 0))
  }

  @inline(__always)
  mutating func text(_ bytes: Span<UInt8>) {
    put(Int32(bytes.count))
    raw(bytes)
  }

  /// The most bytes that `numeric` writes: length, head, and ten groups of four digits.
  static let mostNumericBytes = 4 + 8 + 2 * 10

  /// Writes a whole number as `numeric` (numeric_recv): the number of groups, the weight (the number of groups less
  /// one), the sign, no digits after the point, then groups of four digits, the highest first.
  mutating func numeric(_ value: Int128) {
    var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)  // ten groups of 16 bits, the lowest first
    var count = 0
    var rest = value.magnitude
    while rest > 0 {
      let (quotient, group) = rest.quotientAndRemainder(dividingBy: 10_000)
      let word = UInt64(group) << UInt64(count % 4 * 16)
      switch count / 4 {
      case 0: digits.0 |= word
      case 1: digits.1 |= word
      default: digits.2 |= word
      }
      rest = quotient
      count += 1
    }
    put(Int32(8 + 2 * count))
    put(Int16(count))
    put(Int16(max(0, count - 1)))
    put(UInt16(value < 0 ? 0x4000 : 0))
    put(Int16(0))
    for index in stride(from: count - 1, through: 0, by: -1) {
      let word = index / 4 == 0 ? digits.0 : index / 4 == 1 ? digits.1 : digits.2
      put(UInt16(truncatingIfNeeded: word >> UInt64(index % 4 * 16)))
    }
  }

  /// The value of a field that `numeric` wrote, without the field's length.
  static func numeric(_ field: Span<UInt8>) -> Int128 {
    func group(_ index: Int) -> UInt16 { UInt16(field[2 * index]) << 8 | UInt16(field[2 * index + 1]) }
    var value: Int128 = 0
    for index in 0..<Int(group(0)) { value = value * 10_000 + Int128(group(4 + index)) }
    return group(2) == 0x4000 ? -value : value
  }

  /// Writes a `jsonb` with this text.
  mutating func jsonb(_ text: Span<UInt8>) {
    put(Int32(text.count + 1))
    put(PostgresBinary.jsonbVersion)
    raw(text)
  }

  /// Writes a `jsonb` object with this text between its braces.
  mutating func jsonbObject(inside text: Span<UInt8>) {
    put(Int32(text.count + 3))
    put(PostgresBinary.jsonbVersion)
    put(UInt8(ascii: "{"))
    raw(text)
    put(UInt8(ascii: "}"))
  }

  /// Begins a one-dimensional `text[]` of `count` elements, which the caller then writes with `text`. `bytes` is the
  /// sum of their lengths.
  mutating func textArray(count: Int, bytes: Int) {
    put(Int32(20 + 4 * count + bytes))
    put(Int32(1))  // dimensions
    put(Int32(0))  // the array has no NULL
    put(PostgresBinary.textOID)
    put(Int32(count))
    put(Int32(1))  // lower bound
  }

  /// Writes the bytes of a field whose length has been written.
  @inline(__always)
  mutating func raw(_ bytes: Span<UInt8>) {
    precondition(count + bytes.count <= capacity)
    // Safety: the precondition bounds the copy; a span and reserved memory cannot overlap.
    bytes.withUnsafeBytes { source in
      if let address = source.baseAddress { (base + count).copyMemory(from: address, byteCount: source.count) }
    }
    count += bytes.count
  }
}
