import Testing

@testable import App

@Suite struct SecretLineTests {
  private func typed(_ keys: String) -> SecretLine {
    var line = SecretLine()
    for key in keys.utf8 where !line.isEnded { line.press(key) }
    return line
  }

  @Test(arguments: [
    ("secret\n", "secret"), ("secret\r", "secret"), ("sex\u{7F}cret\n", "secret"), ("sé\u{8}ecret\n", "secret"),
    ("wrong\u{15}secret\n", "secret"), ("\u{7F}secret\n", "secret"), ("sec\u{1A}ret\n", "secret"),
    ("se\u{4}cret\n", "secret"), ("\u{4}", ""), ("\n", ""),
  ])
  func `keys edit the line, and an end key ends it`(_ keys: String, _ line: String) {
    let result = typed(keys)
    #expect(result.isEnded && !result.isCancelled)
    #expect(String(decoding: result.bytes, as: UTF8.self) == line)
  }

  @Test(arguments: ["sec\u{3}ret\n", "\u{1C}"])
  func `Ctrl-C cancels the line`(_ keys: String) {
    let result = typed(keys)
    #expect(result.isEnded && result.isCancelled)
  }
}
