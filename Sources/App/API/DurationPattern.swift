// The form of a duration as a short, readable regular expression. The schema of a field states its bounds in words,
// because a pattern with the bounds would have hundreds of characters.

enum DurationPattern {
  /// - Returns: a pattern of ECMA 262 that matches every duration up to `longest` in the form of `DurationText`. It
  ///   also matches longer durations with as many digits, but nothing other than a whole number with a unit.
  static func upTo(_ longest: Duration) -> String {
    let digits = String(max(1, longest.components.seconds)).count
    let letters = String(DurationText.units.reversed().map(\.letter))
    return "^(?:0|[1-9][0-9]{0,\(digits - 1)})[\(letters)]$"
  }
}
