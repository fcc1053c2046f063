// Timestamps as texts: what PostgreSQL prints (`2026-11-22 19:14:37.15539+00`, ISO date style) and RFC 3339.

enum PostgresTimestamp {
  /// The `timestamptz` that `text` names: microseconds since 2000-01-01 UTC; without a zone, UTC.
  ///
  /// Zones: `Z`, `+HH`, `+HH:MM`, `+HHMM`, `+HH:MM:SS`; ` BC` may follow. A second of 60 is the next minute's first. More than six
  /// digits of a fraction are rounded. `infinity` and `-infinity` are the two ends of the range.
  /// - Returns: nil for anything else, for a date that does not exist, and outside of what PostgreSQL can hold.
  static func parse(_ text: Span<UInt8>) -> Int64? {
    if text.count < 16 {
      if isEqual(text, "infinity") { return .max }
      if isEqual(text, "-infinity") { return .min }
    }
    var reader = Reader(text: text)
    guard let year = reader.number(digits: 4...6), reader.take(0x2D),
      let month = reader.number(digits: 2...2), reader.take(0x2D),
      let day = reader.number(digits: 2...2),
      reader.take(0x20) || reader.take(0x54) || reader.take(0x74),
      let hour = reader.number(digits: 2...2), reader.take(0x3A),
      let minute = reader.number(digits: 2...2), reader.take(0x3A),
      let second = reader.number(digits: 2...2),
      hour < 24, minute < 60, second <= 60,
      let fraction = reader.fraction(), let offset = reader.zone(), let isBC = reader.era(), reader.isAtEnd,
      year > 0, let days = days(year: isBC ? 1 - year : year, month: month, day: day)
    else { return nil }
    let seconds = Int64(days) * 86_400 + Int64(hour * 3600 + minute * 60 + second - offset)
    // Six digits of a year are at most 3.2 * 10^13 seconds: in range before the factor, perhaps not after it.
    let (microseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    let (result, overflow2) = microseconds.addingReportingOverflow(Int64(fraction))
    guard !overflow, !overflow2, result >= PostgresBinary.firstTimestamp, result < PostgresBinary.endTimestamp else {
      return nil
    }
    return result
  }

  /// Days from 2000-01-01 to a date of the proleptic Gregorian calendar; year 0 is 1 BC.
  /// (Hinnant, "chrono-compatible low-level date algorithms", days_from_civil.)
  private static func days(year: Int, month: Int, day: Int) -> Int? {
    guard (1...12).contains(month), day >= 1 else { return nil }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let length = month == 2 ? (isLeap ? 29 : 28) : 30 + (month + month / 8) % 2
    guard day <= length else { return nil }
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 730_425
  }

  private static func isEqual(_ text: Span<UInt8>, _ word: StaticString) -> Bool {
    guard text.count == word.utf8CodeUnitCount else { return false }
    return word.withUTF8Buffer { word in
      for index in text.indices where text[index] != word[index] { return false }
      return true
    }
  }

  private struct Reader: ~Escapable {
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

    /// Microseconds; 0 without a point. The seventh digit rounds.
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

    /// Seconds east of Greenwich; PostgreSQL's limit is 15:59:59.
    mutating func zone() -> Int? {
      if take(0x5A) || take(0x7A) { return 0 }
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

    /// Whether the year counts before Christ.
    mutating func era() -> Bool? {
      guard take(0x20) else { return false }
      return take(0x42) && take(0x43) ? true : nil
    }
  }
}
