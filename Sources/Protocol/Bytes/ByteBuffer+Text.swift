// Numbers and ids are written as text directly into the buffer. A String in between costs ten times as much as writing
// the digits.

extension ByteBuffer {
  /// Appends `number` in decimal ASCII digits. A negative number begins with `-`.
  public mutating func append(decimal number: Int) {
    appendUninitialized(minimumCapacity: 20) { memory in
      var rest = number.magnitude
      var count = number < 0 ? 2 : 1
      var bound: UInt = 10
      while rest >= bound {
        count += 1
        let (next, overflow) = bound.multipliedReportingOverflow(by: 10)
        if overflow { break }
        bound = next
      }
      var index = count
      repeat {
        index -= 1
        memory[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
      if number < 0 { memory[0] = UInt8(ascii: "-") }
      return count
    }
  }

  /// Appends `word` as 16 lower-case hex digits, the highest digit first.
  public mutating func append(hex word: UInt64) {
    appendUninitialized(minimumCapacity: 16) { memory in
      for index in 0..<16 {
        memory[index] = Hex.digit(UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * index)) & 0x0F)
      }
      return 16
    }
  }

  /// Appends the 36 characters of `uuid.description`.
  public mutating func append(_ uuid: UUID) {
    appendUninitialized(minimumCapacity: UUID.textBytes) { uuid.writeText(to: $0) }
  }
}
