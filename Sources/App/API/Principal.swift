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
    /// With an API token, the lower one of the token's role and the owner's present role.
    let role: Role
    let credential: Credential

    init(id: Int64, name: String, role: Role, credential: Credential) {
      self.id = id
      self.name = name
      self.role = role
      self.credential = credential
    }

    /// A person who is logged in.
    init(id: Int64, name: String, role: Role, sessionID: UUID) {
      self.init(id: id, name: name, role: role, credential: .session(sessionID))
    }

    /// The person's session. - Throws: `.tokenRefused` for a program with an API token.
    func sessionID() throws(Problem) -> UUID {
      guard case .session(let id) = credential else { throw Problem(.tokenRefused, "an API token has no session") }
      return id
    }
  }

  /// What proves the identity of a user.
  enum Credential: Equatable, Sendable {
    /// The session to which the access token belongs.
    case session(UUID)
    case token(APIToken)
  }

  /// An API token that is valid.
  struct APIToken: Equatable, Sendable {
    let id: UUID
    let name: String
    /// The labels that a monitored server must have for the token to concern it, in the form of `key=value`; empty: the
    /// token concerns every monitored server.
    let scope: [String]
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
  /// A program with an API token. Before the handler runs, the token is looked up.
  case apiToken(APITokenDigest)
}

/// The SHA-256 of an API token, by which the database knows it.
struct APITokenDigest: Equatable, Sendable {
  let bytes: [UInt8]
}

extension RequestContext {
  /// The labels to which the caller's API token is restricted; empty for every other caller. Whoever selects monitored
  /// servers adds them to the labels of the request.
  var scope: [String] {
    guard case .user(let user) = principal, case .token(let token) = user.credential else { return [] }
    return token.scope
  }
}

/// What an access token proves: that the session belonged to the user when the token was issued.
struct UserToken: Equatable, Sendable {
  let userID: Int64
  let sessionID: UUID
}
