import Testing

@testable import App

@Suite struct DurationTextTests {
  @Test(arguments: [("1s", 1), ("5m", 300), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600), ("0s", 0)])
  func `a text with a number and a unit is a duration`(text: String, seconds: Int64) {
    #expect(DurationText.parse(text) == .seconds(seconds))
  }

  @Test(arguments: ["", "s", "5", "5M", "-5m", "+5m", "1.5h", "5 m", "9223372036854775807w", "99999999999999999999s"])
  func `any other text is no duration`(text: String) {
    #expect(DurationText.parse(text) == nil)
  }

  @Test(arguments: [(0, "0s"), (59, "59s"), (60, "1m"), (3600, "1h"), (86_400, "1d"), (604_800, "1w"), (90_000, "25h")])
  func `a duration is written in its largest whole unit`(seconds: Int64, text: String) {
    #expect(DurationText.write(.seconds(seconds)) == text)
  }
}
