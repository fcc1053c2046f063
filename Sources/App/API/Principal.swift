// The identity of a caller. It is made once per request, from the request's token, the connection's certificate and,
// for a user, the session. After that the value itself is the proof of identity.

import Protocol

/// The rights of a user. Each role includes the rights of those before it.
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
    /// The session to which the access token belongs.
    let sessionID: UUID
  }

  /// A collector that is enrolled and not revoked. If the connection has a certificate, it names the same collector as
  /// the token.
  struct Collector: Equatable, Sendable {
    let id: UUID
    /// Whether the connection has a valid certificate; false if it has none.
    let hasCertificate: Bool
  }
}

/// The caller as far as a loop knows it, without waiting for the database.
enum Caller: Equatable, Sendable {
  case principal(Principal)
  /// A user. Before the handler runs, the session is looked up for the role and whether it has ended.
  case session(UserToken)
}

/// What an access token proves: that the session belonged to the user when the token was issued.
struct UserToken: Equatable, Sendable {
  let userID: Int64
  let sessionID: UUID
}
