// The dates of the keys of the installation: authorities, which sign certificates, and signing keys, which sign tokens. No
// key is shown.

import Protocol

/// What a trusted authority does now.
enum AuthorityState: String, CaseIterable, Sendable, ResponseValue {
  /// It signs the certificates of collectors.
  case current
  /// It is trusted and signs nothing yet.
  case next
  /// It signs the server's certificate until it is retired.
  case previous
  /// It is trusted, and its key is not on this server.
  case trusted

  var sentence: String {
    switch self {
    case .current: "signs collectors' certificates"
    case .next: "trusted, signs nothing yet"
    case .previous: "trusted, signs the server's certificate until it is retired"
    case .trusted: "trusted"
    }
  }
}

extension Authority {
  func state(of certificate: Certificate) -> AuthorityState {
    switch certificate.fingerprintHex {
    case current.fingerprint: .current
    case next?.fingerprint: .next
    case previous?.fingerprint: .previous
    default: .trusted
    }
  }
}

struct AuthorityAnswer: ResponseBody {
  static let schemaName = "Authority"
  static let example = AuthorityAnswer(
    subject: "pgAnalytics CA", fingerprint: String(repeating: "4f2e", count: 16), state: .current,
    notBefore: Timestamp(unixSeconds: 1_790_000_000), notAfter: Timestamp(unixSeconds: 2_105_000_000))

  let subject: String
  let fingerprint: String
  let state: AuthorityState
  let notBefore: Timestamp
  let notAfter: Timestamp

  func write(to object: inout ObjectWriter) {
    object.member("subject", subject)
    object.member("fingerprint", fingerprint, "SHA-256 of the certificate, in hex.")
    object.member("state", state)
    object.member("not_before", notBefore)
    object.member("not_after", notAfter)
  }
}

struct AuthoritiesAnswer: ResponseBody {
  static let schemaName = "Authorities"
  static let example = AuthoritiesAnswer(authorities: [.example])
  let authorities: [AuthorityAnswer]

  func write(to object: inout ObjectWriter) { object.member("data", authorities, "The oldest first.") }
}

struct SigningKeyAnswer: ResponseBody {
  static let schemaName = "SigningKey"
  static let example = SigningKeyAnswer(
    kid: "3c1e77a0-52d4-4b6e-8f10-22b491ac6d05", createdAt: Timestamp(unixSeconds: 1_790_000_000),
    signsFrom: Timestamp(unixSeconds: 1_790_000_060), endsAt: nil)

  let kid: String
  let createdAt: Timestamp
  let signsFrom: Timestamp
  let endsAt: Timestamp?

  func write(to object: inout ObjectWriter) {
    object.member("kid", kid, "The id of the key, as the head of a token names it.")
    object.member("created_at", createdAt)
    object.member("signs_from", signsFrom)
    object.nullable("ends_at", endsAt, "The key verifies tokens until then; null: until a newer key replaces it.")
  }
}

struct SigningKeysAnswer: ResponseBody {
  static let schemaName = "SigningKeys"
  static let example = SigningKeysAnswer(keys: [.example])
  let keys: [SigningKeyAnswer]

  func write(to object: inout ObjectWriter) { object.member("data", keys, "The newest first.") }
}

enum KeyEndpoints {
  static func all(_ database: Database, _ identity: ServerIdentity) -> [Endpoint] {
    [authorities(identity), signingKeys(database)]
  }

  private static func authorities(_ identity: ServerIdentity) -> Endpoint {
    Endpoint(
      .get, "/api/v1/authorities", id: "listAuthorities", tag: .system, access: .user(.operator),
      summary: "The certificate authorities that this server trusts, with their dates.",
      description: "`pganalytics ca` changes them.", returns: AuthoritiesAnswer.self
    ) { _, _ async throws(Problem) -> AuthoritiesAnswer in
      let authority = identity.authority
      return AuthoritiesAnswer(
        authorities: authority.certificates.map { certificate in
          AuthorityAnswer(
            subject: certificate.subjectCommonName ?? "", fingerprint: certificate.fingerprintHex,
            state: authority.state(of: certificate), notBefore: Timestamp(unixSeconds: certificate.notBefore),
            notAfter: Timestamp(unixSeconds: certificate.notAfter))
        })
    }
  }

  private static func signingKeys(_ database: Database) -> Endpoint {
    Endpoint(
      .get, "/api/v1/signing-keys", id: "listSigningKeys", tag: .system, access: .user(.operator),
      summary: "The keys that sign tokens or still verify them, with their dates and without the keys themselves.",
      description: "`pganalytics key rotate` makes a new one.", returns: SigningKeysAnswer.self
    ) { _, _ async throws(Problem) -> SigningKeysAnswer in
      let rows = try await database.query { database throws(DatabaseError) in
        try await database.rows(SigningKeyStatements.list)
      }
      return SigningKeysAnswer(
        keys: rows.map {
          SigningKeyAnswer(kid: $0.kid, createdAt: $0.createdAt, signsFrom: $0.signsFrom, endsAt: $0.retiredAt)
        })
    }
  }
}
