import Testing

@testable import Protocol

struct PasswordHashTests {
  private let cheap = PasswordHash.Parameters(logN: 4, r: 8, p: 1)

  /// The examples of RFC 7914 section 12.
  @Test(arguments: [
    (
      "password", "NaCl", "ln=10,r=8,p=16",
      "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
    ),
    (
      "pleaseletmein", "SodiumChloride", "ln=14,r=8,p=1",
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
    ),
  ])
  func `scrypt agrees with the RFC`(password: String, salt: String, parameters: String, hex: String) throws {
    let expected = try #require(Hex.decode(hex))
    let hash = Base64.standard.encode(expected.span)
    let encoded = "$scrypt$\(parameters)$\(Base64.standard.encode(Array(salt.utf8).span))$\(hash)"
    #expect(PasswordHash.verify(password, against: encoded))
    #expect(!PasswordHash.verify(password + "x", against: encoded))
  }

  @Test func `only the right password verifies, and two hashes of it differ`() throws {
    let encoded = try #require(PasswordHash.hash("correct horse", parameters: cheap))
    #expect(encoded.hasPrefix("$scrypt$ln=4,r=8,p=1$"))
    #expect(PasswordHash.verify("correct horse", against: encoded))
    for wrong in ["", "correct hors", "correct horse ", "Correct horse", "correct horse\0"] {
      #expect(!PasswordHash.verify(wrong, against: encoded))
    }
    #expect(PasswordHash.hash("correct horse", parameters: cheap) != encoded)
    #expect(PasswordHash.hash("correct horse\0", parameters: cheap) == nil)
  }

  @Test func `the empty password is a password like any other`() throws {
    let encoded = try #require(PasswordHash.hash("", parameters: cheap))
    #expect(PasswordHash.verify("", against: encoded))
    #expect(!PasswordHash.verify("\0", against: encoded))
  }

  @Test func `the longest password is hashed, and one byte more is refused`() throws {
    let longest = String(repeating: "x", count: PasswordHash.maximumPasswordBytes)
    let encoded = try #require(PasswordHash.hash(longest, parameters: cheap))
    #expect(PasswordHash.verify(longest, against: encoded))
    #expect(PasswordHash.hash(longest + "x", parameters: cheap) == nil)
    #expect(!PasswordHash.verify(longest + "x", against: encoded))
  }

  @Test func `raised parameters ask for a new hash`() throws {
    let encoded = try #require(PasswordHash.hash("p", parameters: cheap))
    #expect(!PasswordHash.needsRehash(encoded, wanted: cheap))
    #expect(PasswordHash.needsRehash(encoded))
    #expect(PasswordHash.needsRehash("garbage"))
  }

  @Test(arguments: [(4, 8, 2, false), (5, 8, 1, false), (4, 16, 1, false), (3, 8, 1, true), (4, 4, 2, true)])
  func `a weaker stored hash asks for a new one, and a stronger one does not`(
    logN: Int, r: Int, p: Int, isWeaker: Bool
  ) throws {
    let encoded = try #require(PasswordHash.hash("p", parameters: .init(logN: logN, r: r, p: p)))
    #expect(PasswordHash.needsRehash(encoded, wanted: cheap) == isWeaker)
  }

  @Test func `the dummy hash costs as much as a real one and fits no password`() {
    #expect(!PasswordHash.needsRehash(PasswordHash.dummy))
    #expect(!PasswordHash.verify("", against: PasswordHash.dummy))
  }

  @Test(arguments: [
    "", "$", "scrypt", "$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$ln=4,r=8,p=1$c2FsdHNhbHQ$HHHH",
    "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHQ$", "$scrypt$ln=4,r=8,p=1$$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=4,r=8$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "$scrypt$ln=+4,r=8,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=0,r=8,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=21,r=8,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=20,r=32,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=4,r=8,p=9999$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHQ=$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA$",
  ])
  func `a text that is no hash verifies nothing, at no cost`(encoded: String) {
    #expect(!PasswordHash.verify("", against: encoded))
    #expect(PasswordHash.needsRehash(encoded))
  }
}
