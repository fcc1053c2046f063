// A pull parser over one contiguous run of bytes (RFC 8259). It never copies and never allocates; strings and numbers
// are returned as positions. A byte after the end reads as zero. No rule of the grammar accepts zero, so the end of the
// text is an ordinary syntax error and never a trap.

/// A position in a JSON text, and the steps that advance it.
struct JSONCursor: ~Escapable {
  let bytes: Span<UInt8>
  var position: Int

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, at position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  var isAtEnd: Bool { position >= bytes.count }

  /// The byte at `index`; 0 after the end.
  @inline(__always)
  func byte(at index: Int) -> UInt8 {
    // Safety: index is never negative (positions only grow from 0) and is compared with the count here.
    index < bytes.count ? bytes[unchecked: index] : 0
  }

  @inline(__always)
  var peek: UInt8 { byte(at: position) }

  /// The eight bytes from `index` on; the first one is in the lowest lane.
  /// - Precondition: the bytes exist. The caller has compared `index` with the count.
  @inline(__always)
  func uncheckedWord(at index: Int) -> UInt64 {
    // Safety: each caller has compared index + 8 with the count, or with a limit that is at most the count.
    assert(index >= 0 && index + 8 <= bytes.count)
    return UInt64(littleEndian: bytes.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self))
  }

  @inline(__always)
  mutating func skipWhitespace() {
    if peek > 0x20 { return }
    skipMoreWhitespace()
  }

  private mutating func skipMoreWhitespace() {
    while true {
      switch peek {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  /// The fault for a byte that the grammar does not allow at this position.
  func unexpected() -> DecodeFault {
    .malformed(isAtEnd ? .unexpectedEnd : .unexpectedByte, at: min(position, bytes.count))
  }

  @inline(__always)
  mutating func expect(_ byte: UInt8) throws(DecodeFault) {
    guard peek == byte else { throw unexpected() }
    position += 1
  }

  mutating func expectNull() throws(DecodeFault) {
    try expect(0x6E)
    try expect(0x75)
    try expect(0x6C)
    try expect(0x6C)
  }

  mutating func boolean() throws(DecodeFault) -> Bool {
    if peek == 0x74 {
      position += 1
      try expect(0x72)
      try expect(0x75)
      try expect(0x65)
      return true
    }
    try expect(0x66)
    try expect(0x61)
    try expect(0x6C)
    try expect(0x73)
    try expect(0x65)
    return false
  }

  /// Skips one value of any kind and checks its syntax.
  /// - Parameters:
  ///   - depth: the number of containers that are open around the value.
  ///   - maximumDepth: the most containers that may be open at a time. Those around the value count.
  ///   - storable: also checks that PostgreSQL's jsonb can hold the value: UTF-8, no U+0000, no lone surrogate, no
  ///     number beyond `numeric`.
  mutating func skipValue(depth: Int, maximumDepth: Int, storable: Bool) throws(DecodeFault) {
    var open = 0
    var objects: UInt64 = 0  // bit n: container n, counted from the value's outermost one, is an object
    while true {
      skipWhitespace()
      var isValueComplete = true
      switch peek {
      case 0x22:
        let text = try text()
        if storable { try check(text) }
      case 0x7B, 0x5B:
        guard depth + open < maximumDepth, open < 64 else { throw .malformed(.tooDeep, at: position) }
        let isObject = peek == 0x7B
        position += 1
        skipWhitespace()
        if peek == (isObject ? 0x7D : 0x5D) {
          position += 1
        } else {
          let bit: UInt64 = 1 << UInt64(open)
          objects = isObject ? objects | bit : objects & ~bit
          open += 1
          if isObject { try member(storable: storable) }
          isValueComplete = false
        }
      case 0x74, 0x66: _ = try boolean()
      case 0x6E: try expectNull()
      default:
        let number = try number()
        if storable, !number.fitsNumeric { throw .reject(.outOfRange) }
      }
      while isValueComplete {
        if open == 0 { return }
        let isObject = objects & (1 << UInt64(open - 1)) != 0
        skipWhitespace()
        if peek == 0x2C {
          position += 1
          if isObject {
            skipWhitespace()
            try member(storable: storable)
          }
          isValueComplete = false
        } else {
          try expect(isObject ? 0x7D : 0x5D)
          open -= 1
        }
      }
    }
  }

  /// Reads a key and the colon after it.
  private mutating func member(storable: Bool) throws(DecodeFault) {
    let key = try text()
    if storable { try check(key) }
    skipWhitespace()
    try expect(0x3A)
  }
}
