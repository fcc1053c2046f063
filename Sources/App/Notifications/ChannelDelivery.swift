// Gives a message the form of its channel and hands it to the carrier, once. `Dispatcher` repeats it.

import Ground
import HTTPClient
import Protocol

/// Carries requests and mails to their targets. `DeliveryLoop` does so over the network.
protocol MessageCarrier: Sendable {
  func deliver(_ delivery: WebhookDelivery, _ rules: DeliveryRules) async throws(DeliveryFailure) -> DeliveryReceipt
  func deliver(_ delivery: MailDelivery, _ rules: DeliveryRules) async throws(DeliveryFailure) -> DeliveryReceipt
}

extension DeliveryLoop: MessageCarrier {}

struct ChannelDelivery: Sendable {
  /// The header field with the idempotency id.
  static let idField = "Idempotency-Key"

  private let carrier: any MessageCarrier
  private let secrets: ChannelSecrets
  private let settings: LiveSettings

  init(carrier: any MessageCarrier, secrets: ChannelSecrets, settings: LiveSettings) {
    self.carrier = carrier
    self.secrets = secrets
    self.settings = settings
  }

  /// Delivers a message to a channel of any kind.
  /// - Parameters:
  ///   - recipients: for e-mail, the recipients that have not taken the message yet; nil for all.
  ///   - alerts: for Alertmanager, the present states of all findings of the message.
  func deliver(
    _ message: NotificationMessage, to channel: Channel, recipients: [String]? = nil, alerts: [NotifiedFinding] = []
  ) async throws(DeliveryFailure) -> DeliveryReceipt {
    let target = try target(of: channel)
    let secret = try secret(of: channel, target)
    let rules = try rules(target)
    switch channel.kind {
    case .webhook, .slack:
      let request = try request(message, channel, target, secret)
      return try await carrier.deliver(request, rules)
    case .alertmanager:
      let body = alertmanagerBody
      let parts = message.event == .test ? [body.testBytes(message)] : body.parts(alerts)
      return try await post(parts, id: message.id, target, secret, rules)
    case .email:
      return try await carrier.deliver(try mail(message, target, secret, recipients), rules)
    }
  }

  /// Sends firing alerts again. - Parameter alerts: at most `AlertmanagerBody.alertsAtOnce`.
  func refresh(_ alerts: [NotifiedFinding], at channel: Channel) async throws(DeliveryFailure) {
    let target = try target(of: channel)
    let secret = try secret(of: channel, target)
    _ = try await post(alertmanagerBody.parts(alerts), id: nil, target, secret, try rules(target))
  }

  private var alertmanagerBody: AlertmanagerBody {
    AlertmanagerBody(
      publicURL: settings.now.publicAddress, now: Timestamp(unixMicroseconds: WallClock.unixMicroseconds()))
  }

  // MARK: The target

  private func target(of channel: Channel) throws(DeliveryFailure) -> ChannelTarget {
    guard let target = ChannelTarget(stored: channel.target) else {
      throw DeliveryFailure(.permanent, "The channel's target cannot be read: store it again.")
    }
    return target
  }

  private func secret(of channel: Channel, _ target: ChannelTarget) throws(DeliveryFailure) -> [UInt8]? {
    do throws(ChannelSecretFault) {
      return try secrets.secret(of: channel, target)
    } catch {
      throw DeliveryFailure(.retryable, error.description)
    }
  }

  private func rules(_ target: ChannelTarget) throws(DeliveryFailure) -> DeliveryRules {
    let settings = settings.now
    var rules = DeliveryRules()
    rules.policy = AddressPolicy(permitted: settings.channelNetworks)
    rules.deadline = settings.notificationDeadline
    if let name = target.authorityFile {
      do throws(ChannelSecretFault) {
        rules.trust = .authorities(try secrets.file(name))
      } catch {
        throw DeliveryFailure(.retryable, error.description)
      }
    }
    return rules
  }

  private func url(_ text: String, _ target: ChannelTarget) throws(DeliveryFailure) -> WebhookURL {
    do throws(Problem) {
      return try target.checked(text)
    } catch {
      throw DeliveryFailure(.permanent, "The channel's URL cannot be used: \(error.details ?? "it is not valid").")
    }
  }

