// Who may call an endpoint, as part of its declaration: checked in one place, documented from the same value.

/// The rule an endpoint declares.
enum Access: Equatable, Sendable {
  /// Whether a collector must prove a client certificate beside its token.
  enum CertificateRule: Equatable, Sendable {
    case required
    /// Without one as well; one that is shown must be good all the same.
    case optional
    /// Required, but one that ended less than `certificate_grace` ago will do.
    case renewable
  }

  case anyone
  /// A user whose role is at least this.
  case user(Role)
  case collector(certificate: CertificateRule)
  case collectorOrUser(Role, certificate: CertificateRule = .required)
  /// Whoever holds a registration secret; the endpoint itself redeems it, because a use is counted with what it was for.
  case registrationSecret

  /// The field that carries a registration secret.
  static let registrationSecretField = "X-Registration-Secret"
  /// The same, as `HTTPRequestHead` looks fields up.
  static let registrationSecretName: StaticString = "x-registration-secret"

  /// - Throws: `.unauthenticated`, `.insufficientRole`, `.certificateRequired`.
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

  /// What can be refused before the database was asked; a person's role is not known yet.
  func admit(_ caller: Caller) throws(Problem) {
    switch (self, caller) {
    case (_, .principal(let principal)): try admit(principal)
    case (.collector, .session): throw Problem(.insufficientRole, "this is for collectors")
    case (.anyone, .session), (.registrationSecret, .session), (.user, .session), (.collectorOrUser, .session): return
    }
  }

  /// What is wrong with a token, whoever shows it.
  private static let tokenProblems: [Problem.Kind] = [
    .unauthenticated, .malformedToken, .unsupportedAlgorithm, .unknownKey, .badSignature, .wrongIssuer, .wrongAudience,
    .missingClaim, .tokenNotYetValid, .expiredToken,
  ]

  /// The problems that follow from the rule.
  var problems: [Problem.Kind] {
    switch self {
    case .anyone: []
    case .user: Self.tokenProblems + [.sessionEnded, .insufficientRole]
    case .collector:
      Self.tokenProblems + [
        .certificateRequired, .certificateUnknown, .certificateRevoked, .certificateExpired, .identityMismatch,
        .collectorRevoked,
      ]
    case .collectorOrUser(_, let rule):
      Access.collector(certificate: rule).problems + [.tokenRefused, .sessionEnded, .insufficientRole]
    case .registrationSecret: [.invalidRegistrationSecret]
    }
  }
}
