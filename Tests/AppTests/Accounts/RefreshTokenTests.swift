import Protocol
import Testing

@testable import App

@Suite struct RefreshTokenTests {
  @Test func `a refresh token reads back from its text, and its successor has another secret`() throws {
    let first = RefreshToken.first()
    let read = try #require(RefreshToken(first.text))
    #expect(read.text == first.text && read.digest == first.digest)
    #expect(first.text.utf8.count <= RefreshToken.maximumCharacters)
    let next = first.next()
    #expect(next.session == first.session && next.generation == 1 && next.digest != first.digest)
  }

  @Test func `the largest generation that is accepted has a successor`() throws {
    let session = UUID.random()
    let last = try #require(RefreshToken("\(session).2147483646.x"))
    #expect(last.next().generation == .max)
    #expect(RefreshToken("\(session).2147483647.x") == nil)
  }

  @Test(arguments: ["", ".", "..", "x.0.y", "1.2.3.4", "8b0c1f6e-2f2f-4a8e-9a53-0b6a4c0d1e2f.-1.x"])
  func `a text that the server never writes is no refresh token`(_ text: String) { #expect(RefreshToken(text) == nil) }

  @Test(arguments: [
    ("correct horse", "ada", nil), ("12345678", "ada", nil), ("1234567", "ada", "must have"),
    ("Ada Lovelace", "ada lovelace", "must not"), ("nul \0 inside", "ada", "must have"),
    (String(repeating: "é", count: 512), "ada", nil), (String(repeating: "é", count: 513), "ada", "must have"),
  ])
  func `a password has a minimum and a maximum length and differs from the name`(
    _ password: String, _ name: String, _ fault: String?
  ) {
    let found = Accounts.fault(inPassword: password, of: name)
    #expect(found.map { $0.hasPrefix(fault ?? "?") } ?? (fault == nil), "\(found ?? "")")
  }
}
