import Protocol
import Testing

@testable import App

@Suite struct CertificateSerialTests {
  @Test func `a certificate serial reads up to 128 bits of hex and prints as the database stores it`() throws {
    for text in ["0", "1", "7f", "5f0e3c1b9a7d24e8b1c06f4a3d92e817", String(repeating: "f", count: 32)] {
      #expect(CertificateSerial(text)?.description == text)
    }
    #expect(CertificateSerial("00AB")?.description == "ab")
    #expect(CertificateSerial("AB") == CertificateSerial("ab"))
  }

  @Test(arguments: ["", "+1", "-1", " 1", "0x1", "g", "ä", String(repeating: "1", count: 33)])
  func `any other text is no certificate serial`(text: String) { #expect(CertificateSerial(text) == nil) }

  @Test func `a collector record finds the standing of a certificate by its fingerprint`() throws {
    func fingerprint(_ last: String) throws -> CertificateFingerprint {
      try #require(CertificateFingerprint(String(repeating: "0", count: 62) + last))
    }
    let (good, revoked, other) = (try fingerprint("a1"), try fingerprint("b2"), try fingerprint("c3"))
    let record = CollectorRecord(
      id: UUID.random(), serverID: 1, hostname: "h", configVersion: 0, isRevoked: false, certificates: [good],
      revokedCertificates: [revoked])
    #expect(record.standing(of: good) == .good)
    #expect(record.standing(of: revoked) == .revoked)
    #expect(record.standing(of: other) == .unknown)
    let first = String(repeating: "0", count: 63)
    #expect(CertificateFingerprint("1" + first) != CertificateFingerprint("2" + first))
    for text in ["", "a1", "+" + first, first + "g", "0" + first + "0"] { #expect(CertificateFingerprint(text) == nil) }
  }
}
