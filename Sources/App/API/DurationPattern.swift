// The form of a duration as a short, readable regular expression. The schema of a field states its bounds in words,
// because a pattern with the bounds would have hundreds of characters.

enum DurationPattern {
  /// - Returns: a pattern of ECMA 262 that matches every duration of the range in the form of `DurationText`. It also
  ///   matches longer durations with as many digits, but nothing other than a whole number with a unit. It matches zero
  ///   only if the range has it.
  static func of(_ range: ClosedRange<Duration>) -> String {
    let digits = String(max(1, range.upperBound.components.seconds)).count
    let letters = String(DurationText.units.reversed().map(\.letter))
    let positive = "[1-9][0-9]{0,\(digits - 1)}"
    return "^\(range.lowerBound > .zero ? positive : "(?:0|\(positive))")[\(letters)]$"
  }
}
