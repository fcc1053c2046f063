import HTTPClient
import Protocol

/// A channel before it is stored: the fields of a request, checked together.
struct ChannelDraft: Sendable {
  let id: UUID
  let kind: ChannelKind
  let name: String
  let target: ChannelTarget
  /// Sealed.
  let secret: [UInt8]?
  let template: String?
  let severities: [String]
  let checks: [String]
  let labels: [String]
  let isOn: Bool
  let messagesPerMinute: Int32

  /// A new channel. - Throws: `.validationFailed`
  init(_ request: CreateChannelRequest, id: UUID, _ secrets: ChannelSecrets) throws(Problem) {
    self.id = id
    kind = request.kind
    name = request.name
    target = request.target
    secret = try request.secret.map { text throws(Problem) in try Self.sealed(text, id, secrets) }
    template = request.template
    severities = request.severities
    checks = request.checks
    labels = request.labels.map(\.text)
    isOn = request.isOn
    messagesPerMinute = Int32(request.messagesPerMinute)
    try check(plainSecret: request.secret)
  }

  /// A changed channel. - Throws: `.validationFailed`
  init(_ old: Channel, _ patch: ChannelPatch, _ secrets: ChannelSecrets) throws(Problem) {
    id = old.id
    kind = old.kind
    name = patch.name ?? old.name
    target = patch.target ?? ChannelTarget(stored: old.target) ?? ChannelTarget()
    var plainSecret: String?
    switch patch.secret {
    case .keep: secret = old.secret
    case .clear: secret = nil
    case .set(let text):
      plainSecret = text
      secret = try Self.sealed(text, old.id, secrets)
    }
    switch patch.template {
    case .keep: template = old.template
    case .clear: template = nil
    case .set(let text): template = text
    }
    severities = patch.severities ?? old.severities
    checks = patch.checks ?? old.checks
    labels = patch.labels?.map(\.text) ?? old.labels
    isOn = patch.isOn ?? old.isOn
    messagesPerMinute = patch.messagesPerMinute.map { Int32($0) } ?? old.messagesPerMinute
    try check(plainSecret: plainSecret)
  }

  private static func sealed(_ text: String, _ id: UUID, _ secrets: ChannelSecrets) throws(Problem) -> [UInt8] {
    do throws(ChannelSecretFault) {
      return try secrets.seal(text, of: id)
    } catch {
      throw Problem(.internalError, cause: error.description)
    }
  }

  /// Checks the rules between the fields.
  private func check(plainSecret: String?) throws(Problem) {
    if secret != nil, target.secretFile != nil {
      throw Problem(.validationFailed, "target.secret_file excludes secret")
    }
    try target.check(for: kind, hasSecret: secret != nil || target.secretFile != nil)
    switch kind {
    case .slack:
      if let plainSecret, target.url == nil {
        do throws(Problem) { _ = try target.checked(plainSecret) } catch {
          throw Problem(.validationFailed, "secret must be a URL that begins with https://")
        }
      }
    case .email:
      if let plainSecret, SMTPCredentials(user: target.username ?? "", password: plainSecret) == nil {
        throw Problem(.validationFailed, "secret has line breaks or is too long for a password of a mail server")
      }
    case .alertmanager:
      let isHeader = plainSecret?.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ?? true
      if !isHeader, target.username == nil {
        throw Problem(.validationFailed, "secret must be printable ASCII without spaces, because it is a bearer token")
      }
    case .webhook: break
    }
    guard let template else { return }
    switch kind {
    case .webhook, .slack:
      do throws(TemplateFault) { _ = try MessageTemplate(template) } catch {
        throw Problem(.validationFailed, "template \(error.description)")
      }
    case .alertmanager, .email: throw Problem(.validationFailed, "template is only for webhook and slack")
    }
  }

  // MARK: Storing

  /// Adds the channel. - Throws: `.conflict` for a name that is taken, or beyond the most channels.
  func add(by user: Int64, to session: DatabaseLease) async throws(Problem) {
    try await named { () throws(DatabaseError) in
      try await session.execute(
        ChannelStatements.add, id, name, kind.rawValue, target.document, secret, template, severities, checks, labels,
        isOn, messagesPerMinute, user)
    }
    let count = try await session.query { session throws(DatabaseError) in
      try await session.one(ChannelStatements.count)?.value ?? 0
    }
    if count > ChannelEndpoints.mostChannels {
      throw Problem(.conflict, "there are \(ChannelEndpoints.mostChannels) channels, the most that there may be")
    }
  }

  /// Stores the changed channel. - Throws: `.conflict` for a name that is taken.
  func change(by user: Int64, in session: DatabaseLease) async throws(Problem) {
    try await named { () throws(DatabaseError) in
      try await session.execute(
        ChannelStatements.change, id, name, target.document, secret, template, severities, checks, labels, isOn,
        messagesPerMinute, user)
    }
    if isOn { return }
    try await session.query { session throws(DatabaseError) in
      try await session.execute(ChannelStatements.dropPending, id)
    }
  }

  private func named(_ work: () async throws(DatabaseError) -> Int) async throws(Problem) {
    do throws(DatabaseError) {
      _ = try await work()
    } catch {
      if error.sqlstate == SQLState.uniqueViolation { throw Problem(.conflict, "there is a channel of that name") }
      throw Problem(error)
    }
  }
}
