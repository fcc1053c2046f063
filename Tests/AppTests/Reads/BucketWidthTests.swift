import Ground
import Protocol
import Testing

@testable import App

@Suite struct BucketWidthTests {
  private static let hour: Int64 = 3600
  private static let day: Int64 = 86_400

  /// The width for a range of seconds before now.
  /// - Parameter rolledUpTo: seconds before now up to which all is rolled up; nil: nothing is.
  private func width(_ start: Int64, _ end: Int64 = 0, rolledUpTo: Int64? = 0) -> Int64 {
    let now: Int64 = 1_790_000_000 / 3600 * 3600
    func time(_ seconds: Int64) -> Timestamp { Timestamp(unixSeconds: now - seconds) }
    let complete = rolledUpTo.map(time) ?? Timestamp(unixSeconds: 0)
    var storage = Settings().storage
    storage.retentionDays = 7
    storage.fineRollupRetentionDays = 30
    return BucketWidth.chosen(
      for: (time(start), time(end)), .init(fine: complete, coarse: complete), now: time(0), storage)
  }

  @Test func `an hour has minutes, and a longer range buckets that roll-ups serve`() {
    #expect(width(Self.hour) == 60)
    #expect(width(Self.hour + 1) == 300)
    #expect(width(25 * Self.hour) == 300)
    #expect(width(25 * Self.hour + 300) == 900)
    #expect(width(7 * Self.day - 1) == 3600)
  }

  @Test func `without roll-ups the width depends on the length alone`() {
    #expect(width(5 * Self.hour, rolledUpTo: nil) == 60)
    #expect(width(5 * Self.hour + 300, rolledUpTo: nil) == 300)
    #expect(width(5 * Self.hour, rolledUpTo: 5 * Self.hour) == 60)
    #expect(width(5 * Self.hour, rolledUpTo: 4 * Self.hour) == 300, "a part of it is rolled up")
  }

  @Test func `a range past the retention of a source has buckets of a coarser one`() {
    let minutes: Int64 = 600
    #expect(width(7 * Self.day, 7 * Self.day - minutes) == 60)
    #expect(width(7 * Self.day + 1, 7 * Self.day - minutes) == 300)
    #expect(width(30 * Self.day, 30 * Self.day - minutes) == 300)
    #expect(width(30 * Self.day + 1, 30 * Self.day - minutes) == 3600)
    #expect(width(30 * Self.day + 1, 30 * Self.day - minutes, rolledUpTo: nil) == 3600)
  }

  @Test func `no range has more buckets than the most`() {
    for days in [Int64(1), 3, 10, 40, 366, 3000] {
      let seconds = days * Self.day
      #expect(seconds / width(seconds) <= BucketWidth.mostBuckets || width(seconds) == 604_800, "\(days) days")
    }
  }
}
