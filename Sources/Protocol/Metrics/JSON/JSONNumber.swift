// Numbers of a JSON text, read exactly: an integer never passes through a double, and a double is the nearest one.

#if canImport(Glibc)
  import Glibc
#endif

/// A number in the text: (-1)^isNegative * mantissa * 10^exponent.
struct JSONNumber: Equatable {
  /// The range of the number in the text.
  var start: Int
  var end: Int
  var isNegative = false
  /// Whether the text has neither a fraction nor an exponent.
  var isInteger = true
  /// Whether `mantissa` holds all digits. Otherwise it holds the first 19.
  var isExact = true
  var mantissa: UInt64 = 0
  var exponent = 0
  /// The number of digits before the point.
  private(set) var integerDigits = 0
  /// The number of digits after the point.
  private(set) var fractionDigits = 0
  /// The exponent as the text has it.
  private(set) var writtenExponent = 0

  /// The largest exponent that is counted: far beyond any double and any `numeric`.
  private static let exponentCeiling = 100_000_000

  init(start: Int) {
    self.start = start
    end = start
  }

  /// Whether PostgreSQL's `numeric` can hold the number: 131072 digits before the point, 16383 after it.
  var fitsNumeric: Bool {
    integerDigits + max(writtenExponent, 0) <= 131_072 && fractionDigits + max(-writtenExponent, 0) <= 16_383
  }

  fileprivate mutating func append(integer digit: UInt64) {
    integerDigits += 1
    if mantissa < 1_000_000_000_000_000_000 {
      mantissa = mantissa * 10 + digit
    } else {
      exponent += 1
      isExact = false
    }
  }

  fileprivate mutating func append(fraction digit: UInt64) {
    fractionDigits += 1
    if mantissa < 1_000_000_000_000_000_000 {
      mantissa = mantissa * 10 + digit
      exponent -= 1
    } else {
      isExact = false
    }
  }

  fileprivate mutating func setExponent(_ value: Int) {
    writtenExponent = value
    exponent += value
  }

  fileprivate static func appending(_ digit: UInt8, to exponent: Int) -> Int {
    min(exponent * 10 + Int(digit - 0x30), exponentCeiling)
  }

  /// The value as a signed 64-bit integer.
  /// - Throws: `.reject(.wrongType)` for a fraction, `.reject(.outOfRange)` beyond 64 bits. A number with a fraction or
  ///   an exponent is also out of range beyond 2^53, because a double then no longer identifies one integer.
  func asInteger(in bytes: Span<UInt8>) throws(DecodeFault) -> Int64 {
    if isInteger {
      guard isExact else { throw .reject(.outOfRange) }
      if isNegative {
        guard mantissa <= 1 << 63 else { throw .reject(.outOfRange) }
        return Int64(truncatingIfNeeded: 0 &- mantissa)
      }
      guard let value = Int64(exactly: mantissa) else { throw .reject(.outOfRange) }
      return value
    }
    let value = try asDouble(in: bytes)
    guard value.magnitude <= 9_007_199_254_740_992 else { throw .reject(.outOfRange) }
    guard let integer = Int64(exactly: value) else { throw .reject(.wrongType) }
    return integer
  }

  /// The value as a whole number of up to 38 digits. It never passes through a double, because PostgreSQL prints a
  /// `numeric` of any length.
  /// - Throws: `.reject(.wrongType)` for a fraction, `.reject(.outOfRange)` beyond 38 digits.
  func asWideInteger(in bytes: Span<UInt8>) throws(DecodeFault) -> Int128 {
    var value: Int128 = 0
    var exponent = writtenExponent
    var isBehindPoint = false
    func multiplied(_ value: Int128, adding digit: Int128) throws(DecodeFault) -> Int128 {
      guard value < Self.wideCeiling else { throw .reject(.outOfRange) }
      return value * 10 + digit
    }
    digits: for index in (isNegative ? start + 1 : start)..<end {
      switch bytes[index] {
      case 0x30...0x39:
        value = try multiplied(value, adding: Int128(bytes[index] - 0x30))
        if isBehindPoint { exponent -= 1 }
      case 0x2E: isBehindPoint = true
      default: break digits
      }
    }
    if value == 0 { return 0 }
    while exponent < 0 {
      guard value % 10 == 0 else { throw .reject(.wrongType) }
      value /= 10
      exponent += 1
    }
    while exponent > 0 {
      value = try multiplied(value, adding: 0)
      exponent -= 1
    }
    return isNegative ? -value : value
  }

