// Durations in the form that people write in a query or a setting: a whole number and one unit.

enum DurationText {
  static let units: [(letter: Character, seconds: Int64)] = [
    ("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1),
  ]

  /// - Returns: nil unless `text` is digits, without a leading zero, and one of `s`, `m`, `h`, `d`, `w`.
  static func parse(_ text: String) -> Duration? {
    guard let last = text.last, let unit = units.first(where: { $0.letter == last }) else { return nil }
    let digits = text.dropLast()
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), digits == "0" || digits.first != "0",
      let number = Int64(digits)
    else { return nil }
    let (seconds, overflow) = number.multipliedReportingOverflow(by: unit.seconds)
    return overflow ? nil : .seconds(seconds)
  }

  /// The text with the largest unit that gives a whole number. Fractions of a second are dropped.
  static func write(_ duration: Duration) -> String {
    let seconds = duration.components.seconds
    let unit = units.first { seconds != 0 && seconds % $0.seconds == 0 } ?? ("s", 1)
    return "\(seconds / unit.seconds)\(unit.letter)"
  }
}
