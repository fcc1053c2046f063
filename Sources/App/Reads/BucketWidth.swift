// How wide the buckets of a series are.

import Ground

/// The widths of buckets that a read chooses itself, because the request names none.
enum BucketWidth {
  /// In seconds. From 300 on each consists of whole roll-ups of five minutes, and from 3600 on of whole hours.
  static let widths: [Int64] = [60, 300, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 604_800]
  /// The most buckets of a range.
  static let mostBuckets: Int64 = 300
  /// The longest range with buckets of a minute, if roll-ups can answer it. An hour of stored rows is read fast, and the
  /// page of a server shows its minutes.
  static let longestOfMinutes = Duration.seconds(3600)

  /// The smallest width that gives few enough buckets and that a source with data serves.
  /// - Parameters:
  ///   - lacking: from when on roll-ups may lack rows.
  ///   - now: the time of the request, from which retention is counted.
  /// - Returns: seconds.
  static func chosen(
    for range: (start: Timestamp, end: Timestamp), _ lacking: ReadBorders.Lacking, now: Timestamp,
    _ storage: StorageSettings
  ) -> Int64 {
    let microseconds = range.end.unixMicroseconds - range.start.unixMicroseconds
    let least = least(for: range, lacking, now: now, storage)
    let enough = microseconds / 1_000_000 / mostBuckets
    return widths.first { $0 >= least && $0 >= enough } ?? widths[widths.count - 1]
  }

  private static func least(
    for range: (start: Timestamp, end: Timestamp), _ lacking: ReadBorders.Lacking, now: Timestamp,
    _ storage: StorageSettings
  ) -> Int64 {
    func isPast(_ days: Int32) -> Bool {
      range.start.unixMicroseconds < now.unixMicroseconds - Int64(days) * 86_400_000_000
    }
    if isPast(RollupStep.fiveMinutes.retentionDays(storage)) { return RollupStep.hour.seconds }
    if isPast(storage.retentionDays) { return RollupStep.fiveMinutes.seconds }
    let length = range.end.unixMicroseconds - range.start.unixMicroseconds
    let isLong = length > longestOfMinutes.wholeNanoseconds / 1000
    let isRolledUp = ReadBorders(range.start, range.end, lacking).source != .raw
    return isLong && isRolledUp ? RollupStep.fiveMinutes.seconds : widths[0]
  }
}
