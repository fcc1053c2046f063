// The events of the audit trail: actor, action, target, address and outcome.

import Protocol

/// The closed list of audited actions. The raw value is stored, and clients filter by it.
enum AuditAction: String, CaseIterable, Sendable {
  case login = "auth.login"
  case refresh = "auth.refresh"
  case refreshReuse = "auth.refresh_reuse"
  case logout = "auth.logout"
  case logoutEverywhere = "auth.logout_everywhere"
  case changePassword = "auth.change_password"
  case endSession = "session.end"
  case createToken = "api_token.create"
  case revokeToken = "api_token.revoke"
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
  case labelCollector = "collector.label"
  case labelCollectors = "collector.label_many"
  case revokeCertificate = "certificate.revoke"
  case identityMismatch = "collector.identity_mismatch"
  case refuseCollector = "collector.refused"
  case writeConfig = "config.write"
  case removeServer = "server.remove"
  case finishRemoval = "server.removed"
  case acknowledgeFinding = "finding.acknowledge"
  case acknowledgeFindings = "finding.acknowledge_many"
  case endAcknowledgement = "finding.end_acknowledgement"
  case addSilence = "silence.add"
  case addSilences = "silence.add_many"
  case endSilence = "silence.end"
  case changeCheck = "check.change"
  case rotateSigningKey = "signing_key.rotate"
  case retireSigningKey = "signing_key.retire"
  case changeAuthority = "authority.change"
  case retireAuthority = "authority.retire"
  case createChannel = "channel.create"
  case changeChannel = "channel.change"
  case deleteChannel = "channel.delete"
  case testChannel = "channel.test"
}

enum AuditOutcome: String, CaseIterable, Sendable {
  case success, refused
}

/// One line of the trail. The code that makes an event ensures that it contains no password, token, secret or key.
struct AuditEvent: Sendable {
  /// The actor of actions by the program itself and by its command line.
  static let system = "system"

  let action: AuditAction
  /// `user:<id>`, `token:<name>`, `collector:<uuid>`, `anonymous` or `system`.
  let actor: String
  /// The object of the action, in the same form; nil if it is the actor or has no name.
  var subject: String?
  var outcome = AuditOutcome.success
  /// The address of the client without the port; nil for actions by the program itself.
  var address: String?
  var requestID: String?
  /// Details such as the slug of a refusal, the names of changed fields or a claimed user name. Never secret values.
  var details = JSONObject()

  init(_ action: AuditAction, by actor: String, on subject: String? = nil) {
    self.action = action
    self.actor = actor
    self.subject = subject
  }

  /// An action of the caller of `context`.
  /// - Parameter actor: the actor, if the request itself does not tell, as at a login.
  init(_ action: AuditAction, by actor: String? = nil, _ context: RequestContext, on subject: String? = nil) {
    self.init(action, by: actor ?? context.principal.actor, on: subject)
    address = context.peerAddress
    requestID = context.requestID
  }

  /// The same event as refused, for the reason of `problem`.
  func refused(_ problem: Problem) -> AuditEvent {
    var event = self
    event.outcome = .refused
    event.details["error"] = .string(problem.kind.slug)
    return event
  }
}
