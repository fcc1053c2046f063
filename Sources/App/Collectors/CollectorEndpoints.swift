// The endpoints for the enrolment and the tokens of collectors.

import Protocol

struct RegisterRequest: RequestBody {
  let name: String
  let hostname: String
  let address: String?
  let version: String?
  let csr: String?

  init(from object: inout ObjectReader) {
    name = object.required("name", .string(1...255))
    hostname = object.required("hostname", .string(1...255))
    address = object.optional("address", .string(0...255))
    version = object.optional("version", .string(0...64))
    csr = object.optional(
      "csr", .lines(bytes: 1...CertificateSigningRequest.maximumBytes, format: "pem-csr"),
      "A PEM certificate signing request. With it the private key never leaves the host; else the server makes one.")
  }

  static let example: JSONValue = ["name": "db1", "hostname": "db1.example.com", "version": "3.0.0"]
}

struct RenewalRequest: RequestBody {
  let csr: String?

  init(from object: inout ObjectReader) {
    csr = object.optional(
      "csr", .lines(bytes: 1...CertificateSigningRequest.maximumBytes, format: "pem-csr"),
      "A PEM certificate signing request for a new key or the old one. Without it the server makes a key.")
  }

  static let example: JSONValue = ["csr": "-----BEGIN CERTIFICATE REQUEST-----\n…"]
  static let isRequired = false
}

/// Everything that a collector needs to prove its identity.
struct CollectorIdentity: ResponseBody {
  let collector: EnrolledCollector
  let token: Tokens.Issued
  let certificate: String
  let certificateExpiresAt: Timestamp
  let privateKey: String?
  let authority: String

  private init(
    collector: EnrolledCollector, token: Tokens.Issued, certificate: String, certificateExpiresAt: Timestamp,
    privateKey: String?, authority: String
  ) {
    self.collector = collector
    self.token = token
    self.certificate = certificate
    self.certificateExpiresAt = certificateExpiresAt
    self.privateKey = privateKey
    self.authority = authority
  }

  /// Creates the identity with a new token.
  init(_ collector: EnrolledCollector, _ certificate: CollectorCertificate, _ office: EnrolmentOffice, now: Timestamp) {
    self.init(
      collector: collector,
      token: office.signingKeys.tokens.issue(
        collector: collector.id, hostname: collector.hostname, now: now.unixMicroseconds / 1_000_000),
      certificate: String(decoding: certificate.issued.pem, as: UTF8.self),
      certificateExpiresAt: Timestamp(unixSeconds: certificate.issued.notAfter),
      privateKey: certificate.keyPEM.map { String(decoding: $0, as: UTF8.self) },
      authority: String(decoding: office.identity.authority.certificatesPEM, as: UTF8.self))
  }

  static let example = CollectorIdentity(
    collector: EnrolledCollector(
      id: UUID(high: 0x8b0c_1f6e_2f2f_4a8e, low: 0x9a53_0b6a_4c0d_1e2f), serverID: 1, hostname: "db1.example.com"),
    token: Tokens.Issued(token: "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", expiresAt: 1_790_001_800),
    certificate: "-----BEGIN CERTIFICATE-----\n…", certificateExpiresAt: Timestamp(unixSeconds: 1_792_592_000),
    privateKey: "-----BEGIN PRIVATE KEY-----\n…", authority: "-----BEGIN CERTIFICATE-----\n…")

  func write(to object: inout ObjectWriter) {
    object.member("collector_id", collector.id)
    object.member("server_id", collector.serverID)
    object.member("token", token.token, "For `Authorization: Bearer …` of all later requests.")
    object.member("expires_at", Timestamp(unixSeconds: token.expiresAt), "The token's end; refresh it before.")
    object.member("certificate", certificate, "PEM, for the TLS handshake of all later connections.")
    object.member("certificate_expires_at", certificateExpiresAt, "Renew it in the last third of its life.")
    object.optional("private_key", privateKey, "PEM; only if no `csr` was sent.")
    object.member(
      "ca_certificate", authority,
      "PEM; the authorities of the server, several during a rotation. Trust all of them.")
  }
}

struct TokenAnswer: ResponseBody {
  let token: Tokens.Issued

