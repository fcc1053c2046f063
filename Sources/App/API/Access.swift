// The access rule of an endpoint, as part of its declaration. It is checked in one place, and the documentation derives
// from the same value.

/// The rule that an endpoint declares.
enum Access: Equatable, Sendable {
  /// Whether a collector needs a client certificate besides its token.
  enum CertificateRule: Equatable, Sendable {
    case required
    /// The collector needs no certificate. If the connection has one, the certificate must be valid.
    case optional
    /// The collector needs a certificate. A certificate that ended less than `certificate_grace` ago is accepted.
    case renewable
  }

  case anyone
  /// A user with this role or a higher one.
  case user(Role)
  case collector(certificate: CertificateRule)
  case collectorOrUser(Role, certificate: CertificateRule = .required)
  /// A client with a registration secret. The endpoint itself redeems the secret, because a use is counted together
  /// with its purpose.
  case registrationSecret

  /// The header field that contains a registration secret.
  static let registrationSecretField = "X-Registration-Secret"
  /// The same name in the form that `HTTPRequestHead` expects.
  static let registrationSecretName: StaticString = "x-registration-secret"

  /// Checks the rule for a caller. - Throws: `.unauthenticated`, `.insufficientRole`, `.certificateRequired`.
  func admit(_ principal: Principal) throws(Problem) {
    switch (self, principal) {
    case (.anyone, _), (.registrationSecret, _): return
    case (_, .anonymous): throw Problem(.unauthenticated)
    case (.user(let least), .user(let user)), (.collectorOrUser(let least, _), .user(let user)):
      if user.role < least { throw Problem(.insufficientRole, "the role \(least.rawValue) is needed") }
    case (.collector(let rule), .collector(let collector)), (.collectorOrUser(_, let rule), .collector(let collector)):
      if rule != .optional, !collector.hasCertificate { throw Problem(.certificateRequired) }
    case (.user, .collector): throw Problem(.insufficientRole, "this is for users")
    case (.collector, .user): throw Problem(.insufficientRole, "this is for collectors")
    }
  }

  /// Checks as much of the rule as is possible without the database. The role of a user is not known yet, with a session
  /// or with an API token.
  func admit(_ caller: Caller) throws(Problem) {
    switch (self, caller) {
    case (_, .principal(let principal)): try admit(principal)
    case (.collector, .session), (.collector, .apiToken): throw Problem(.insufficientRole, "this is for collectors")
    case (.anyone, _), (.registrationSecret, _), (.user, _), (.collectorOrUser, _): return
    }
  }

  /// The problems of an invalid token, for every kind of caller.
  private static let tokenProblems: [Problem.Kind] = [
    .unauthenticated, .malformedToken, .unsupportedAlgorithm, .unknownKey, .badSignature, .wrongIssuer, .wrongAudience,
    .missingClaim, .tokenNotYetValid, .expiredToken,
  ]

  /// The further problems of users: the end of a session or an API token, and what it may not do.
  private static let userProblems: [Problem.Kind] = [
    .sessionEnded, .invalidToken, .tokenRevoked, .tokenRefused, .insufficientRole,
  ]

  /// The problems that follow from the rule.
  var problems: [Problem.Kind] {
    switch self {
    case .anyone: []
    case .user: Self.tokenProblems + Self.userProblems
    case .collector:
      Self.tokenProblems + [
        .certificateRequired, .certificateUnknown, .certificateRevoked, .certificateExpired, .identityMismatch,
        .collectorRevoked,
      ]
    case .collectorOrUser(_, let rule):
      Access.collector(certificate: rule).problems + Self.userProblems
    case .registrationSecret: [.invalidRegistrationSecret]
    }
  }
}
