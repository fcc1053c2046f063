// The one date format that the server sends (RFC 9110 §5.6.7). The function reads no clock; its caller passes the time.

/// IMF-fixdate.
public enum HTTPDate {
  /// Formats a time as `Sun, 06 Nov 1994 08:49:37 GMT`: always 29 bytes of ASCII.
  ///
  /// - Parameter unixSeconds: seconds since 1970-01-01 UTC. They are clamped to the years 0000...9999, because the
  ///   format has four digits for a year.
  public static func imfFixdate(unixSeconds: Int64) -> String {
    let clamped = min(max(unixSeconds, -62_167_219_200), 253_402_300_799)
    let days = floorDivide(clamped, 86_400)
    let second = Int(clamped - days * 86_400)
    let date = CalendarDate(unixDays: Int(days))
    // 1970-01-01 was a Thursday.
    let weekday = Int(days - floorDivide(days + 4, 7) * 7 + 4)
    let weekdayName = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][weekday]
    let monthName = months[date.month - 1]
    let clock = "\(padded(second / 3600, to: 2)):\(padded(second / 60 % 60, to: 2)):\(padded(second % 60, to: 2))"
    return "\(weekdayName), \(padded(date.day, to: 2)) \(monthName) \(padded(date.year, to: 4)) \(clock) GMT"
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  private static func padded(_ value: Int, to width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: width - digits.utf8.count) + digits
  }

  private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor)
  }
}
