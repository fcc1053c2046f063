import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// A certificate that the server's own authority signed at a time that the test chooses.
struct TestCertificate: Sendable {
  let identity: TLSIdentity
  let certificate: Certificate
}

extension TestCollector {
  static let renewalTarget = "/api/v1/collectors/renew-certificate"
  static let refreshTarget = "/api/v1/collectors/refresh-token"

  /// Issues a certificate for this collector as the server would have done some time ago.
  /// - Parameters:
  ///   - age, life: seconds.
  ///   - isRecorded: whether the database has the certificate.
  func certificate(age: Int64, life: Int64, isRecorded: Bool = true) async throws -> TestCertificate {
    let directory = server.settings.dataDirectory
    let authority = try CertificateAuthority(
      certificatePEM: try #require(try LocalFile.read(directory + "/ca.crt")),
      privateKeyPEM: try #require(try LocalFile.read(directory + "/ca.key")))
    let key = try PrivateKey.generate()
    let issued = try authority.issueCollector(
      for: key, collector: id, hostname: "db.example.com", validFor: life, now: Int64(Glibc.time(nil)) - age)
    if isRecorded {
      try await server.database.script(
        """
        INSERT INTO pganalytics.collector_certificates (serial, collector_id, fingerprint, not_before, not_after, issued_at)
        VALUES ('\(issued.serialHex)', '\(id)', '\(issued.fingerprintHex)', to_timestamp(\(issued.notBefore)),
          to_timestamp(\(issued.notAfter)), to_timestamp(\(issued.notBefore)))
        """)
    }
    return TestCertificate(
      identity: try TLSIdentity(chainPEM: issued.pem, privateKeyPEM: key.pem()),
      certificate: try Certificate(pem: issued.pem))
  }

  /// A token of this collector, as issued some time ago.
  func token(secondsAgo age: Int64, life: Int64) async throws -> (String, String) {
    var settings = server.settings
    settings.collectorTokenLife = .seconds(life)
    let keys = try await SigningKeyStore(database: server.database).load()
    let tokens = Tokens(keys: keys, settings: settings)
    let issued = tokens.issue(collector: id, hostname: "db.example.com", now: Int64(Glibc.time(nil)) - age)
    return ("Authorization", "Bearer \(issued.token)")
  }

  /// Requests a renewal of the certificate.
  func renew(
    _ token: (String, String)? = nil, body: String = "{}", over client: TestClient
  ) async throws -> TestAnswer {
    try await client.request(
      "POST", Self.renewalTarget, [token ?? authorization, ("Content-Type", "application/json")],
      body: Array(body.utf8))
  }
}
