// One tuple of a binary COPY: an int16 field count, then for each field an int32 length and its bytes; -1 is NULL.

/// Writes the fields of one tuple into memory that was reserved for it. Every write is checked against that memory's
/// end: an estimate that was too small traps and never overruns.
struct CopyTupleWriter: ~Copyable {
  private let base: UnsafeMutableRawPointer
  private let capacity: Int
  private(set) var count = 0

  /// Safety: `memory` must be writable until the writer is gone; `PushRows.appendTuple` lends it for one closure.
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

  /// An int8, timestamptz, or the bits of a float8.
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

  /// A `jsonb` from its text.
  mutating func jsonb(_ text: Span<UInt8>) {
    put(Int32(text.count + 1))
    put(PostgresBinary.jsonbVersion)
    raw(text)
  }

  /// A `jsonb` object from the text between its braces.
  mutating func jsonbObject(inside text: Span<UInt8>) {
    put(Int32(text.count + 3))
    put(PostgresBinary.jsonbVersion)
    put(UInt8(ascii: "{"))
    raw(text)
    put(UInt8(ascii: "}"))
  }

  /// Begins a one-dimensional `text[]` of `count` elements, which follow as `text`; `bytes` is the sum of their lengths.
  mutating func textArray(count: Int, bytes: Int) {
    put(Int32(20 + 4 * count + bytes))
    put(Int32(1))  // dimensions
    put(Int32(0))  // no NULL in it
    put(PostgresBinary.textOID)
    put(Int32(count))
    put(Int32(1))  // lower bound
  }

  /// Bytes of a field whose length was written before.
  @inline(__always)
  mutating func raw(_ bytes: Span<UInt8>) {
    precondition(count + bytes.count <= capacity)
    // Safety: the precondition bounds the copy; a span and reserved memory cannot overlap.
    bytes.withUnsafeBytes { source in
      if let address = source.baseAddress { (base + count).copyMemory(from: address, byteCount: source.count) }
    }
    count += bytes.count
  }

  /// Begins a `text` field of `count` bytes, which follow by `raw`.
  mutating func textHeader(_ count: Int) { put(Int32(count)) }

  mutating func dot() { put(UInt8(ascii: ".")) }
}
