// The durations of a range as a regular expression: a schema that says exactly what is accepted can be tested by
// machines, and a client finds out before it asks.

enum DurationPattern {
  /// - Returns: a pattern of ECMA 262 that the durations within `range` match, as `DurationText` reads them, and no others.
  static func matching(_ range: ClosedRange<Duration>) -> String {
    let (least, most) = (range.lowerBound.components, range.upperBound.components.seconds)
    let seconds = least.seconds + (least.attoseconds > 0 ? 1 : 0)
    let alternatives = DurationText.units.reversed().compactMap { unit -> String? in
      let lower = (seconds + unit.seconds - 1) / unit.seconds
      let upper = most / unit.seconds
      return lower <= upper ? "(?:\(numbers(lower, upper).joined(separator: "|")))\(unit.letter)" : nil
    }
    return "^(?:\(alternatives.joined(separator: "|")))$"
  }

  /// Whole numbers from `lower` to `upper`, without leading zeros.
  private static func numbers(_ lower: Int64, _ upper: Int64) -> [String] {
    var patterns: [String] = []
    var start = lower
    while start <= upper {
      // As far as numbers have as many digits.
      let digits = String(start).count
      let end = min(upper, Int64(String(repeating: "9", count: digits)) ?? upper)
      patterns += sameLength(Array(String(start)), Array(String(end)))
      start = end + 1
    }
    return patterns
  }

  private static func sameLength(_ lower: [Character], _ upper: [Character]) -> [String] {
    guard var first = lower.first?.wholeNumberValue, var last = upper.first?.wholeNumberValue else { return [""] }
    let rest = lower.count - 1
    let (lowerRest, upperRest) = (Array(lower.dropFirst()), Array(upper.dropFirst()))
    if first == last { return sameLength(lowerRest, upperRest).map { "\(first)\($0)" } }
    var below: [String] = []
    var above: [String] = []
    if lowerRest.contains(where: { $0 != "0" }) {
      below = sameLength(lowerRest, Array(repeating: "9", count: rest)).map { "\(first)\($0)" }
      first += 1
    }
    if upperRest.contains(where: { $0 != "9" }) {
      above = sameLength(Array(repeating: "0", count: rest), upperRest).map { "\(last)\($0)" }
      last -= 1
    }
    if first > last { return below + above }
    let digit = first == last ? "\(first)" : "[\(first)-\(last)]"
    let any = rest == 0 ? "" : rest == 1 ? "[0-9]" : "[0-9]{\(rest)}"
    return below + [digit + any] + above
  }
}
