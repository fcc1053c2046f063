// Reads and writes points in time in the form of RFC 3339, without Foundation.

/// Conversion between RFC 3339 texts and unix time.
public enum RFC3339 {
  /// Reads `2026-01-31T12:00:00[.fraction](Z|±hh:mm)`. T and Z may be lower case. Digits beyond the microsecond are
  /// dropped. Leap seconds (`:60`) are refused, because unix time cannot represent them.
  /// - Returns: microseconds since 1970-01-01 UTC; nil for any other text.
  public static func unixMicroseconds(_ text: String) -> Int64? {
    var scan = Scan(bytes: Array(text.utf8))
    guard let year = scan.digits(4), scan.take("-"), let month = scan.digits(2), scan.take("-"),
      let day = scan.digits(2), scan.take("T") || scan.take("t"), let hour = scan.digits(2), scan.take(":"),
      let minute = scan.digits(2), scan.take(":"), let second = scan.digits(2),
      let date = CalendarDate(year: year, month: month, day: day), hour < 24, minute < 60, second < 60,
      let microsecond = scan.fraction(), let offsetMinutes = scan.offset(), scan.isAtEnd
    else { return nil }
    let seconds = ((date.unixDays * 24 + hour) * 60 + minute - offsetMinutes) * 60 + second
    return Int64(seconds * 1_000_000 + microsecond)
  }

  /// Writes `2026-01-31T12:00:00Z` in UTC, with a fraction of six digits unless it is zero. Years outside 0...9999 have
  /// as many digits as they need.
  public static func text(unixMicroseconds: Int64) -> String {
    let (days, rest) = split(unixMicroseconds)
    return text(days, rest, CalendarDate(unixDays: days).year)
  }

  /// Appends the 20 bytes of `2026-11-22T19:33:07Z`.
  /// - Parameter unixSeconds: a time in the years 0 to 9999.
  public static func append(unixSeconds: Int64, to buffer: inout ByteBuffer) {
    let (days, rest) = split(unixSeconds * 1_000_000)
    let date = CalendarDate(unixDays: days)
    let second = rest / 1_000_000
    append(date.year / 100, "", to: &buffer)
    append(date.year % 100, "-", to: &buffer)
    append(date.month, "-", to: &buffer)
    append(date.day, "T", to: &buffer)
    append(second / 3600, ":", to: &buffer)
    append(second / 60 % 60, ":", to: &buffer)
    append(second % 60, "Z", to: &buffer)
  }

  private static func append(_ number: Int, _ separator: StaticString, to buffer: inout ByteBuffer) {
    buffer.append(UInt8(0x30 + number / 10))
    buffer.append(UInt8(0x30 + number % 10))
    buffer.append(separator)
  }

  /// Returns the days since 1970-01-01, rounded down, and the microseconds since the start of that day.
  static func split(_ microseconds: Int64) -> (days: Int, rest: Int) {
    let dayLength = 86_400_000_000
    let (days, rest) = Int(microseconds).quotientAndRemainder(dividingBy: dayLength)
    return rest < 0 ? (days - 1, rest + dayLength) : (days, rest)
  }

  /// Writes a point in time, see `unixMicroseconds(_:)`.
  /// - Parameters: `days` and `rest` as from `split`; `year` is the number to print for the year.
  static func text(_ days: Int, _ rest: Int, _ year: Int) -> String {
    let date = CalendarDate(unixDays: days)
    let seconds = rest / 1_000_000
    let microsecond = rest % 1_000_000
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number.magnitude)
      return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let day = "\(padded(year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
    let time = "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    return "\(day)T\(time)\(microsecond == 0 ? "" : "." + padded(microsecond, 6))Z"
  }

  /// A position in the text of a time.
  private struct Scan {
    let bytes: [UInt8]
    private var at = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { at == bytes.count }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
      guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
      at += 1
      return true
    }

    mutating func digits(_ count: Int) -> Int? {
      guard bytes.count - at >= count else { return nil }
      var number = 0
      for byte in bytes[at..<at + count] {
        guard (0x30...0x39).contains(byte) else { return nil }
        number = number * 10 + Int(byte - 0x30)
      }
      at += count
      return number
    }

    /// Microseconds of an optional fraction; nil for a dot without digits.
    mutating func fraction() -> Int? {
      guard take(".") else { return 0 }
      var microsecond = 0
      var unit = 100_000
      let start = at
      while let digit = digits(1) {
        microsecond += digit * unit
        unit /= 10
      }
      return at > start ? microsecond : nil
    }

    /// Minutes east of UTC.
    mutating func offset() -> Int? {
      if take("Z") || take("z") { return 0 }
      let isWest = take("-")
      guard isWest || take("+"), let hours = digits(2), take(":"), let minutes = digits(2), hours < 24, minutes < 60
      else { return nil }
      return (hours * 60 + minutes) * (isWest ? -1 : 1)
    }
  }
}
