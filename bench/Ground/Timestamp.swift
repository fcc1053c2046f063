// Points in time as pushes and tokens write them (RFC 3339).

internal import Protocol

/// A point in time as RFC 3339 writes it.
enum Timestamp {
  /// Appends `2026-11-22T19:33:07Z`. - Parameter unixSeconds: of the years 0 to 9999.
  static func append(unixSeconds: Int64, to buffer: inout ByteBuffer) {
    let days = unixSeconds >= 0 ? unixSeconds / 86_400 : (unixSeconds - 86_399) / 86_400
    let second = unixSeconds - days * 86_400
    let (year, month, day) = civil(days: days)
    appendDigits(year, 4, to: &buffer)
    buffer.append(UInt8(ascii: "-"))
    appendDigits(month, 2, to: &buffer)
    buffer.append(UInt8(ascii: "-"))
    appendDigits(day, 2, to: &buffer)
    buffer.append(UInt8(ascii: "T"))
    appendDigits(second / 3600, 2, to: &buffer)
    buffer.append(UInt8(ascii: ":"))
    appendDigits(second / 60 % 60, 2, to: &buffer)
    buffer.append(UInt8(ascii: ":"))
    appendDigits(second % 60, 2, to: &buffer)
    buffer.append(UInt8(ascii: "Z"))
  }

  /// Reads `2026-11-22T19:33:07[.fraction](Z|±hh:mm)`, the fraction cut off. - Returns: unix seconds, or nil.
  static func parse(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " "), bytes[13] == UInt8(ascii: ":"),
      bytes[16] == UInt8(ascii: ":"), let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
      let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]),
      let second = number(bytes[17..<19]), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
      second <= 60
    else { return nil }
    var rest = bytes[19...]
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      let digits = rest.prefix { (0x30...0x39).contains($0) }
      if digits.isEmpty { return nil }
      rest = rest.dropFirst(digits.count)
    }
    guard let offset = offsetSeconds(rest) else { return nil }
    return days(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60 + second - offset
  }

  private static func offsetSeconds(_ zone: ArraySlice<UInt8>) -> Int64? {
    let zone = Array(zone)
    if zone == [UInt8(ascii: "Z")] { return 0 }
    guard zone.count == 6, zone[3] == UInt8(ascii: ":"), let hours = number(zone[1..<3]),
      let minutes = number(zone[4..<6])
    else { return nil }
    switch zone[0] {
    case UInt8(ascii: "+"): return hours * 3600 + minutes * 60
    case UInt8(ascii: "-"): return -(hours * 3600 + minutes * 60)
    default: return nil
    }
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    var value: Int64 = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return nil }
      value = value * 10 + Int64(digit - 0x30)
    }
    return value
  }

  private static func appendDigits(_ value: Int64, _ width: Int, to buffer: inout ByteBuffer) {
    var divisor: Int64 = width == 4 ? 1000 : 10
    for _ in 0..<width {
      buffer.append(UInt8(0x30 + value / divisor % 10))
      divisor /= 10
    }
  }

  /// Days since 1970-01-01 to the Gregorian date: eras of 400 years, years from March (so that the leap day is the last).
  private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468  // days from 0000-03-01
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
  }

  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = (year >= 0 ? year : year - 399) / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
