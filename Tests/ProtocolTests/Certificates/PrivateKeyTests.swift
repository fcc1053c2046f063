import Testing

@testable import Protocol

struct PrivateKeyTests {
  @Test func `a key reads back from its PEM`() throws {
    let pem = try PrivateKey.generate().pem()
    #expect(String(decoding: pem, as: UTF8.self).hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
    #expect(try PrivateKey(pem: pem).pem() == pem)
  }

  @Test(.enabled(if: OpenSSLProgram.isInstalled, "needs /usr/bin/openssl"))
  func `an encrypted key is refused without asking for a password`() throws {
    let pem = try PrivateKey.generate().pem()
    let (status, text) = try OpenSSLProgram.run(
      ["pkcs8", "-topk8", "-in", "k.pem", "-passout", "pass:secret"], files: ["k.pem": pem])
    try #require(status == 0 && text.contains("BEGIN ENCRYPTED PRIVATE KEY"))
    #expect(throws: CertificateError.self) { _ = try PrivateKey(pem: Array(text.utf8)) }
  }

  @Test(arguments: [
    "", "\n", "-----BEGIN PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
  ])
  func `a text that is no key is malformed`(text: String) {
    #expect(throws: CertificateError.self) { _ = try PrivateKey(pem: Array(text.utf8)) }
    #expect(throws: CertificateError.self) { _ = try Certificate(pem: Array(text.utf8)) }
    #expect(throws: CertificateError.self) { _ = try Certificate.chain(pem: Array(text.utf8)) }
  }

  @Test func `a chain with a damaged certificate is refused as a whole`() throws {
    let authority = try TestAuthority()
    let good = try authority.pem
    #expect(try Certificate.chain(pem: good + good).count == 2)
    var bad = good
    bad[bad.count / 2] = UInt8(ascii: "!")
    #expect(throws: CertificateError.self) { _ = try Certificate.chain(pem: good + bad) }
  }
}
