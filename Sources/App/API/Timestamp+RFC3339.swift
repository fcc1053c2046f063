// RFC 3339 times, without Foundation. Days by Howard Hinnant's civil-from-days, exact in the proleptic Gregorian calendar.

extension Timestamp {
  /// Reads `2026-01-31T12:00:00[.fraction](Z|±hh:mm)`; T and Z in either case. Digits beyond the microsecond are dropped.
  /// Leap seconds (`:60`) are refused: unix time cannot hold them.
  init?(rfc3339 text: String) {
    var scan = Scan(bytes: Array(text.utf8))
    guard let year = scan.digits(4), scan.take("-"), let month = scan.digits(2), scan.take("-"),
      let day = scan.digits(2), scan.take("T") || scan.take("t"), let hour = scan.digits(2), scan.take(":"),
      let minute = scan.digits(2), scan.take(":"), let second = scan.digits(2), (1...12).contains(month),
      (1...Self.days(inMonth: month, of: year)).contains(day), hour < 24, minute < 60, second < 60,
      let microsecond = scan.fraction(), let offsetMinutes = scan.offset(), scan.isAtEnd
    else { return nil }
    let days = Self.days(from: year, month, day)
    let seconds = ((days * 24 + hour) * 60 + minute - offsetMinutes) * 60 + second
    self.init(unixMicroseconds: seconds * 1_000_000 + microsecond)
  }

  /// In UTC, with six digits of fraction unless they are zero. Years outside 0...9999 (which PostgreSQL has) print with
  /// as many digits as they need.
  var rfc3339: String {
    let (days, rest) = Self.split(unixMicroseconds)
    return Self.text(days, rest, Self.date(of: days).year)
  }

  /// What is stored, as it is: of a `timestamptz` from the first to the last that PostgreSQL can hold the time as above, with
  /// ` BC` behind a year before Christ; `infinity` and `-infinity` by these names.
  /// - Parameter word: microseconds since 2000-01-01 UTC.
  static func text(ofWord word: Int64) -> String {
    if word == .max { return "infinity" }
    if word == .min { return "-infinity" }
    // Counted in days, for the last years do not fit microseconds since 1970.
    let (daysSince2000, rest) = split(word)
    let days = daysSince2000 + 10_957
    let year = date(of: days).year
    return year > 0 ? text(days, rest, year) : text(days, rest, 1 - year) + " BC"
  }

  private static func split(_ microseconds: Int64) -> (days: Int64, rest: Int64) {
    let dayLength: Int64 = 86_400_000_000
    let (days, rest) = microseconds.quotientAndRemainder(dividingBy: dayLength)
    return rest < 0 ? (days - 1, rest + dayLength) : (days, rest)
  }

  /// - Parameter year: the text to print for the year of the day.
  private static func text(_ days: Int64, _ rest: Int64, _ year: Int64) -> String {
    let (_, month, day) = date(of: days)
    let seconds = rest / 1_000_000
    let microsecond = rest % 1_000_000
    func padded(_ number: Int64, _ width: Int) -> String {
      let digits = String(number.magnitude)
      return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    let time = "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    return "\(date)T\(time)\(microsecond == 0 ? "" : "." + padded(microsecond, 6))Z"
  }

  private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31  // the seven others
    }
  }

  /// Days from 1970-01-01 to a date.
  private static func days(from year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year  // a year from March: the leap day is its last
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func date(of days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
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

    mutating func digits(_ count: Int) -> Int64? {
      guard bytes.count - at >= count else { return nil }
      var number: Int64 = 0
      for byte in bytes[at..<at + count] {
        guard (0x30...0x39).contains(byte) else { return nil }
        number = number * 10 + Int64(byte - 0x30)
      }
      at += count
      return number
    }

    /// Microseconds of an optional fraction; nil for a dot without digits.
    mutating func fraction() -> Int64? {
      guard take(".") else { return 0 }
      var microsecond: Int64 = 0
      var unit: Int64 = 100_000
      let start = at
      while let digit = digits(1) {
        microsecond += digit * unit
        unit /= 10
      }
      return at > start ? microsecond : nil
    }

    /// Minutes east of UTC.
    mutating func offset() -> Int64? {
      if take("Z") || take("z") { return 0 }
      let isWest = take("-")
      guard isWest || take("+"), let hours = digits(2), take(":"), let minutes = digits(2), hours < 24, minutes < 60
      else { return nil }
      return (hours * 60 + minutes) * (isWest ? -1 : 1)
    }
  }
}