  // MARK: The forms of a message

  private func request(
    _ message: NotificationMessage, _ channel: Channel, _ target: ChannelTarget, _ secret: [UInt8]?
  ) throws(DeliveryFailure) -> WebhookDelivery {
    let isSlack = channel.kind == .slack
    let markup: MessageMarkup = isSlack ? .mrkdwn : .plain
    var body: [UInt8]
    if let text = channel.template {
      do throws(TemplateFault) {
        body = try MessageTemplate(text).body(message, markup)
      } catch {
        throw DeliveryFailure(.permanent, "The channel's template \(error.description).")
      }
    } else if isSlack {
      var json = JSONWriter()
      json.object { json in json.member("text", message.text(.mrkdwn)) }
      body = json.finish().withUnsafeBytes { Array($0) }
    } else {
      body = message.json
    }
    var fields = [
      HTTPField("Content-Type", MediaType.json.description), HTTPField(Self.idField, message.id.description),
    ]
    if let secret, !isSlack {
      let now = WallClock.unixSeconds()
      fields.append(
        HTTPField(
          WebhookSignature.fieldName, WebhookSignature.fieldValue(secret: secret, unixSeconds: now, body: body)))
    }
    // The secret of a Slack channel without a visible URL is the URL.
    let address = target.url ?? secret.map { String(decoding: $0, as: UTF8.self) } ?? ""
    return WebhookDelivery(
      url: try url(address, target), permitsPlain: target.permitsPlain, fields: fields, body: body)
  }

  /// Posts alerts to Alertmanager, request after request. - Returns: the last receipt.
  private func post(
    _ bodies: [[UInt8]], id: UUID?, _ target: ChannelTarget, _ secret: [UInt8]?, _ rules: DeliveryRules
  ) async throws(DeliveryFailure) -> DeliveryReceipt {
    var base = target.url ?? ""
    while base.hasSuffix("/") { base.removeLast() }
    let url = try url(base + "/api/v2/alerts", target)
    var fields = [HTTPField("Content-Type", MediaType.json.description)]
    if let id { fields.append(HTTPField(Self.idField, id.description)) }
    if let secret {
      let password = String(decoding: secret, as: UTF8.self)
      let credentials = target.username.map { BasicAuthorization.fieldValue(user: $0, password: password) }
      fields.append(HTTPField("Authorization", credentials ?? "Bearer \(password)"))
    }
    var receipt = DeliveryReceipt(code: 200, text: "there was nothing to send")
    for body in bodies {
      receipt = try await carrier.deliver(
        WebhookDelivery(url: url, permitsPlain: target.permitsPlain, fields: fields, body: body), rules)
    }
    return receipt
  }

  private func mail(
    _ message: NotificationMessage, _ target: ChannelTarget, _ secret: [UInt8]?, _ recipients: [String]?
  ) throws(DeliveryFailure) -> MailDelivery {
    guard let host = target.host, let sender = target.from.flatMap({ MailAddress($0) }) else {
      throw DeliveryFailure(.permanent, "The channel's target has no mail server or no sender: store it again.")
    }
    var credentials: SMTPCredentials?
    if let user = target.username {
      credentials = SMTPCredentials(user: user, password: String(decoding: secret ?? [], as: UTF8.self))
      if credentials == nil {
        throw DeliveryFailure(.permanent, "The channel's user name or password is empty, too long, or has line breaks.")
      }
    }
    let server = MailServer(
      host: host, port: target.mailPort, security: target.security ?? .startTLS, credentials: credentials)
    let mail = MailMessage(
      sender: sender, senderName: "pgAnalytics", recipients: target.to.compactMap { MailAddress($0) },
      subject: "[pgAnalytics] " + message.title, text: message.text(.plain) + "\n", id: message.id.description,
      unixSeconds: message.createdAt.unixMicroseconds / 1_000_000)
    return MailDelivery(server: server, message: mail, recipients: recipients?.compactMap { MailAddress($0) })
  }
}
