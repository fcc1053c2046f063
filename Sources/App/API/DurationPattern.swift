// The form of a duration as a regular expression, short enough to be read. Which durations a field takes its schema says in
// words: a pattern that knew the bounds would have hundreds of characters.

enum DurationPattern {
  /// - Returns: a pattern of ECMA 262 that every duration up to `longest` matches, as `DurationText` reads them, and that
  ///   nothing matches but a whole number with a unit.
  static func upTo(_ longest: Duration) -> String {
    let digits = String(max(1, longest.components.seconds)).count
    let letters = String(DurationText.units.reversed().map(\.letter))
    return "^(?:0|[1-9][0-9]{0,\(digits - 1)})[\(letters)]$"
  }
}
