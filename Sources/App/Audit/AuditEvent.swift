// What the audit trail says: who did what to whom, from where, and how it ended.

import Protocol

/// The closed list of what is audited. The raw value is stored and is what clients filter by.
enum AuditAction: String, CaseIterable, Sendable {
  case login = "auth.login"
  case refresh = "auth.refresh"
  case refreshReuse = "auth.refresh_reuse"
  case logout = "auth.logout"
  case changePassword = "auth.change_password"
  case createUser = "user.create"
  case updateUser = "user.update"
  case deleteUser = "user.delete"
  case createSecret = "registration_secret.create"
  case revokeSecret = "registration_secret.revoke"
  case enrol = "collector.enrol"
  case refreshToken = "collector.refresh_token"
  case renewCertificate = "collector.renew_certificate"
  case revokeCollector = "collector.revoke"
  case replaceCollector = "collector.replace"
  case permitEnrolment = "collector.permit_enrolment"
  case revokeCertificate = "certificate.revoke"
  case identityMismatch = "collector.identity_mismatch"
  case refuseCollector = "collector.refused"
  case writeConfig = "config.write"
  case removeServer = "server.remove"
  case finishRemoval = "server.removed"
  case rotateSigningKey = "signing_key.rotate"
  case retireSigningKey = "signing_key.retire"
  case changeAuthority = "authority.change"
  case retireAuthority = "authority.retire"
}

enum AuditOutcome: String, CaseIterable, Sendable {
  case success, refused
}

/// One line of the trail. Whoever makes one sees to it that no password, token, secret or key is in it.
struct AuditEvent: Sendable {
  /// The actor of what the program does by itself, and of its command line.
  static let system = "system"

  let action: AuditAction
  /// `user:<id>`, `collector:<uuid>`, `anonymous` or `system`.
  let actor: String
  /// What it was done to, in the same form; nil if it is the actor, or nothing that has a name.
  var subject: String?
  var outcome = AuditOutcome.success
  /// Where the request came from, without the port; nil for what the program does by itself.
  var address: String?
  var requestID: String?
  /// The slug of a refusal, the names of changed fields, a claimed user name: never their secret values.
  var details = JSONObject()

  init(_ action: AuditAction, by actor: String, on subject: String? = nil) {
    self.action = action
    self.actor = actor
    self.subject = subject
  }

  /// What the caller of `context` did.
  /// - Parameter actor: who it turned out to be, where the request itself did not say: at a login.
  init(_ action: AuditAction, by actor: String? = nil, _ context: RequestContext, on subject: String? = nil) {
    self.init(action, by: actor ?? context.principal.actor, on: subject)
    address = context.peerAddress
    requestID = context.requestID
  }

  /// The same event, refused for the reason of `problem`.
  func refused(_ problem: Problem) -> AuditEvent {
    var event = self
    event.outcome = .refused
    event.details["error"] = .string(problem.kind.slug)
    return event
  }
}
