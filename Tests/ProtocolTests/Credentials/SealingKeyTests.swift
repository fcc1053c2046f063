import Testing

@testable import Protocol

@Suite struct SealingKeyTests {
  private func key(_ byte: UInt8 = 7) throws -> SealingKey {
    try #require(SealingKey([UInt8](repeating: byte, count: SealingKey.byteCount)))
  }

  @Test(arguments: [0, 1, 15, 16, 17, 4096])
  func `a secret of any length opens as it was sealed`(_ count: Int) throws {
    let secret = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let sealed = try key().seal(secret, context: Array("place".utf8))
    #expect(sealed.count == count + 37)
    #expect(count < 15 || !sealed.contains(secret), "the secret cannot be read")
    #expect(try key().open(sealed, context: Array("place".utf8)) == secret)
  }

  @Test func `the same secret is sealed differently each time`() throws {
    let first = try key().seal([1, 2, 3], context: [])
    #expect(try key().seal([1, 2, 3], context: []) != first)
  }

  @Test func `no changed byte, shorter text or other context opens`() throws {
    let sealed = try key().seal(Array("password".utf8), context: [1])
    for index in sealed.indices {
      var altered = sealed
      altered[index] ^= 1
      #expect(throws: SealingError.self, "byte \(index)") { try key().open(altered, context: [1]) }
    }
    for count in sealed.indices {
      #expect(throws: SealingError.self) { try key().open(Array(sealed.prefix(count)), context: [1]) }
    }
    #expect(throws: SealingError.altered) { try key().open(sealed, context: [2]) }
  }

  @Test func `another key is told from altered bytes`() throws {
    let sealed = try key(1).seal([9], context: [])
    #expect(throws: SealingError.anotherKey) { try key(2).open(sealed, context: []) }
    #expect(throws: SealingError.malformed) { try key(1).open([], context: []) }
    #expect(throws: SealingError.malformed) { try key(1).open([2] + sealed.dropFirst(), context: []) }
  }

  @Test func `a key has 32 bytes, and its description shows none of them`() throws {
    #expect(SealingKey([UInt8](repeating: 0, count: 31)) == nil)
    #expect(SealingKey([UInt8](repeating: 0, count: 33)) == nil)
    #expect(try !"\(key(0xAB))".contains("abab"))
  }

  @Test func `basic credentials are those of the RFC`() {
    #expect(
      BasicAuthorization.fieldValue(user: "Aladdin", password: "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
  }
}
