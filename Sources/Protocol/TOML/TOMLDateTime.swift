// Dates and times of a TOML text (RFC 3339, and its parts for local ones): functions over one token.

enum TOMLDateTime {
  enum Kind {
    case offsetDateTime, localDateTime, localDate, localTime
  }

  /// Whether a token can only be a date: it begins with four digits and a hyphen.
  static func looksLikeDate(_ token: Span<UInt8>) -> Bool {
    token.count > 4 && number(token, at: 0, digits: 4) != nil && token[4] == UInt8(ascii: "-")
  }

  /// Whether a token can only be a time: it begins with two digits and a colon.
  static func looksLikeTime(_ token: Span<UInt8>) -> Bool {
    token.count > 2 && number(token, at: 0, digits: 2) != nil && token[2] == UInt8(ascii: ":")
  }

  /// The kind of the whole token; nil if it is not a valid date or time.
  static func kind(of token: Span<UInt8>) -> Kind? {
    if looksLikeTime(token) { return timeEnd(token, from: 0) == token.count ? .localTime : nil }
    guard isDate(token) else { return nil }
    if token.count == dateLength { return .localDate }
    let delimiter = token[dateLength]
    guard delimiter == UInt8(ascii: " ") || delimiter | 0x20 == UInt8(ascii: "t"),
      let end = timeEnd(token, from: dateLength + 1)
    else { return nil }
    if end == token.count { return .localDateTime }
    return isOffset(token.extracting(end..<token.count)) ? .offsetDateTime : nil
  }

  static let dateLength = 10

  /// Whether the token begins with `YYYY-MM-DD` of a day that exists.
  private static func isDate(_ token: Span<UInt8>) -> Bool {
    guard token.count >= dateLength, token[4] == UInt8(ascii: "-"), token[7] == UInt8(ascii: "-"),
      let year = number(token, at: 0, digits: 4), let month = number(token, at: 5, digits: 2),
      let day = number(token, at: 8, digits: 2), month >= 1, month <= 12, day >= 1
    else { return false }
    let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return switch month {
    case 2: day <= (isLeapYear ? 29 : 28)
    case 4, 6, 9, 11: day <= 30
    default: day <= 31
    }
  }

  /// The end of `hh:mm:ss` and its fraction; nil if they are invalid. TOML 1.0 requires seconds. 60 is a leap second
  /// (RFC 3339 §5.7).
  private static func timeEnd(_ token: Span<UInt8>, from start: Int) -> Int? {
    guard token.count >= start + 8, token[start + 2] == UInt8(ascii: ":"), token[start + 5] == UInt8(ascii: ":"),
      let hour = number(token, at: start, digits: 2), let minute = number(token, at: start + 3, digits: 2),
      let second = number(token, at: start + 6, digits: 2), hour <= 23, minute <= 59, second <= 60
    else { return nil }
    var index = start + 8
    guard index < token.count, token[index] == UInt8(ascii: ".") else { return index }
    index += 1
    let fraction = index
    while index < token.count, TOMLNumber.digit(token[index], radix: 10) != nil { index += 1 }
    return index > fraction ? index : nil
  }

  /// Whether the token is `Z` or `+hh:mm`.
  private static func isOffset(_ token: Span<UInt8>) -> Bool {
    if token.count == 1 { return token[0] | 0x20 == UInt8(ascii: "z") }
    guard token.count == 6, token[0] == UInt8(ascii: "+") || token[0] == UInt8(ascii: "-"),
      token[3] == UInt8(ascii: ":"), let hour = number(token, at: 1, digits: 2),
      let minute = number(token, at: 4, digits: 2)
    else { return false }
    return hour <= 23 && minute <= 59
  }

  /// The value of some digits; nil if a byte is not a digit.
  /// - Precondition: the token is long enough.
  private static func number(_ token: Span<UInt8>, at start: Int, digits: Int) -> Int? {
    var value = 0
    for index in start..<start + digits {
      guard let digit = TOMLNumber.digit(token[index], radix: 10) else { return nil }
      value = value * 10 + Int(digit)
    }
    return value
  }
}
