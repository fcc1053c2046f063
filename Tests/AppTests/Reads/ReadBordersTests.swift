import Protocol
import Testing

@testable import App

@Suite struct ReadBordersTests {
  private static let hour: Int64 = 3600

  /// Borders of a range of seconds after a full hour.
  private func borders(
    _ start: Int64, _ end: Int64, fine: Int64? = nil, coarse: Int64? = nil, bucket: Int64? = nil
  ) -> [Int64] {
    let base: Int64 = 1_790_000_000 / 3600 * 3600
    func time(_ seconds: Int64) -> Timestamp { Timestamp(unixSeconds: base + seconds) }
    let lacking = ReadBorders.Lacking(fine: fine.map(time), coarse: coarse.map(time))
    let borders = ReadBorders(time(start), time(end), lacking, bucketSeconds: bucket)
    return [borders.fineStart, borders.coarseStart, borders.coarseEnd, borders.fineEnd].map {
      $0.unixMicroseconds / 1_000_000 - base
    }
  }

  @Test func `a short range is read from rows only`() {
    #expect(borders(10, 900) == [900, 900, 900, 900])
  }

  @Test func `a range is covered from rows over five minutes to hours and back`() {
    #expect(borders(3000, 4 * Self.hour + 700) == [3000, 3600, 4 * Self.hour, 4 * Self.hour + 600])
    #expect(borders(3001, 4 * Self.hour + 700) == [3300, 3600, 4 * Self.hour, 4 * Self.hour + 600])
  }

  @Test func `without a whole hour there are only five minutes`() {
    #expect(borders(100, 3500) == [300, 3300, 3300, 3300])
  }

  @Test func `roll-ups are used up to the time from which on they may lack rows`() {
    #expect(borders(0, 5 * Self.hour, fine: 4 * Self.hour + 301) == [0, 0, 4 * Self.hour, 4 * Self.hour + 300])
    #expect(
      borders(0, 5 * Self.hour, fine: 4 * Self.hour + 301, coarse: 2 * Self.hour + 1)
        == [0, 0, 2 * Self.hour, 4 * Self.hour + 300])
    #expect(borders(0, 5 * Self.hour, fine: -1) == [5 * Self.hour, 5 * Self.hour, 5 * Self.hour, 5 * Self.hour])
  }

  @Test func `buckets consist of whole roll-ups`() {
    #expect(borders(0, 5 * Self.hour, bucket: 60) == [5 * Self.hour, 5 * Self.hour, 5 * Self.hour, 5 * Self.hour])
    #expect(borders(0, 5 * Self.hour, bucket: 900) == [0, 5 * Self.hour, 5 * Self.hour, 5 * Self.hour])
    #expect(borders(0, 5 * Self.hour, bucket: 7200) == [0, 0, 5 * Self.hour, 5 * Self.hour])
  }
}
