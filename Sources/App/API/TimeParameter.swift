// Times in queries: RFC 3339, or a duration back from another time.

import Ground
import Protocol

/// A time in a query: absolute, or a duration before another time.
enum TimeParameter: Sendable, Equatable {
  case at(Timestamp)
  case before(Duration)

  /// - Parameter other: the time from which a duration counts back.
  func resolved(before other: Timestamp) -> Timestamp {
    switch self {
    case .at(let time): time
    case .before(let duration):
      Timestamp(unixMicroseconds: other.unixMicroseconds - duration.wholeNanoseconds / 1000)
    }
  }
}

extension FieldRule where Value == TimeParameter {
  private static var longest: Duration { .seconds(3660 * 86_400) }

  static var time: FieldRule {
    let duration = FieldRule<Duration>.duration(.seconds(1)...longest)
    let schema = Schema.either([.instant, duration.schema])
    let parse: @Sendable (String) -> TimeParameter? = { text in
      if let time = Timestamp(rfc3339: text) { return .at(time) }
      return DurationText.parse(text).flatMap { $0 >= .seconds(1) && $0 <= longest ? .before($0) : nil }
    }
    return FieldRule(
      schema, standIn: .at(Timestamp(unixSeconds: 0)),
      expectation: "must be an RFC 3339 time such as 2026-01-31T12:00:00Z (in a query, + is written %2B), "
        + "or a duration such as 24h or 7d",
      json: { if case .string(let text) = $0 { parse(text) } else { nil } }, text: parse)
  }
}