  /// 10^37. A number below it may get one more digit.
  private static let wideCeiling: Int128 = 10_000_000_000_000_000_000_000_000_000_000_000_000

  /// The nearest double.
  /// - Throws: `.reject(.outOfRange)` if the nearest double is infinite.
  func asDouble(in bytes: Span<UInt8>) throws(DecodeFault) -> Double {
    if isExact {
      if mantissa == 0 { return isNegative ? -0.0 : 0 }
      // Both factors are exact, so one IEEE operation rounds once (Clinger 1990, "How to read floating point numbers
      // accurately").
      if mantissa <= 1 << 53, exponent >= -22, exponent <= 22 {
        let digits = Double(mantissa)
        let value = exponent < 0 ? digits / Self.powerOfTen(-exponent) : digits * Self.powerOfTen(exponent)
        return isNegative ? -value : value
      }
    }
    let value = nearestDouble(in: bytes)
    guard value.isFinite else { throw .reject(.outOfRange) }
    return value
  }

  /// The powers of ten that a double holds exactly.
  @inline(__always)
  fileprivate static func powerOfTen(_ exponent: Int) -> Double {
    switch exponent {
    case 0: 1
    case 1: 1e1
    case 2: 1e2
    case 3: 1e3
    case 4: 1e4
    case 5: 1e5
    case 6: 1e6
    case 7: 1e7
    case 8: 1e8
    case 9: 1e9
    case 10: 1e10
    case 11: 1e11
    case 12: 1e12
    case 13: 1e13
    case 14: 1e14
    case 15: 1e15
    case 16: 1e16
    case 17: 1e17
    case 18: 1e18
    case 19: 1e19
    case 20: 1e20
    case 21: 1e21
    case 22: 1e22
    default: preconditionFailure("not exact")
    }
  }

  /// Converts by `strtod`, on a copy of bounded length. The copy has no point, so the locale does not matter. 800
  /// digits and one more that stands for the rest decide each rounding, because the midpoint of two doubles has at most
  /// 767 digits.
  private func nearestDouble(in bytes: Span<UInt8>) -> Double {
    let mostDigits = 800
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: mostDigits + 32) { copy -> Double in
      var count = 0
      func put(_ byte: UInt8) {
        copy[count] = CChar(bitPattern: byte)
        count += 1
      }
      var digits = 0
      var decimal = 0
      var isBehindPoint = false
      var isInexact = false
      if isNegative { put(0x2D) }
      var index = isNegative ? start + 1 : start
      scan: while index < end {
        let byte = bytes[index]
        index += 1
        switch byte {
        case 0x2E: isBehindPoint = true
        case 0x30...0x39:
          if digits == 0, byte == 0x30 {
            if isBehindPoint { decimal -= 1 }
          } else if digits < mostDigits {
            put(byte)
            digits += 1
            if isBehindPoint { decimal -= 1 }
          } else {
            if byte != 0x30 { isInexact = true }
            if !isBehindPoint { decimal += 1 }
          }
        default: break scan
        }
      }
      if digits == 0 { put(0x30) }
      if isInexact {
        put(0x31)
        decimal -= 1
      }
      put(0x65)
      decimal = max(-Self.exponentCeiling, min(decimal + writtenExponent, Self.exponentCeiling))
      if decimal < 0 { put(0x2D) }
      let magnitude = decimal.magnitude
      var divisor: UInt = 1_000_000_000
      while divisor > 0 {
        put(0x30 + UInt8(magnitude / divisor % 10))
        divisor /= 10
      }
      put(0)
      // Safety: the line above ends the copy with a NUL, and the copy lives until the closure returns.
      return strtod(copy.baseAddress!, nil)
    }
  }
}

