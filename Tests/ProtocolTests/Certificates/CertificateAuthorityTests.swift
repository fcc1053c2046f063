import Testing

@testable import Protocol

struct CertificateAuthorityTests {
  @Test(.enabled(if: OpenSSLProgram.isInstalled, "needs /usr/bin/openssl"))
  func `an issued certificate passes the strict verification of OpenSSL`() throws {
    let authority = try TestAuthority()
    let collector = try authority.collector(UUID.random())
    let server = try authority.server(dnsNames: ["*.server.test"], ipAddresses: ["::1"])
    let files = ["ca.pem": try authority.pem, "c.pem": collector.certificate.pem, "s.pem": server.certificate.pem]
    let verify = ["verify", "-x509_strict", "-attime", String(testNow), "-CAfile", "ca.pem"]
    let cases: [(arguments: [String], isGood: Bool)] = [
      (["-purpose", "sslclient", "c.pem"], true),
      (["-purpose", "sslserver", "-verify_hostname", "a.server.test", "s.pem"], true),
      (["-purpose", "sslserver", "-verify_ip", "::1", "s.pem"], true),
      (["-purpose", "sslserver", "c.pem"], false),
      (["-purpose", "sslclient", "s.pem"], false),
      (["-purpose", "sslserver", "-verify_hostname", "server.test", "s.pem"], false),
    ]
    for (arguments, isGood) in cases {
      let (status, output) = try OpenSSLProgram.run(verify + arguments, files: files)
      #expect((status == 0) == isGood, "\(arguments): \(output)")
    }
  }

  @Test(.enabled(if: OpenSSLProgram.isInstalled, "needs /usr/bin/openssl"))
  func `a collector's certificate carries exactly the extensions of a client leaf`() throws {
    let authority = try TestAuthority()
    let id = try #require(UUID("0195c7a2-0000-4000-8000-00000000002a"))
    let collector = try authority.collector(id)
    let (status, text) = try OpenSSLProgram.run(
      ["x509", "-in", "c.pem", "-noout", "-text", "-nameopt", "utf8"], files: ["c.pem": collector.certificate.pem])
    #expect(status == 0)
    for line in [
      "Version: 3 (0x2)", "Subject: CN=db-1.example", "NIST CURVE: P-256", "ecdsa-with-SHA256",
      "X509v3 Basic Constraints: critical", "CA:FALSE", "X509v3 Key Usage: critical", "Digital Signature",
      "TLS Web Client Authentication", "X509v3 Subject Key Identifier", "X509v3 Authority Key Identifier",
      "URI:urn:pganalytics:collector:0195c7a2-0000-4000-8000-00000000002a",
      "Not Before: Dec 31 23:55:00 2025 GMT", "Not After : Jan 31 00:00:00 2026 GMT",
    ] {
      #expect(text.contains(line), "\(line) is not in \(text)")
    }
    // The text has six extensions and their heading.
    #expect(text.split(separator: "\n").filter { $0.contains("X509v3 ") }.count == 6 + 1)
  }

  @Test func `the record of an issue equals the content of the certificate`() throws {
    let authority = try TestAuthority()
    let id = UUID.random()
    let issued = try authority.collector(id).certificate
    let certificate = try Certificate(pem: issued.pem)
    #expect(certificate.serialHex == issued.serialHex)
    #expect(certificate.fingerprintHex == issued.fingerprintHex)
    #expect(issued.serialHex.count == 32)
    #expect(issued.notBefore == testNow - CertificateAuthority.clockSkewSeconds)
    #expect(issued.notAfter == testNow + 30 * day)
    #expect(certificate.uniformResourceIdentifiers == [CollectorURN.encode(id)])
    #expect(!certificate.isAuthority)
    #expect(authority.authority.certificate.isAuthority)
  }

  @Test func `no leaf certificate outlives its authority`() throws {
    let authority = try TestAuthority()
    let issued = try authority.collector(UUID.random(), validFor: 5000 * day).certificate
    #expect(issued.notAfter == authority.authority.certificate.notAfter)
  }

  @Test func `an authority issues until its last second and not after`() throws {
    let test = try TestAuthority()
    let end = test.authority.certificate.notAfter
    let key = try PrivateKey.generate()
    let last = try test.authority.issueCollector(
      for: key, collector: UUID.random(), hostname: "h", validFor: day, now: end - 1)
    #expect(last.notAfter == end)
    #expect(throws: CertificateError.authorityExpired) {
      _ = try test.authority.issueCollector(for: key, collector: UUID.random(), hostname: "h", validFor: day, now: end)
    }
  }

  @Test func `an authority loads what it saved, and refuses a foreign key or a leaf`() throws {
    let first = try TestAuthority()
    let second = try TestAuthority()
    let keyPEM = try first.authority.privateKeyPEM()
    let loaded = try CertificateAuthority(certificatePEM: first.pem, privateKeyPEM: keyPEM)
    #expect(loaded.certificate.fingerprintHex == first.authority.certificate.fingerprintHex)
    let secondPEM = try second.pem
    #expect(throws: CertificateError.keyMismatch) {
      _ = try CertificateAuthority(certificatePEM: secondPEM, privateKeyPEM: keyPEM)
    }
    let leaf = try first.collector(UUID.random())
    #expect(throws: CertificateError.notAnAuthority) {
      _ = try CertificateAuthority(certificatePEM: leaf.certificate.pem, privateKeyPEM: leaf.keyPEM)
    }
  }

  @Test(arguments: [
    ("db-1.example", "db-1.example"), ("", "unnamed"), ("a,CN=admin/x\n\0é", "a-CN-admin-x---"),
    (String(repeating: "x", count: 65), String(repeating: "x", count: 64)),
  ])
  func `a hostname becomes a harmless common name`(hostname: String, expected: String) throws {
    let test = try TestAuthority()
    let key = try PrivateKey.generate()
    let issued = try test.authority.issueCollector(
      for: key, collector: UUID.random(), hostname: hostname, validFor: day, now: testNow)
    #expect(try Certificate(pem: issued.pem).subjectCommonName == expected)
  }

  @Test(arguments: ["", "a..b", "a,DNS:b", "a b", "*", "b.*.c", "a\0b", "é.test", String(repeating: "a", count: 64)])
  func `a text that is no DNS name is not certified`(name: String) throws {
    let authority = try TestAuthority()
    #expect(throws: CertificateError.unusableName(name)) { _ = try authority.server(dnsNames: [name]) }
  }

  @Test(arguments: ["", "1.2.3", "1.2.3.4\0", "::g", "localhost"])
  func `a text that is no address is not certified`(address: String) throws {
    let authority = try TestAuthority()
    #expect(throws: CertificateError.unusableName(address)) { _ = try authority.server(ipAddresses: [address]) }
  }

  @Test func `serials differ and are positive`() throws {
    let authority = try TestAuthority()
    let serials = try (0..<64).map { _ in try authority.collector(UUID.random()).certificate.serialHex }
    #expect(Set(serials).count == serials.count)
    #expect(serials.allSatisfy { $0.count == 32 && ("4"..."7").contains($0.first!) })
  }
}
