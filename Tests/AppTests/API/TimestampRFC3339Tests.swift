import Testing

@testable import App

@Suite struct TimestampRFC3339Tests {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0),
    ("2000-01-01T00:00:00Z", 946_684_800),
    ("2026-01-31t12:00:00z", 1_769_860_800),
    ("2024-02-29T23:59:59+00:00", 1_709_251_199),
    ("1969-12-31T23:59:59Z", -1),
    ("2000-03-01T00:30:00+01:00", 951_867_000),
    ("2000-02-28T23:30:00-00:45", 951_783_300),
    ("0000-01-01T00:00:00Z", -62_167_219_200),
    ("9999-12-31T23:59:59Z", 253_402_300_799),
  ])
  func `reads`(text: String, seconds: Int64) {
    #expect(Timestamp(rfc3339: text) == Timestamp(unixSeconds: seconds))
  }

  @Test(arguments: [
    "", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
    "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-00T00:00:00Z",
    "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00Zx", "+026-01-01T00:00:00Z",
    "2026-1-01T00:00:00Z", "2026-01-01T00:00:00 01:00",
  ])
  func `refuses`(text: String) {
    #expect(Timestamp(rfc3339: text) == nil)
  }

  @Test func `keeps microseconds and drops the digits beyond`() {
    #expect(Timestamp(rfc3339: "1970-01-01T00:00:00.1Z")?.unixMicroseconds == 100_000)
    #expect(Timestamp(rfc3339: "1970-01-01T00:00:00.1234569Z")?.unixMicroseconds == 123_456)
    #expect(Timestamp(unixMicroseconds: -1).rfc3339 == "1969-12-31T23:59:59.999999Z")
  }

  @Test func `reads what it writes, on days of nine centuries`() {
    for day in stride(from: Int64(-200_000), to: 146_097, by: 17) {
      let time = Timestamp(unixMicroseconds: day * 86_400_000_000 + 3_723_000_004)
      guard Timestamp(rfc3339: time.rfc3339) == time else {
        Issue.record("\(time.rfc3339) is day \(day)")
        return
      }
    }
  }
}

@Suite struct DurationTextTests {
  @Test(arguments: [("1s", 1), ("5m", 300), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600), ("0s", 0)])
  func `reads`(text: String, seconds: Int64) {
    #expect(DurationText.parse(text) == .seconds(seconds))
  }

  @Test(arguments: ["", "s", "5", "5M", "-5m", "+5m", "1.5h", "5 m", "9223372036854775807w", "99999999999999999999s"])
  func `refuses`(text: String) {
    #expect(DurationText.parse(text) == nil)
  }

  @Test(arguments: [(0, "0s"), (59, "59s"), (60, "1m"), (3600, "1h"), (86_400, "1d"), (604_800, "1w"), (90_000, "25h")])
  func `writes the largest whole unit`(seconds: Int64, text: String) {
    #expect(DurationText.write(.seconds(seconds)) == text)
  }
}
