import Testing

@testable import Protocol

/// The time at which the tests run, whatever the machine's clock shows: 2026-01-01 00:00:00 UTC.
let testNow: Int64 = 1_767_225_600
let day: Int64 = 86_400

/// An authority with issued certificates, for tests that need some identity.
final class TestAuthority {
  let authority: CertificateAuthority

  init(_ name: String = "Test authority") throws {
    authority = try CertificateAuthority.create(commonName: name, validFor: 365 * day, now: testNow)
  }

  var pem: [UInt8] { get throws { try authority.certificate.pem() } }

  func server(dnsNames: [String] = ["server.test"], ipAddresses: [String] = ["127.0.0.1"]) throws -> KeyPair {
    let key = try PrivateKey.generate()
    let issued = try authority.issueServer(
      for: key, dnsNames: dnsNames, ipAddresses: ipAddresses, validFor: 90 * day, now: testNow)
    return KeyPair(certificate: issued, keyPEM: try key.pem())
  }

  func collector(_ id: UUID, validFor: Int64 = 30 * day) throws -> KeyPair {
    let key = try PrivateKey.generate()
    let issued = try authority.issueCollector(
      for: key, collector: id, hostname: "db-1.example", validFor: validFor, now: testNow)
    return KeyPair(certificate: issued, keyPEM: try key.pem())
  }
}

struct KeyPair {
  let certificate: IssuedCertificate
  let keyPEM: [UInt8]

  var identity: TLSIdentity {
    get throws { try TLSIdentity(chainPEM: certificate.pem, privateKeyPEM: keyPEM) }
  }
}
