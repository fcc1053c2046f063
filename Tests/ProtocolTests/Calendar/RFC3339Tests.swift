import Protocol
import Testing

@Suite struct RFC3339Tests {
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
  func `a timestamp of RFC 3339 is read`(text: String, seconds: Int) {
    #expect(RFC3339.unixMicroseconds(text) == Int64(seconds) * 1_000_000)
  }

  @Test(arguments: [
    "", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
    "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-00T00:00:00Z",
    "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00Zx", "+026-01-01T00:00:00Z",
    "2026-1-01T00:00:00Z", "2026-01-01T00:00:00 01:00",
  ])
  func `any other text is refused`(text: String) {
    #expect(RFC3339.unixMicroseconds(text) == nil)
  }

  @Test func `microseconds are kept, and further digits are dropped`() {
    #expect(RFC3339.unixMicroseconds("1970-01-01T00:00:00.1Z") == 100_000)
    #expect(RFC3339.unixMicroseconds("1970-01-01T00:00:00.1234569Z") == 123_456)
    #expect(RFC3339.text(unixMicroseconds: -1) == "1969-12-31T23:59:59.999999Z")
  }

  @Test func `a time reads back as it was written, on days of nine centuries`() {
    for day in stride(from: Int64(-200_000), to: 146_097, by: 17) {
      let time = day * 86_400_000_000 + 3_723_000_004
      guard RFC3339.unixMicroseconds(RFC3339.text(unixMicroseconds: time)) == time else {
        Issue.record("\(RFC3339.text(unixMicroseconds: time)) is day \(day)")
        return
      }
    }
  }

  @Test func `a year of four digits is appended in twenty bytes`() {
    var random = SeededGenerator(seed: 9)
    var times: [Int64] = [0, -1, 951_782_400, 951_868_799, 4_107_542_400, 253_402_300_799, -62_135_596_800]
    for _ in 0..<2000 { times.append(Int64.random(in: -62_135_596_800...253_402_300_799, using: &random)) }
    for time in times {
      var text = ByteBuffer()
      RFC3339.append(unixSeconds: time, to: &text)
      #expect(text.count == 20)
      #expect(
        text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } == RFC3339.text(unixMicroseconds: time * 1_000_000)
      )
    }
  }
}
