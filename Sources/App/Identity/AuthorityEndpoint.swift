// The authorities that the server trusts. A client that knows the fingerprint of one fetches them once, and from then on
// trusts the server by them.

import Protocol

enum AuthorityEndpoint {
  private static let pem = MediaType("application", "x-pem-file")

  static func declaration(_ identity: ServerIdentity) -> Endpoint {
    Endpoint(
      .get, "/api/v1/certificate-authorities", id: "getCertificateAuthorities", tag: .system, access: .anyone,
      command: "certificate-authorities", summary: "The certificate authorities of this server, as PEM.",
      description: """
        A client that does not trust the server yet compares a fingerprint (SHA-256 of the DER form) with that of \
        `pganalytics ca list` before it trusts any of them. While authorities are being rotated there are several.
        """,
      returns: HTTPResponse.self, answers: [.text(pem, example: "-----BEGIN CERTIFICATE-----\n…")]
    ) { _, _ async throws(Problem) -> HTTPResponse in
      HTTPResponse(
        status: .ok, fields: [HTTPField("Content-Type", pem.description)], body: identity.authority.certificatesPEM)
    }
  }
}
