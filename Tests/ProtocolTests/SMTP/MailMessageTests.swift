import Testing

@testable import Protocol

struct MailMessageTests {
  private static let sender = MailAddress("alerts@example.com")!

  private func message(
    name: String = "", to: [String] = ["dba@example.com"], subject: String = "disk", text: String = "full\n",
    id: String = "0198"
  ) -> MailMessage {
    MailMessage(
      sender: Self.sender, senderName: name, recipients: to.map { MailAddress($0)! }, subject: subject, text: text,
      id: id, unixSeconds: 1_767_225_600)
  }

  private func lines(_ message: MailMessage) throws -> [Substring] {
    let bytes = try message.encoded().bytes
    #expect(EncodedMessage(bytes) != nil, "the encoder keeps the promises of its result")
    #expect(bytes.allSatisfy { $0 < 0x7F })
    return String(decoding: bytes, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
  }

  @Test func `a message is headers and quoted-printable text`() throws {
    let bytes = try message(
      name: "pgAnalytics \"eu\"", to: ["a@example.com", "b@example.com"], subject: "Größe",
      text: "ä = 1\n.\r\nend \nlast"
    ).encoded().bytes
    let expected = """
      Date: Thu, 01 Jan 2026 00:00:00 +0000
      From: "pgAnalytics \\"eu\\""
       <alerts@example.com>
      To: a@example.com,
       b@example.com
      Subject: =?utf-8?B?R3LDtsOfZQ==?=
      Message-ID: <0198@example.com>
      Auto-Submitted: auto-generated
      MIME-Version: 1.0
      Content-Type: text/plain; charset=utf-8
      Content-Transfer-Encoding: quoted-printable

      =C3=A4 =3D 1
      .
      end=20
      last

      """
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == expected.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n"))
  }

  @Test(arguments: ["a\r\nBcc: x@y", "a\nb", "a\rb", "a\u{0}b", "a\u{7F}"])
  func `no value can begin another header line`(value: String) {
    #expect(throws: MailMessageError.controlCharacter(in: "subject")) { try message(subject: value).encoded() }
    #expect(throws: MailMessageError.controlCharacter(in: "sender's name")) { try message(name: value).encoded() }
    #expect(throws: MailMessageError.controlCharacter(in: "id")) { try message(id: value).encoded() }
    #expect(MailAddress("a@\(value)") == nil && MailAddress("\(value)@a") == nil)
  }

  @Test(arguments: ["", " ", "a>b", "a@b", String(repeating: "x", count: 201)])
  func `an id is a plain word`(id: String) {
    #expect(throws: MailMessageError.self) { try message(id: id).encoded() }
  }

  @Test func `sizes are limited`() throws {
    #expect(throws: MailMessageError.recipients(0)) { try message(to: []).encoded() }
    let hundred = [String](repeating: "a@b.c", count: 100)
    _ = try message(to: hundred).encoded()
    #expect(throws: MailMessageError.recipients(101)) { try message(to: hundred + ["a@b.c"]).encoded() }
    _ = try message(subject: String(repeating: "x", count: 998)).encoded()
    #expect(throws: MailMessageError.self) { try message(subject: String(repeating: "x", count: 999)).encoded() }
    _ = try message(text: String(repeating: "x", count: 1 << 20)).encoded()
    #expect(throws: MailMessageError.self) { try message(text: String(repeating: "x", count: 1 << 20 + 1)).encoded() }
  }

  @Test(arguments: [
    "a@b", "first.last+tag@mail.example.com", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "o'x=y/z?{}@example.com",
    String(repeating: "l", count: 64) + "@example.com",
  ])
  func `reads an address`(text: String) { #expect(MailAddress(text)?.description == text) }

  @Test(arguments: [
    "", "a", "@b", "a@", "a b@c", "a@b c", "<a@b>", "A <a@b>", "a@b,c@d", ".a@b", "a.@b", "a..b@c", "a@b..c", "a@.b",
    "a@-b", "a@b-", "\"a b\"@c", "ä@b", "a@ä", "a@[", "a@[]", "a@[1 2]", "a@b>", "a@b\u{0}",
    String(repeating: "l", count: 65) + "@b", "a@" + String(repeating: "d", count: 64),
    "a@" + [String](repeating: String(repeating: "d", count: 60), count: 5).joined(separator: "."),
  ])
  func `refuses what is no plain address`(text: String) { #expect(MailAddress(text) == nil) }

  @Test(arguments: SeededGenerator.fuzzSeeds("MailMessage"))
  func `a reader decodes the subject and the text that were encoded`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let alphabet: [Character] = Array("abc  =?_.\t\u{0}ä€😀e\u{301}\n") + ["\r\n", "\r"]
    for _ in 0..<400 {
      let text = String(
        (0..<Int.random(in: 0...300, using: &generator)).map { _ in alphabet.randomElement(using: &generator)! })
      let subject = String(text.unicodeScalars.filter { $0.value >= 0x20 })
      let lines = try lines(message(subject: subject, text: text))
      let end = try #require(lines.firstIndex(of: ""))
      let start = try #require(lines.firstIndex { $0.hasPrefix("Subject: ") })
      let rest = lines[(start + 1)..<end].prefix { $0.hasPrefix(" ") }
      #expect((lines[start...start] + rest).allSatisfy { $0.utf8.count <= 76 }, "seed \(seed)")
      #expect(Self.decodedHeader(lines[start].dropFirst(9), rest) == subject, "seed \(seed): \(subject)")
      let body = lines[(end + 1)...]
      #expect(body.allSatisfy { $0.utf8.count <= 76 && !$0.hasSuffix(" ") && !$0.hasSuffix("\t") }, "seed \(seed)")
      // Among characters, CR and LF side by side are one; among bytes they are two.
      var expected: [UInt8] = []
      var previous: UInt8 = 0
      for byte in text.utf8 {
        if byte != 10 || previous != 13 { expected.append(byte == 13 ? 10 : byte) }
        previous = byte
      }
      if !expected.isEmpty, expected.last != 10 { expected.append(10) }
      #expect(Array(Self.decodedBody(body).utf8) == expected, "seed \(seed): \(text)")
    }
  }

  private static func decodedHeader(_ first: Substring, _ rest: ArraySlice<Substring>) -> String? {
    guard first.hasPrefix("=?") else { return rest.isEmpty ? String(first) : nil }
    var text = ""
    for word in [first] + rest.map({ $0.dropFirst() }) {
      guard word.hasPrefix("=?utf-8?B?"), word.hasSuffix("?="), word.utf8.count <= 75 else { return nil }
      let digits = word.dropFirst(10).dropLast(2)
      guard digits.utf8.count.isMultiple(of: 4),
        let bytes = Base64.standard.decode(Array(digits.utf8.filter { $0 != UInt8(ascii: "=") }).span),
        let part = String(validating: bytes, as: UTF8.self)
      else { return nil }
      text += part
    }
    return text
  }

  private static func decodedBody(_ lines: ArraySlice<Substring>) -> String {
    var bytes: [UInt8] = []
    for line in lines.dropLast() {
      var rest = Array(line.utf8)[...]
      while let byte = rest.popFirst() {
        if byte != UInt8(ascii: "=") {
          bytes.append(byte)
        } else if rest.isEmpty {
          bytes.append(0xFF)  // a soft line break, which is no UTF-8
        } else {
          bytes += Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self))!
          rest = rest.dropFirst(2)
        }
      }
      if bytes.last == 0xFF { bytes.removeLast() } else { bytes.append(10) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
