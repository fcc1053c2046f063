// The form of a duration as a short, readable regular expression. The bounds of a field are in its schema as words: a
// pattern with the bounds would have hundreds of characters.

enum DurationPattern {
  /// - Returns: a pattern of ECMA 262 that matches every duration up to `longest` in the form of `DurationText`, and
  ///   otherwise only whole numbers with a unit.
  static func upTo(_ longest: Duration) -> String {
    let digits = String(max(1, longest.components.seconds)).count
    let letters = String(DurationText.units.reversed().map(\.letter))
    return "^(?:0|[1-9][0-9]{0,\(digits - 1)})[\(letters)]$"
  }
}
