import Testing

@testable import App

@Suite struct UnifiedDiffTests {
  private static let vocabulary = ["a", "b", "c", "", "d = 1", "[e]"]

  @Test func `a diff changes the old text into the new text, for any two texts`() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let old = Self.lines(&generator)
      let new = Self.lines(&generator)
      let diff = UnifiedDiff.render(Self.text(old), Self.text(new), oldName: "1", newName: "2")
      #expect(Self.patch(old, diff) == new, "old \(old), new \(new):\n\(diff)")
    }
  }

  @Test func `equal texts have no diff`() {
    #expect(UnifiedDiff.render("a\nb\n", "a\nb\n", oldName: "1", newName: "2").isEmpty)
    #expect(UnifiedDiff.render("", "", oldName: "1", newName: "2").isEmpty)
  }

  @Test func `a diff has three lines of context and separates distant changes`() {
    let old = (1...20).map { "line \($0)\n" }.joined()
    let new = old.replacing("line 2\n", with: "two\n").replacing("line 19\n", with: "nineteen\n")
    #expect(
      UnifiedDiff.render(old, new, oldName: "1", newName: "2") == """
        --- 1
        +++ 2
        @@ -1,5 +1,5 @@
         line 1
        -line 2
        +two
         line 3
         line 4
         line 5
        @@ -16,5 +16,5 @@
         line 16
         line 17
         line 18
        -line 19
        +nineteen
         line 20

        """)
  }

  private static func lines(_ generator: inout SystemRandomNumberGenerator) -> [String] {
    (0..<Int.random(in: 0...24, using: &generator)).map { _ in vocabulary.randomElement(using: &generator)! }
  }

  private static func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

  /// Applies a diff as patch(1) does, as far as these tests need it.
  private static func patch(_ old: [String], _ diff: String) -> [String] {
    var new: [String] = []
    var next = 0
    for line in diff.split(separator: "\n", omittingEmptySubsequences: false).dropLast().dropFirst(2) {
      if line.hasPrefix("@@") {
        let numbers = line.split { !$0.isNumber }.map { Int($0)! }
        let start = numbers[1] == 0 ? numbers[0] : numbers[0] - 1
        new += old[next..<start]
        next = start
      } else if line.hasPrefix("+") {
        new.append(String(line.dropFirst()))
      } else {
        if old[next] != line.dropFirst() { return ["context differs at \(next)"] }
        if line.hasPrefix(" ") { new.append(old[next]) }
        next += 1
      }
    }
    return new + old[next...]
  }
}
