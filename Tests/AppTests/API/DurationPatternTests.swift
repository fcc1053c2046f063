import Testing

@testable import App

@Suite struct DurationPatternTests {
  @Test(arguments: [
    (Duration.seconds(1), Duration.seconds(86_400 * 31)), (.zero, .seconds(59)), (.milliseconds(1500), .seconds(7)),
    (.seconds(60), .seconds(3600)), (.seconds(90), .seconds(10_007)),
  ])
  func `the pattern matches every duration that the rule accepts`(lower: Duration, upper: Duration) throws {
    let text = DurationPattern.of(lower...upper)
    #expect(text.count < 40, "\(text)")
    let pattern = try Regex(text)
    let bounds = [lower, upper].map(\.components.seconds)
    for unit in DurationText.units {
      var numbers = Set<Int64>(0...2000)
      for bound in bounds { numbers.formUnion((bound / unit.seconds - 3)...(bound / unit.seconds + 3)) }
      for number in numbers where number >= 0 {
        let text = "\(number)\(unit.letter)"
        guard let duration = DurationText.parse(text), (lower...upper).contains(duration) else { continue }
        #expect(text.wholeMatch(of: pattern) != nil, "\(text)")
      }
    }
    // A text with ten times the upper bound does not match.
    let tooLong = "\(upper.components.seconds * 10)s"
    #expect(tooLong.wholeMatch(of: pattern) == nil, "\(tooLong)")
    #expect(("0s".wholeMatch(of: pattern) != nil) == (lower == .zero))
  }

  @Test func `the schema of a duration rule states the bounds in words`() {
    #expect(FieldRule<Duration>.duration(.seconds(1)...(.seconds(7200))).schema.limits == "From 1s to 2h.")
  }

  @Test func `the pattern and the parser refuse leading zeros, signs and other units`() throws {
    let pattern = try Regex(DurationPattern.of(.zero ... .seconds(100)))
    for text in ["05s", "+5s", "5", "5ms", "s", "", " 5s", "5 s", "5S"] {
      #expect(text.wholeMatch(of: pattern) == nil, "\(text)")
      #expect(DurationText.parse(text) == nil, "\(text)")
    }
  }
}
