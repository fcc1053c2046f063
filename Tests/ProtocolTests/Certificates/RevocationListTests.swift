import Testing

@testable import Protocol

/// Checks with OpenSSL how the server's revocation lists are read.
@Suite(.enabled(if: OpenSSLProgram.isInstalled, "needs /usr/bin/openssl"))
struct RevocationListTests {
  private func list(_ authority: borrowing TestAuthority, _ revoked: [String]) throws -> RevocationList {
    try authority.authority.revocationList(
      of: revoked.map { RevokedCertificate(serialHex: $0, revokedAt: testNow - 60) }, number: 7, thisUpdate: testNow,
      nextUpdate: testNow + day)
  }

  @Test func `a certificate on the list is revoked, and another one is good`() throws {
    let authority = try TestAuthority()
    let (good, bad) = (try authority.collector(UUID.random()), try authority.collector(UUID.random()))
    let list = try list(authority, ["1", bad.certificate.serialHex, "0ff"])
    let files = [
      "ca.pem": try authority.pem, "good.pem": good.certificate.pem, "bad.pem": bad.certificate.pem,
      "crl.pem": list.pem,
    ]
    let verify = ["verify", "-crl_check", "-attime", String(testNow), "-CAfile", "ca.pem", "-CRLfile", "crl.pem"]
    let ofGood = try OpenSSLProgram.run(verify + ["good.pem"], files: files)
    #expect(ofGood.status == 0, "\(ofGood.output)")
    let ofBad = try OpenSSLProgram.run(verify + ["bad.pem"], files: files)
    #expect(ofBad.status != 0 && ofBad.output.contains("certificate revoked"), "\(ofBad.output)")
  }

  @Test func `a list is signed and numbered, and states the time of the next list`() throws {
    let authority = try TestAuthority()
    let list = try list(authority, [])
    for (encoding, bytes) in [("PEM", list.pem), ("DER", list.der)] {
      let (status, output) = try OpenSSLProgram.run(
        ["crl", "-inform", encoding, "-in", "list", "-CAfile", "ca.pem", "-noout", "-text"],
        files: ["ca.pem": try authority.pem, "list": bytes])
      #expect(status == 0)
      for line in [
        "verify OK", "Version 2 (0x1)", "X509v3 CRL Number: \n                7", "X509v3 Authority Key Identifier",
        "No Revoked Certificates", "Last Update: Jan  1 00:00:00 2026 GMT", "Next Update: Jan  2 00:00:00 2026 GMT",
      ] { #expect(output.contains(line), "\(line) is not in \(output)") }
    }
    let other = try TestAuthority()
    let (_, output) = try OpenSSLProgram.run(
      ["crl", "-in", "list", "-CAfile", "ca.pem", "-noout"], files: ["ca.pem": try other.pem, "list": list.pem])
    #expect(!output.contains("verify OK"), "\(output)")
  }

  @Test func `a malformed serial is refused`() throws {
    let authority = try TestAuthority()
    for serial in ["", "xyz", "12 34", "12\n"] {
      #expect(throws: CertificateError.self) { _ = try list(authority, [serial]) }
    }
  }
}
