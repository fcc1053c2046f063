import Testing

@testable import App

@Suite struct DurationPatternTests {
  @Test(arguments: [
    (Duration.seconds(1), Duration.seconds(86_400 * 31)), (.zero, .seconds(59)), (.milliseconds(1500), .seconds(7)),
    (.seconds(60), .seconds(3600)), (.seconds(90), .seconds(10_007)),
  ])
  func `matches what the rule accepts, and nothing else`(lower: Duration, upper: Duration) throws {
    let pattern = try Regex(DurationPattern.matching(lower...upper))
    let bounds = [lower, upper].map(\.components.seconds)
    for unit in DurationText.units {
      var numbers = Set<Int64>(0...2000)
      for bound in bounds { numbers.formUnion((bound / unit.seconds - 3)...(bound / unit.seconds + 3)) }
      for number in numbers where number >= 0 {
        let text = "\(number)\(unit.letter)"
        let isAccepted = DurationText.parse(text).map { (lower...upper).contains($0) } ?? false
        #expect((text.wholeMatch(of: pattern) != nil) == isAccepted, "\(text)")
      }
    }
  }

  @Test func `leading zeros, signs and other units are neither matched nor read`() throws {
    let pattern = try Regex(DurationPattern.matching(.seconds(1)...(.seconds(100))))
    for text in ["05s", "+5s", "5", "5ms", "s", "", " 5s", "5 s", "5S"] {
      #expect(text.wholeMatch(of: pattern) == nil, "\(text)")
      #expect(DurationText.parse(text) == nil, "\(text)")
    }
  }
}
