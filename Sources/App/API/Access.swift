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

  /// - Throws: `.unauthenticated`, `.insufficientRole`, `.certificateRequired`.
  func admit(_ principal: Principal) throws(Problem) {
    switch (self, principal) {
    case (.anyone, _), (.registrationSecret, _): return
    case (_, .anonymous): throw Problem(.unauthenticated)
    case (.user(let least), .user(let user)), (.collectorOrUser(let least, _), .user(let user)):
      if user.role < least { throw Problem(.insufficientRole, "the role \(least.rawValue) is needed") }
    case (.collector(let rule), .collector(let collector)), (.collectorOrUser(_, let rule), .collector(let collector)):
      if rule != .optional, collector.certificateFingerprint == nil { throw Problem(.certificateRequired) }
    case (.user, .collector): throw Problem(.insufficientRole, "this is for users")
    case (.collector, .user): throw Problem(.insufficientRole, "this is for collectors")
    }
  }

  /// The problems that follow from the rule.
  var problems: [Problem.Kind] {
    switch self {
    case .anyone: []
    case .user: [.unauthenticated, .invalidToken, .expiredToken, .insufficientRole]
    case .collector:
      [
        .unauthenticated, .invalidToken, .expiredToken, .certificateRequired, .certificateUnknown, .certificateRevoked,
        .certificateExpired, .identityMismatch, .collectorRevoked,
      ]
    case .collectorOrUser(_, let rule):
      Access.collector(certificate: rule).problems + [.insufficientRole]
    case .registrationSecret: [.invalidRegistrationSecret]
    }
  }
}
