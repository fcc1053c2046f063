// Integers and floats of a TOML text: functions over the bytes of one token.

enum TOMLNumber {
  /// The number that the whole token spells.
  static func parse(_ token: Span<UInt8>) throws(TOMLNumberDefect) -> TOMLValue {
    if token.count > 2, token[0] == UInt8(ascii: "0"), let radix = radix(ofPrefix: token[1]) {
      guard digits(token, from: 2, radix: radix) == token.count else { throw .invalid }
      return .integer(try integer(token, from: 2, radix: radix, isNegative: false))
    }
    let isNegative = token.count > 0 && token[0] == UInt8(ascii: "-")
    let start = isNegative || token.count > 0 && token[0] == UInt8(ascii: "+") ? 1 : 0
    if let special = special(token.extracting(start..<token.count)) { return .float(isNegative ? -special : special) }
    guard let whole = digits(token, from: start, radix: 10) else { throw .invalid }
    // The whole part may begin with a zero only if it is `0`, with or without a sign.
    if token[start] == UInt8(ascii: "0"), whole > start + 1 { throw .invalid }
    if whole == token.count { return .integer(try integer(token, from: start, radix: 10, isNegative: isNegative)) }
    guard try floatEnd(token, from: whole) == token.count else { throw .invalid }
    return .float(try float(token))
  }

  /// The value of a digit; nil for any other byte.
  static func digit(_ byte: UInt8, radix: UInt8) -> UInt8? {
    let value: UInt8
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): value = byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): value = byte - UInt8(ascii: "A") + 10
    default: return nil
    }
    return value < radix ? value : nil
  }

  private static func radix(ofPrefix letter: UInt8) -> UInt8? {
    switch letter {
    case UInt8(ascii: "x"): 16
    case UInt8(ascii: "o"): 8
    case UInt8(ascii: "b"): 2
    default: nil
    }
  }

  private static func special(_ token: Span<UInt8>) -> Double? {
    guard token.count == 3 else { return nil }
    switch (token[0], token[1], token[2]) {
    case (UInt8(ascii: "i"), UInt8(ascii: "n"), UInt8(ascii: "f")): return .infinity
    case (UInt8(ascii: "n"), UInt8(ascii: "a"), UInt8(ascii: "n")): return .nan
    default: return nil
    }
  }

  /// The end of a run of digits; nil if there is none. An underscore must have a digit on both sides.
  private static func digits(_ token: Span<UInt8>, from start: Int, radix: UInt8) -> Int? {
    var index = start
    while index < token.count, digit(token[index], radix: radix) != nil {
      index += 1
      guard index < token.count, token[index] == UInt8(ascii: "_") else { continue }
      index += 1
      guard index < token.count, digit(token[index], radix: radix) != nil else { return nil }
    }
    return index > start ? index : nil
  }

  /// The end of fraction and exponent, of which at least one exists.
  private static func floatEnd(_ token: Span<UInt8>, from start: Int) throws(TOMLNumberDefect) -> Int {
    var index = start
    if token[index] == UInt8(ascii: ".") {
      guard let end = digits(token, from: index + 1, radix: 10) else { throw .invalid }
      index = end
    }
    if index < token.count, token[index] | 0x20 == UInt8(ascii: "e") {
      index += 1
      if index < token.count, token[index] == UInt8(ascii: "+") || token[index] == UInt8(ascii: "-") { index += 1 }
      guard let end = digits(token, from: index, radix: 10) else { throw .invalid }
      index = end
    }
    return index
  }

  private static func integer(
    _ token: Span<UInt8>, from start: Int, radix: UInt8, isNegative: Bool
  ) throws(TOMLNumberDefect) -> Int64 {
    var value: Int64 = 0
    for index in start..<token.count {
      guard let digit = digit(token[index], radix: radix) else { continue }  // an underscore
      // A negative number is built below zero, because the smallest integer has no positive counterpart.
      let (product, tooLarge) = value.multipliedReportingOverflow(by: Int64(radix))
      let (sum, overflow) =
        isNegative
        ? product.subtractingReportingOverflow(Int64(digit)) : product.addingReportingOverflow(Int64(digit))
      if tooLarge || overflow { throw .integerOutOfRange }
      value = sum
    }
    return value
  }

  private static func float(_ token: Span<UInt8>) throws(TOMLNumberDefect) -> Double {
    var literal = ""
    for index in token.indices where token[index] != UInt8(ascii: "_") {
      literal.unicodeScalars.append(Unicode.Scalar(token[index]))
    }
    guard let value = Double(literal), value.isFinite else { throw .floatOutOfRange }
    return value
  }
}

enum TOMLNumberDefect: Error {
  case invalid, integerOutOfRange, floatOutOfRange

  var reason: TOMLError.Reason {
    switch self {
    case .invalid: .invalidNumber
    case .integerOutOfRange: .integerOutOfRange
    case .floatOutOfRange: .floatOutOfRange
    }
  }
}
