// The borders of the stretch before the range. The request gives the borders of the range only; those before it follow
// from them, because roll-ups that reach into the range are complete before it.

extension ReadScope {
  /// The start and the end of a stretch, as SQL.
  func ends(_ span: ReadSpan) -> (start: String, end: String) {
    switch span {
    case .range: (self[.start], self[.end])
    case .before: ("(\(self[.start]) - (\(self[.end]) - \(self[.start])))", self[.start])
    }
  }

  /// The four borders between rows, roll-ups of 5 minutes, roll-ups of an hour, and so on back, as SQL.
  func borders(_ span: ReadSpan) -> [String] {
    switch span {
    case .range: [self[.fineStart], self[.coarseStart], self[.coarseEnd], self[.fineEnd]]
    case .before: before
    }
  }

  private var before: [String] {
    let (start, end) = ends(.before)
    let isFine = "\(self[.fineStart]) < \(self[.fineEnd])"
    let isCoarse = "\(self[.coarseStart]) < \(self[.coarseEnd])"
    let first = "CASE WHEN \(isFine) THEN \(Self.ceiling(start, .fiveMinutes)) ELSE \(end) END"
    let last = "CASE WHEN \(isFine) THEN \(Self.floor(end, .fiveMinutes)) ELSE \(end) END"
    let (firstHour, lastHour) = (Self.ceiling(first, .hour), Self.floor(last, .hour))
    let hasHour = "\(isCoarse) AND \(firstHour) < \(lastHour)"
    return [
      first, "CASE WHEN \(hasHour) THEN \(firstHour) ELSE \(last) END",
      "CASE WHEN \(hasHour) THEN \(lastHour) ELSE \(last) END", last,
    ]
  }

  private static func floor(_ time: String, _ step: RollupStep) -> String {
    "date_bin(interval '\(step.seconds) s', \(time), timestamptz '2000-01-01 00:00:00+00')"
  }

  private static func ceiling(_ time: String, _ step: RollupStep) -> String {
    floor("\(time) + interval '\(step.seconds) s' - interval '1 microsecond'", step)
  }
}