extension JSONCursor {
  /// Reads a number.
  mutating func number() throws(DecodeFault) -> JSONNumber {
    var number = JSONNumber(start: position)
    var index = position
    if byte(at: index) == 0x2D {
      number.isNegative = true
      index += 1
    }
    var digit = byte(at: index)
    if digit == 0x30 {
      number.append(integer: 0)
      index += 1
      digit = byte(at: index)
      if digit &- 0x30 < 10 { throw .malformed(.badNumber, at: index) }
    } else {
      guard digit &- 0x30 < 10 else {
        if index == position { throw unexpected() }
        throw .malformed(index >= bytes.count ? .unexpectedEnd : .badNumber, at: index)
      }
      repeat {
        number.append(integer: UInt64(digit &- 0x30))
        index += 1
        digit = byte(at: index)
      } while digit &- 0x30 < 10
    }
    if digit == 0x2E {
      number.isInteger = false
      index += 1
      digit = byte(at: index)
      guard digit &- 0x30 < 10 else { throw .malformed(index >= bytes.count ? .unexpectedEnd : .badNumber, at: index) }
      repeat {
        number.append(fraction: UInt64(digit &- 0x30))
        index += 1
        digit = byte(at: index)
      } while digit &- 0x30 < 10
    }
    if digit | 0x20 == 0x65 {
      number.isInteger = false
      index += 1
      digit = byte(at: index)
      let isNegative = digit == 0x2D
      if isNegative || digit == 0x2B {
        index += 1
        digit = byte(at: index)
      }
      guard digit &- 0x30 < 10 else { throw .malformed(index >= bytes.count ? .unexpectedEnd : .badNumber, at: index) }
      var exponent = 0
      repeat {
        exponent = JSONNumber.appending(digit, to: exponent)
        index += 1
        digit = byte(at: index)
      } while digit &- 0x30 < 10
      number.setExponent(isNegative ? -exponent : exponent)
    }
    number.end = index
    position = index
    return number
  }

  /// Reads a number as a signed 64-bit integer. Up to 18 plain digits are read in one loop; any other form is read by
  /// `number`.
  @inline(__always)
  mutating func integer() throws(DecodeFault) -> Int64 {
    var index = position
    let isNegative = byte(at: index) == 0x2D
    if isNegative { index += 1 }
    let first = index
    var value: Int64 = 0
    var digit = byte(at: index) &- 0x30
    if digit &- 1 < 9 {  // a leading zero is left to `number`, except for a lone zero, which is read below
      repeat {
        value = value &* 10 &+ Int64(digit)
        index += 1
        digit = byte(at: index) &- 0x30
      } while digit < 10 && index < first + 18
    } else if digit == 0 {
      index += 1
      digit = byte(at: index) &- 0x30
    }
    let next = digit &+ 0x30
    if index > first, next == 0x2C || next == 0x7D {
      position = index
      return isNegative ? 0 &- value : value
    }
    return try number().asInteger(in: bytes)
  }

  /// Reads a number as the nearest double. A short plain number is read in one loop; any other form is read by
  /// `number`.
  @inline(__always)
  mutating func double() throws(DecodeFault) -> Double {
    var index = position
    let isNegative = byte(at: index) == 0x2D
    if isNegative { index += 1 }
    let first = index
    var mantissa: UInt64 = 0
    var digit = byte(at: index) &- 0x30
    while digit < 10 && index < first + 18 {
      mantissa = mantissa &* 10 &+ UInt64(digit)
      index += 1
      digit = byte(at: index) &- 0x30
    }
    let hasLeadingZero = byte(at: first) == 0x30 && index > first + 1
    var fraction = 0
    if digit &+ 0x30 == 0x2E, index > first, !hasLeadingZero {
      let point = index
      repeat {
        index += 1
        digit = byte(at: index) &- 0x30
        if digit >= 10 { break }
        mantissa = mantissa &* 10 &+ UInt64(digit)
      } while index < first + 19
      fraction = index - point - 1
      if fraction == 0 { return try number().asDouble(in: bytes) }
    }
    let next = digit &+ 0x30
    guard index > first, !hasLeadingZero, next == 0x2C || next == 0x7D, mantissa <= 1 << 53 else {
      return try number().asDouble(in: bytes)
    }
    position = index
    let value = Double(mantissa) / JSONNumber.powerOfTen(fraction)
    return isNegative ? -value : value
  }
}
