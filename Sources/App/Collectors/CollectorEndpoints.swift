// Enrolment and tokens of collectors.

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
      "csr", .lines(bytes: 1...CertificateSigningRequest.maximumBytes),
      "A PEM certificate signing request. With it the private key never leaves the host; without it we make one.")
  }

  static let example: JSONValue = ["name": "db1", "hostname": "db1.example.com", "version": "3.0.0"]
}

struct RegisterAnswer: ResponseBody {
  let collector: CollectorRecord
  let token: Tokens.Issued
  let certificate: String
  let certificateExpiresAt: Timestamp
  let privateKey: String?
  let authority: String

  static let example = RegisterAnswer(
    collector: CollectorRecord(
      id: UUID(high: 0x8b0c_1f6e_2f2f_4a8e, low: 0x9a53_0b6a_4c0d_1e2f), serverID: 1, hostname: "db1.example.com",
      configVersion: 0, isRevoked: false),
    token: Tokens.Issued(token: "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", expiresAt: 1_790_001_800),
    certificate: "-----BEGIN CERTIFICATE-----\n…", certificateExpiresAt: Timestamp(unixSeconds: 1_792_592_000),
    privateKey: "-----BEGIN PRIVATE KEY-----\n…", authority: "-----BEGIN CERTIFICATE-----\n…")

  func write(to object: inout ObjectWriter) {
    object.member("collector_id", collector.id)
    object.member("server_id", collector.serverID)
    object.member("token", token.token, "For `Authorization: Bearer …` of all that follows.")
    object.member("expires_at", Timestamp(unixSeconds: token.expiresAt), "The token's end; refresh it before.")
    object.member("certificate", certificate, "PEM, for the TLS handshake of all that follows.")
    object.member("certificate_expires_at", certificateExpiresAt)
    object.optional("private_key", privateKey, "PEM; only if no `csr` was sent.")
    object.member("ca_certificate", authority, "PEM; what our certificates are signed by.")
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
  static func all(_ services: Services) -> [Endpoint] { [register(services), refreshToken(services)] }

  private static func register(_ services: Services) -> Endpoint {
    Endpoint(
      .post, "/api/v1/collectors/register", id: "registerCollector", tag: .collectors, access: .registrationSecret,
      summary: "Enrol a collector: it gets an id, a token and a client certificate.",
      body: RegisterRequest.self, returns: RegisterAnswer.self, status: .created,
      problems: [.secretUnknown, .secretExpired, .secretExhausted, .secretRevoked]
    ) { request, context async throws(Problem) -> RegisterAnswer in
      guard let secret = request.head.first(named: Access.registrationSecretField.lowercased()) else {
        throw Problem(.invalidRegistrationSecret, "there is no field \(Access.registrationSecretField)")
      }
      return try await Enrolment(services: services, now: context.now).enrol(request.body, secret: Array(secret))
    }
  }

  private static func refreshToken(_ services: Services) -> Endpoint {
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
      let record = try await services.query { database throws(DatabaseError) in
        try await database.one(CollectorStatements.record, collector.id)
      }
      guard let record, !record.isRevoked else { throw Problem(.collectorRevoked) }
      return TokenAnswer(
        token: services.tokens.issue(
          collector: record.id, hostname: record.hostname, now: context.now.unixMicroseconds / 1_000_000))
    }
  }
}
