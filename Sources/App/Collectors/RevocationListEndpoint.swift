// The signed lists of revoked certificates, for programs that check our certificates without asking this server, such
// as a proxy or openssl.

import Ground
import Protocol
import Synchronization

/// A certificate that was revoked before its end, and by whose authority it is.
struct RevokedCertificateRow: SQLRow {
  let serial: String
  let authority: String
  let revokedAt: Timestamp

  init(from row: inout RowReader) throws(DatabaseError) {
    serial = try row.read("serial")
    authority = try row.read("authority")
    revokedAt = try row.read("revoked_at")
  }
}

/// Keeps the latest signed lists for a moment, so that clients cannot cause a signature and a read of the table with
/// every request.
private final class RecentLists: Sendable {
  struct Signed: Sendable {
    let signedAt: Int64
    /// The list of the current authority is the first.
    let lists: [RevocationList]
  }

  private static let life: Int64 = 2
  private let signed = Mutex<Signed?>(nil)

  func lists(now: Int64) -> [RevocationList]? {
    signed.withLock { signed in signed.flatMap { now - $0.signedAt < Self.life && now >= $0.signedAt ? $0.lists : nil }
    }
  }

  func keep(_ lists: [RevocationList], now: Int64) { signed.withLock { $0 = Signed(signedAt: now, lists: lists) } }
}

enum RevocationListEndpoint {
  private static let der = MediaType("application", "pkix-crl")
  private static let pem = MediaType("application", "x-pem-file")

  static func declaration(_ database: Database, _ identity: ServerIdentity) -> Endpoint {
    let recent = RecentLists()
    return Endpoint(
      .get, "/api/v1/crl", id: "getRevocationLists", tag: .collectors, access: .anyone,
      summary: "The signed list of revoked certificates (RFC 5280).",
      description: """
        As PEM a list of every authority whose key this server holds, the present one's first: while authorities are \
        being rotated there are several. As `\(der)` the present authority's alone, in DER. A list is good for \
        `crl_life`; this server itself does not wait for it: it refuses a revoked certificate at once.
        """,
      returns: HTTPResponse.self,
      answers: [
        .text(pem, example: "-----BEGIN X509 CRL-----\n…").or(
          AnswerDeclaration(contents: [.init(type: der, schema: .any, example: .string("…"))]))
      ]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let now = context.now.unixMicroseconds / 1_000_000
      let lists: [RevocationList]
      if let kept = recent.lists(now: now) {
        lists = kept
      } else {
        lists = try await sign(database, identity.authority, context)
        recent.keep(lists, now: now)
      }
      let type = try request.head.negotiate([pem, der])
      return HTTPResponse(
        status: .ok, fields: [HTTPField("Content-Type", type.description), HTTPField("Vary", "Accept")],
        body: type == der ? lists[0].der : lists.flatMap(\.pem))
    }
  }

  private static func sign(
    _ database: Database, _ authority: Authority, _ context: RequestContext
  ) async throws(Problem) -> [RevocationList] {
    let rows = try await database.query { database throws(DatabaseError) in
      try await database.rows(CertificateStatements.revoked)
    }
    let now = context.now.unixMicroseconds / 1_000_000
    let revoked = Dictionary(grouping: rows, by: \.authority)
    var lists: [RevocationList] = []
    for signer in [authority.current] + authority.signers.filter({ $0 !== authority.current }) {
      do throws(CertificateError) {
        lists.append(
          try signer.authority.revocationList(
            of: (revoked[signer.fingerprint] ?? []).map {
              RevokedCertificate(serialHex: $0.serial, revokedAt: $0.revokedAt.unixMicroseconds / 1_000_000)
            }, number: context.now.unixMicroseconds, thisUpdate: now,
            nextUpdate: now + context.settings.crlLife.wholeSeconds))
      } catch {
        throw Problem(error)
      }
    }
    return lists
  }
}
