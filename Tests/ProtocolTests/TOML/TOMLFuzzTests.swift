import Protocol
import Testing

@Suite struct TOMLFuzzTests {
  /// Checks that an error points at a scalar of the text, or just behind the last scalar of its line.
  private func expectInside(_ error: TOMLError, _ bytes: [UInt8]) {
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    guard lines.indices.contains(error.line - 1) else {
      Issue.record("\(error): the text has \(lines.count) lines")
      return
    }
    let scalars = lines[error.line - 1].count { $0 & 0xC0 != 0x80 }
    #expect((1...scalars + 1).contains(error.column), "\(error)")
  }

  @Test func `every prefix of a rich document is read, or the error says where it breaks`() throws {
    let text = Array(richTOML.utf8)
    let whole = try parseTOML(bytes: text)
    #expect(whole.entries.count == 22)
    var accepted = 0
    for end in 0...text.count {
      let prefix = Array(text[..<end])
      do throws(TOMLError) {
        _ = try parseTOML(bytes: prefix)
        accepted += 1
      } catch {
        expectInside(error, prefix)
        // A cut only makes a valid document incomplete, so it must not give an error about definitions.
        switch error.reason {
        case .invalidUTF8, .unexpectedEnd, .unterminatedString, .invalidEscape, .invalidNumber, .invalidDateTime,
          .expected(.value):
          break
        default: Issue.record("a cut at byte \(end) gave \(error)")
        }
      }
    }
    #expect(accepted > 50 && accepted < text.count)
  }

  @Test func `a document reads back the same with every table written inline`() throws {
    let table = try parseTOML(richTOML)
    #expect(try parseTOML(rewritten(table)) == table)
  }

  @Test(arguments: SeededGenerator.fuzzSeeds("TOML"))
  func `mutated text does not trap, and accepted text survives being written`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let text = Array(richTOML.utf8)
    let alphabet = Array("[]{}=.,'\"\\#\n\r\t _-+:0123456789aeEfinotuxTUZ".utf8) + [0x00, 0x7F, 0x80, 0xC3, 0xFF]
    var accepted = 0
    for _ in 0..<1500 {
      var mutated = text
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let at = Int.random(in: mutated.indices, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: mutated.remove(at: at)
        case 1: mutated.insert(alphabet.randomElement(using: &generator) ?? 0, at: at)
        case 2: mutated[at] = alphabet.randomElement(using: &generator) ?? 0
        default:
          let end = min(mutated.count, at + Int.random(in: 1...20, using: &generator))
          mutated.insert(contentsOf: mutated[at..<end], at: Int.random(in: mutated.indices, using: &generator))
        }
      }
      do throws(TOMLError) {
        let table = try parseTOML(bytes: mutated)
        accepted += 1
        let written = rewritten(table)
        // The texts are compared and not the values, because a mutation may make a NaN.
        #expect(rewritten(try parseTOML(written)) == written)
      } catch {
        expectInside(error, mutated)
      }
    }
    #expect(accepted > 20)
  }

  @Test(arguments: SeededGenerator.fuzzSeeds("TOML tokens"))
  func `random lines of tokens do not trap`(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let tokens = [
      "a", "b", "a.b", "b.a.a", "'a'", "\"b\"", " = ", "=1\n", "=[]\n", "={}\n", "\n", "[", "]", "[[", "]]", "{", "}",
      ",",
      "[a]\n", "[[a]]\n", "[a.b]\n", "[[a.b]]\n", "a.b=1\n", "a={b=1}\n", "\"\"\"", "'''", "\\", "1979-05-27",
      "07:32:00",
      "#", "é", "0x1", "1e5", "-", "inf",
    ]
    for _ in 0..<3000 {
      var text = ""
      for _ in 0..<Int.random(in: 1...12, using: &generator) { text += tokens.randomElement(using: &generator) ?? "" }
      do throws(TOMLError) {
        _ = try parseTOML(text)
      } catch {
        expectInside(error, Array(text.utf8))
      }
    }
  }
}
