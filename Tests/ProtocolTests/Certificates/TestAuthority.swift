import Testing

@testable import Protocol

/// 2026-01-01 00:00:00 UTC: the tests' present, wherever the clock of the machine stands.
let testNow: Int64 = 1_767_225_600
let day: Int64 = 86_400

/// An authority and what it hands out, for tests that need some identity and do not care which.
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

/// A seeded generator (splitmix64), so that a failure can be run again.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A copy of `bytes` with one to four bytes changed, dropped, doubled or inserted.
  mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
      let index = Int.random(in: 0..<bytes.count, using: &self)
      switch Int.random(in: 0..<4, using: &self) {
      case 0: bytes[index] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &self)
      case 1: bytes.remove(at: index)
      case 2: bytes.insert(bytes[index], at: index)
      default: bytes.insert(UInt8.random(in: 0...255, using: &self), at: index)
      }
    }
    return bytes
  }
}
