// Who calls. Made once a request, from its token, its connection's certificate and, for people, their session; afterwards
// the value is the proof.

import Protocol

/// What a user may do; each includes those before it.
enum Role: String, CaseIterable, Comparable, Sendable {
  case viewer, `operator`, admin

  static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }

  private var rank: Int {
    switch self {
    case .viewer: 0
    case .operator: 1
    case .admin: 2
    }
  }
}

enum Principal: Equatable, Sendable {
  case anonymous
  case user(User)
  case collector(Collector)

  struct User: Equatable, Sendable {
    let id: Int64
    let name: String
    let role: Role
    /// The login this access token came from.
    let sessionID: UUID
  }

  /// A collector that is enrolled and not revoked. If there was a certificate, it names the same collector as the token.
  struct Collector: Equatable, Sendable {
    let id: UUID
    /// Whether its connection proved a certificate, which is good; false when it showed none.
    let hasCertificate: Bool
  }

  /// How the audit trail names it: `user:<id>`, `collector:<uuid>`, `anonymous`.
  var actor: String {
    switch self {
    case .anonymous: "anonymous"
    case .user(let user): AuditEvent.user(user.id)
    case .collector(let collector): AuditEvent.collector(collector.id)
    }
  }
}

/// Who calls, as far as a loop can tell: it does not wait for the database.
enum Caller: Equatable, Sendable {
  case principal(Principal)
  /// A person. Which role, and whether still at all, the session says before the handler runs.
  case session(UserToken)
}

/// What an access token proves: that this session was the user's when the token was issued.
struct UserToken: Equatable, Sendable {
  let userID: Int64
  let sessionID: UUID
}
