/// The width of a roll-up's buckets.
enum RollupStep: String, CaseIterable, Sendable {
  case fiveMinutes = "5m"
  case hour = "1h"

  var seconds: Int64 {
    switch self {
    case .fiveMinutes: 300
    case .hour: 3600
    }
  }

  var microseconds: Int64 { seconds * 1_000_000 }

  /// The start of the bucket that contains `time`. Buckets of all widths are counted from 2000-01-01 00:00 UTC, which
  /// is a whole number of hours after 1970.
  func floor(_ time: Timestamp) -> Timestamp {
    let (quotient, remainder) = time.unixMicroseconds.quotientAndRemainder(dividingBy: microseconds)
    return Timestamp(unixMicroseconds: (remainder < 0 ? quotient - 1 : quotient) * microseconds)
  }

  /// The first start of a bucket at or after `time`.
  func ceiling(_ time: Timestamp) -> Timestamp {
    let floor = floor(time)
    return floor == time ? time : Timestamp(unixMicroseconds: floor.unixMicroseconds + microseconds)
  }
}
