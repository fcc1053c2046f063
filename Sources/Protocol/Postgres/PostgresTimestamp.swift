// The text of timestamps as PostgreSQL prints them in any DateStyle, and of RFC 3339:
//
//     ISO        2026-11-22 19:14:37.15539+00
//     SQL        11/22/2026 19:14:37.15539 UTC      (or 22/11/2026)
//     Postgres   Sun Nov 22 19:14:37.15539 2026 UTC (or Sun 22 Nov ...)
//     German     22.11.2026 19:14:37.15539 UTC
//
// A text that may mean two times is refused: 01/02/2026, and CST, which is a zone of America, of Cuba and of China.

public enum PostgresTimestamp {
  /// The time as it is stored: from the first `timestamptz` to the last as `RFC3339` writes it, with ` BC` behind a year
  /// before Christ; `infinity` and `-infinity` by these names.
  /// - Parameter word: microseconds since 2000-01-01 UTC.
  public static func text(_ word: Int64) -> String {
    if word == .max { return "infinity" }
    if word == .min { return "-infinity" }
    // Counted in days, for the last years do not fit microseconds since 1970.
    let (daysSince2000, rest) = RFC3339.split(word)
    let days = daysSince2000 + PostgresBinary.epochUnixDays
    let year = CalendarDate(unixDays: days).year
    return year > 0 ? RFC3339.text(days, rest, year) : RFC3339.text(days, rest, 1 - year) + " BC"
  }

