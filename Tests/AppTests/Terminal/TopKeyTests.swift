import Testing

@testable import App

/// Keys of the live view from the bytes of a terminal.
@Suite struct TopKeyTests {
  private func keys(_ chunks: String...) -> [TopKey] {
    var reader = TopKeyReader()
    return chunks.flatMap { reader.keys(Array($0.utf8)) }
  }

  @Test func `letters, cursor keys and control keys are told apart`() {
    #expect(keys("jG/") == [.character("j"), .character("G"), .character("/")])
    #expect(keys("\u{1B}[A\u{1B}OB\u{1B}[5~\u{1B}[6~") == [.up, .down, .pageUp, .pageDown])
    #expect(keys("\u{1B}[H\u{1B}[4~\u{1B}[1~\u{1B}[F") == [.home, .end, .home, .end])
    #expect(keys("\r\u{7F}\u{3}\u{1A}") == [.enter, .backspace, .control("c"), .control("z")])
  }

  @Test func `an ESC alone is the key Esc, and a sequence without meaning is nothing`() {
    #expect(keys("\u{1B}") == [.escape])
    #expect(keys("\u{1B}q") == [.escape, .character("q")])
    #expect(keys("\u{1B}[1;5Rq\u{1B}[15~x") == [.character("q"), .character("x")])
    #expect(keys("\u{1B}[0;0;0;0;0;0;0;0;0;0;0;0;0") == [])
  }

  @Test func `a character that comes in two reads is one key, and broken UTF-8 is harmless`() {
    let bytes = Array("日é".utf8)
    for cut in 0...bytes.count {
      var reader = TopKeyReader()
      #expect(
        reader.keys(Array(bytes[..<cut])) + reader.keys(Array(bytes[cut...])) == [.character("日"), .character("é")])
    }
    var reader = TopKeyReader()
    #expect(reader.keys([0xFF, 0x80, 0x71]) == [.character("\u{FFFD}"), .character("\u{FFFD}"), .character("q")])
  }
}