  static let example = TokenAnswer(
    token: Tokens.Issued(token: "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", expiresAt: 1_790_001_800))

  func write(to object: inout ObjectWriter) {
    object.member("token", token.token)
    object.member("expires_at", Timestamp(unixSeconds: token.expiresAt))
  }
}

enum CollectorEndpoints {
  static func all(_ office: EnrolmentOffice) -> [Endpoint] {
    [register(office), refreshToken(office), renewCertificate(office)]
  }

  private static func register(_ office: EnrolmentOffice) -> Endpoint {
    Endpoint(
      .post, "/api/v1/collectors/register", id: "registerCollector", tag: .collectors, access: .registrationSecret,
      summary: "Enrol a collector: it gets an id, a token and a client certificate.",
      description: """
        The server takes only the key from a `csr` and decides itself whom the certificate names. It recognises a host by \
        `name` and `hostname`. If the host is enrolled already, the registration secret, or else the setting `reenrolment`, \
        decides: the host gets 409 `already_enrolled` until a person permits it (`permit-enrolment`), or a new identity for \
        its server, or it becomes another collector. If an answer was lost, the server repeats it for \
        `enrolment_permit_life`: the request has to have the same secret, and the same address or key, and the identity \
        must not have been used yet.
        """,
      body: RegisterRequest.self, returns: HTTPResponse.self,
      answers: [.json(CollectorIdentity.self, status: .created, fields: [.location])],
      problems: [.secretUnknown, .secretExpired, .secretExhausted, .secretRevoked, .alreadyEnrolled]
    ) { request, context async throws(Problem) -> HTTPResponse in
      guard let secret = request.head.first(named: Access.registrationSecretName) else {
        throw Problem(.invalidRegistrationSecret, "there is no field \(Access.registrationSecretField)")
      }
      let identity = try await Enrolment(office: office, context: context, request: request.body).enrol(
        secret: Array(secret))
      return .json(
        identity, status: .created, fields: [.location("/api/v1/collectors/\(identity.collector.id)")])
    }
  }

  private static func refreshToken(_ office: EnrolmentOffice) -> Endpoint {
    Endpoint(
      .post, "/api/v1/collectors/refresh-token", id: "refreshCollectorToken", tag: .collectors,
      access: .collector(certificate: .optional), summary: "Get a new token for a valid one.",
      description: """
        Answered from the head alone, then the connection is closed if a body was announced: the stock collector \
        announces a chunked body that may never end.
        """,
      returns: TokenAnswer.self, answersFromHead: true
    ) { _, context async throws(Problem) -> TokenAnswer in
      guard case .collector(let collector) = context.principal else { throw Problem(.unauthenticated) }
      let enrolled = try await office.database.query { database throws(DatabaseError) in
        try await database.one(EnrolmentStatements.enrolled, collector.id)
      }
      guard let enrolled else { throw Problem(.collectorRevoked) }
      return TokenAnswer(
        token: office.signingKeys.tokens.issue(
          collector: enrolled.id, hostname: enrolled.hostname, now: context.now.unixMicroseconds / 1_000_000))
    }
  }

  private static func renewCertificate(_ office: EnrolmentOffice) -> Endpoint {
    Endpoint(
      .post, "/api/v1/collectors/renew-certificate", id: "renewCollectorCertificate", tag: .collectors,
      access: .collector(certificate: .renewable),
      summary: "Get a further certificate, in the last third of the present one's life.",
      description: """
        A certificate that ended less than `certificate_grace` ago is accepted by this endpoint only, and so is an expired \
        token beside it. The present certificate stays valid until its own end, so a lost answer does no harm: renew \
        again. Before two thirds of the certificate's life the answer is `renewal_too_early`.
        """,
      body: RenewalRequest.self, returns: CollectorIdentity.self, problems: [.renewalTooEarly, .rateLimited]
    ) { request, context async throws(Problem) -> CollectorIdentity in
      guard case .collector(let collector) = context.principal, let shown = context.peerCertificate else {
        throw Problem(.certificateRequired)
      }
      let renewal = CertificateRenewal(office: office, context: context, shown: shown, collector: collector.id)
      return try await renewal.renew(csr: request.body.csr)
    }
  }
}