  /// The `timestamptz` of a text, in microseconds since 2000-01-01 UTC. Without a zone the text means UTC, without a
  /// time midnight.
  ///
  /// A zone is `Z`, `+HH`, `+HH:MM`, `+HHMM`, `+HH:MM:SS`, or a name that `Zone.offset` knows. ` BC` may follow. A
  /// second of 60 means the first second of the next minute. A fraction of more than six digits is rounded. `infinity`
  /// and `-infinity` are the two ends of the range.
  /// - Returns: nil for any other text, for a date that does not exist, and for a time that PostgreSQL cannot hold.
  static func parse(_ text: Span<UInt8>) -> Int64? {
    if text.count < 16 {
      if isEqual(text, "infinity") { return .max }
      if isEqual(text, "-infinity") { return .min }
    }
    var reader = Reader(text: text)
    guard let date = reader.date() else { return nil }
    var time = Reader.Time()
    var offset = 0
    if !reader.isAtEnd {
      if !date.isFollowedByYear {
        guard reader.take(0x20) || reader.take(0x54) || reader.take(0x74) else { return nil }
      }
      guard let read = reader.time() else { return nil }
      time = read
    }
    var year = date.year
    if date.isFollowedByYear {
      guard reader.take(0x20), let number = reader.number(digits: 4...6) else { return nil }
      year = number
    }
    guard let zone = reader.zone() else { return nil }
    offset = zone
    guard let isBC = reader.era(), reader.isAtEnd, year > 0,
      let day = CalendarDate(year: isBC ? 1 - year : year, month: date.month, day: date.day)
    else { return nil }
    let days = day.unixDays - PostgresBinary.epochUnixDays
    // 2000-01-01 was a Saturday.
    if let weekday = date.weekday, (days % 7 + 7 + 6) % 7 != weekday { return nil }
    let seconds = Int64(days) * 86_400 + Int64(time.seconds - offset)
    // A year of six digits gives at most 3.2 * 10^13 seconds. Only the multiplication may overflow.
    let (microseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    let (result, overflow2) = microseconds.addingReportingOverflow(Int64(time.fraction))
    guard !overflow, !overflow2, result >= PostgresBinary.firstTimestamp, result < PostgresBinary.endTimestamp else {
      return nil
    }
    return result
  }

  private static func isEqual(_ text: Span<UInt8>, _ word: StaticString) -> Bool {
    guard text.count == word.utf8CodeUnitCount else { return false }
    return word.withUTF8Buffer { word in
      for index in text.indices where text[index] != word[index] { return false }
      return true
    }
  }

  private struct Reader: ~Escapable {
    struct Date {
      var year: Int
      var month: Int
      var day: Int
      /// The number of the day of the week, 0 for Sunday; nil if the text has none.
      var weekday: Int?
      /// Whether the year stands after the time.
      var isFollowedByYear = false
    }

    struct Time {
      var seconds = 0
      var fraction = 0
    }

    let text: Span<UInt8>
    var index = 0

    @_lifetime(copy text)
    init(text: Span<UInt8>) { self.text = text }

    var isAtEnd: Bool { index == text.count }

    @inline(__always)
    private func digit() -> Int? {
      guard index < text.count, text[index] &- 0x30 < 10 else { return nil }
      return Int(text[index] - 0x30)
    }

    mutating func take(_ byte: UInt8) -> Bool {
      guard index < text.count, text[index] == byte else { return false }
      index += 1
      return true
    }

    mutating func number(digits: ClosedRange<Int>) -> Int? {
      var value = 0
      var count = 0
      while count < digits.upperBound, let digit = digit() {
        value = value * 10 + digit
        count += 1
        index += 1
      }
      return count >= digits.lowerBound ? value : nil
    }

    mutating func date() -> Date? {
      if digit() == nil { return namedDate() }
      guard let first = number(digits: 1...6) else { return nil }
      let digits = index
      guard index < text.count else { return nil }
      let separator = text[index]
      guard separator == 0x2D || separator == 0x2F || separator == 0x2E else { return nil }
      index += 1
      guard let second = number(digits: 2...2), take(separator) else { return nil }
      if digits >= 4 {
        guard separator != 0x2E, let day = number(digits: 2...2) else { return nil }
        return Date(year: first, month: second, day: day)
      }
      guard digits == 2, let year = number(digits: 4...6) else { return nil }
      // With points the day comes first (German). Otherwise a number above 12 must be the day. Two different numbers up
      // to 12 leave the order unknown.
      if separator == 0x2E || first > 12 || first == second { return Date(year: year, month: second, day: first) }
      return second > 12 ? Date(year: year, month: first, day: second) : nil
    }

    /// `Sun Nov 22 ` or `Sun 22 Nov `.
    private mutating func namedDate() -> Date? {
      guard let weekday = word(of: "SunMonTueWedThuFriSat"), take(0x20) else { return nil }
      var day = number(digits: 2...2)
      if day != nil, !take(0x20) { return nil }
      guard let month = word(of: "JanFebMarAprMayJunJulAugSepOctNovDec"), take(0x20) else { return nil }
      if day == nil {
        day = number(digits: 2...2)
        guard take(0x20) else { return nil }
      }
      guard let day else { return nil }
      return Date(year: 0, month: month + 1, day: day, weekday: weekday, isFollowedByYear: true)
    }

    /// The index of the next three letters among the words of `words`; nil if they are none of them.
    private mutating func word(of words: StaticString) -> Int? {
      guard index + 3 <= text.count else { return nil }
      let found: Int? = words.withUTF8Buffer { words in
        for start in stride(from: 0, to: words.count, by: 3) {
          var isEqual = true
          for letter in 0..<3 where text[index + letter] != words[start + letter] { isEqual = false }
          if isEqual { return start / 3 }
        }
        return nil
      }
      if found != nil { index += 3 }
      return found
    }

    mutating func time() -> Time? {
      guard let hour = number(digits: 2...2), take(0x3A), let minute = number(digits: 2...2), take(0x3A),
        let second = number(digits: 2...2), hour < 24, minute < 60, second <= 60, let fraction = fraction()
      else { return nil }
      return Time(seconds: hour * 3600 + minute * 60 + second, fraction: fraction)
    }

    /// The fraction in microseconds; 0 if there is no point. The seventh digit rounds.
    mutating func fraction() -> Int? {
      guard take(0x2E) else { return 0 }
      var value = 0
      var count = 0
      while let digit = digit() {
        if count < 6 { value = value * 10 + digit } else if count == 6, digit >= 5 { value += 1 }
        count += 1
        index += 1
      }
      if count == 0 { return nil }
      while count < 6 {
        value *= 10
        count += 1
      }
      return value
    }

    /// The offset in seconds east of Greenwich; 0 without a zone. PostgreSQL's limit is 15:59:59.
    mutating func zone() -> Int? {
      if take(0x5A) || take(0x7A) { return 0 }
      let start = index
      if take(0x20) {
        if isAtEnd { return nil }
        if text[index] == 0x42 {  // this may be ` BC`
          index = start
          return 0
        }
        if text[index] != 0x2B, text[index] != 0x2D { return namedZone() }
      }
      let isWest = take(0x2D)
      if !isWest, !take(0x2B) { return 0 }
      guard let hours = number(digits: 2...2), hours < 16 else { return nil }
      var seconds = hours * 3600
      let hasColon = take(0x3A)
      if hasColon || digit() != nil {
        guard let minutes = number(digits: 2...2), minutes < 60 else { return nil }
        seconds += minutes * 60
        if hasColon, take(0x3A) {
          guard let rest = number(digits: 2...2), rest < 60 else { return nil }
          seconds += rest
        }
      }
      return isWest ? -seconds : seconds
    }

    private mutating func namedZone() -> Int? {
      let start = index
      while index < text.count, text[index] != 0x20 { index += 1 }
      guard index - start <= 8 else { return nil }
      var name: UInt64 = 0
      for place in start..<index { name = name << 8 | UInt64(text[place]) }
      return Zone.offset(name)
    }

    /// Whether the year counts before Christ; nil for any other text at the end.
    mutating func era() -> Bool? {
      guard take(0x20) else { return false }
      return take(0x42) && take(0x43) ? true : nil
    }
  }
}

/// The names of zones that always mean one offset: abbreviations that only one place uses (tz database), with an offset
/// that has not changed for decades.
private enum Zone {
  /// The offset in seconds east of Greenwich; nil for an unknown name.
  /// - Parameter name: the name's bytes; the first byte is the highest.
  static func offset(_ name: UInt64) -> Int? {
    for (zone, minutes) in all where word(zone) == name { return minutes * 60 }
    return nil
  }

  private static func word(_ name: StaticString) -> UInt64 {
    name.withUTF8Buffer { $0.reduce(0) { $0 << 8 | UInt64($1) } }
  }

  private static let all: [(StaticString, Int)] = [
    ("UTC", 0), ("GMT", 0), ("Z", 0), ("UCT", 0), ("Etc/UTC", 0), ("Etc/GMT", 0), ("Zulu", 0), ("WET", 0), ("WEST", 60),
    ("CET", 60), ("CEST", 120), ("MET", 60), ("MEST", 120), ("EET", 120), ("EEST", 180), ("WAT", 60), ("CAT", 120),
    ("SAST", 120), ("EAT", 180), ("PKT", 300), ("HKT", 480), ("AWST", 480), ("JST", 540), ("ACST", 570), ("ACDT", 630),
    ("AEST", 600), ("AEDT", 660), ("NZST", 720), ("NZDT", 780), ("NST", -210), ("NDT", -150), ("EST", -300),
    ("EDT", -240), ("MDT", -360), ("AKST", -540), ("AKDT", -480), ("HST", -600),
  ]
}
