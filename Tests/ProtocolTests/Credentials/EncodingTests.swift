import Testing

@testable import Protocol

struct EncodingTests {
  /// The examples of RFC 4648 section 10, without padding.
  @Test(arguments: [
    ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
    ("foobar", "Zm9vYmFy"),
  ])
  func `base64url agrees with the RFC`(plain: String, encoded: String) {
    #expect(Base64URL.encode(Array(plain.utf8)) == encoded)
    #expect(Base64URL.decode(encoded) == Array(plain.utf8))
  }

  @Test func `base64url uses the alphabet that is safe in URLs`() {
    #expect(Base64URL.encode([0xFB, 0xEF, 0xFF]) == "--__")
    #expect(Base64URL.decode("++//") == nil)
    let standard = Base64.standard.encode([0xFB, 0xEF, 0xFF].span)
    #expect(standard == "++//")
  }

  @Test(arguments: ["Zg==", "Zm8=", "Z", "Zm9vY", "Zm 9v", "Zm9v\n", " Zm9v", "Zm9v.", "Zh", "Zm9", "Zm\0v", "Zm9vé"])
  func `base64url has one encoding for each byte string`(text: String) {
    #expect(Base64URL.decode(text) == nil)
  }

  @Test func `base64url and hex return every length and byte`() {
    for count in 0...70 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 83 &+ count) }
      #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
      #expect(Hex.decode(Hex.encode(bytes)) == bytes)
    }
    #expect(Hex.encode(Array(0...255)).count == 512)
    #expect(Hex.decode(Hex.encode(Array(0...255))) == Array(0...255))
  }

  @Test func `hex is written in lower case and read strictly in either case`() {
    #expect(Hex.encode([0x0A, 0xF9]) == "0af9")
    #expect(Hex.decode("0AF9") == [0x0A, 0xF9])
    for text in ["0", "0g", " 0", "0x", "-1", "٠٠"] { #expect(Hex.decode(text) == nil) }
  }

  @Test func `equal byte runs are equal, and all others are not`() {
    func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool { constantTimeEquals(left.span, right.span) }
    #expect(equal([1, 2, 3], [1, 2, 3]))
    #expect(equal([], []))
    #expect(!equal([1, 2, 3], [1, 2, 4]))
    #expect(!equal([1, 2, 3], [1, 2]))
    for count in 1...20 {
      let bytes = (0..<count).map { UInt8($0) }
      #expect(equal(bytes, bytes))
      for index in bytes.indices {
        var other = bytes
        other[index] ^= 0x80
        #expect(!equal(bytes, other))
      }
    }
  }

  @Test func `random bytes have the requested length and do not repeat`() {
    #expect(RandomBytes.generate(0).isEmpty)
    #expect(RandomBytes.generate(33).count == 33)
    #expect(RandomBytes.generate(32) != RandomBytes.generate(32))
  }
}

struct UUIDTests {
  @Test func `a UUID prints in lower case and reads in either case`() throws {
    let text = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6"
    let uuid = try #require(UUID(text))
    #expect(uuid.description == text)
    #expect(UUID(text.uppercased()) == uuid)
    #expect(uuid.high == 0xf81d_4fae_7dec_41d0)
    #expect(uuid.low == 0xa765_00a0_c91e_6bf6)
    let copy = UUID(bytes: uuid.bytes.span)
    #expect(copy == uuid)
    #expect(uuid.bytes.prefix(3) == [0xf8, 0x1d, 0x4f])
  }

  @Test(arguments: [
    "", "f81d4fae7dec41d0a76500a0c91e6bf6", "{f81d4fae-7dec-41d0-a765-00a0c91e6bf6}",
    "f81d4fae-7dec-41d0-a765-00a0c91e6bf", "f81d4fae-7dec-41d0-a765-00a0c91e6bf66",
    "f81d4fae-7dec-41d0-a765_00a0c91e6bf6", "g81d4fae-7dec-41d0-a765-00a0c91e6bf6",
    "f81d4fa-e7dec-41d0-a765-00a0c91e6bf6",
  ])
  func `a UUID in any other form is refused`(text: String) {
    #expect(UUID(text) == nil)
  }

  @Test func `random UUIDs are version 4, distinct, and ordered as their text`() {
    let uuids = (0..<500).map { _ in UUID.random() }
    #expect(Set(uuids).count == 500)
    for uuid in uuids {
      let text = Array(uuid.description)
      #expect(text[14] == "4" && "89ab".contains(text[19]))
      #expect(UUID(uuid.description) == uuid)
    }
    #expect(uuids.sorted().map(\.description) == uuids.map(\.description).sorted())
    let short = UUID(bytes: [1, 2, 3].span)
    #expect(short == nil)
  }
}

struct DigestTests {
  /// The examples of FIPS 180-4, and the empty message.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func `SHA-256 agrees with the standard, at every split`(message: String, expected: String) {
    #expect(Hex.encode(Digest.sha256(utf8: message)) == expected)
    let bytes = Array(message.utf8)
    for split in 0...bytes.count {
      var digest = Digest()
      digest.update(bytes.span.extracting(..<split))
      digest.update(bytes.span.extracting(split...))
      #expect(Hex.encode(digest.finish()) == expected)
    }
  }

  @Test func `HMAC agrees with RFC 4231 on every use`() {
    let key = MessageAuthentication(secret: [UInt8](repeating: 0x0B, count: 20))
    for _ in 0..<3 {
      let tag = Hex.encode(key.tag(of: Array("Hi There".utf8).span))
      #expect(tag == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    }
  }
}
