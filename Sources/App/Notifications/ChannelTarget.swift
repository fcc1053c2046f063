// Where the messages of a channel go: the address and its options, without secrets. The same object is stored, accepted by
// the API and shown by it.

import HTTPClient
import Protocol

struct ChannelTarget: RequestBody, Equatable {
  static let schemaName = "NewChannelTarget"
  static let example: JSONValue = ["url": "https://hooks.example.com/pganalytics"]

  /// The most recipients of a channel.
  static let recipients = 100

  var url: String?
  /// Whether the URL may be http.
  var permitsPlain = false
  var username: String?
  var host: String?
  var port: Int?
  var security: SMTPSecurity?
  var from: String?
  var to: [String] = []
  /// The names of files in `channel_directory`.
  var authorityFile: String?
  var secretFile: String?

  init(url: String? = nil) { self.url = url }

  init(from object: inout ObjectReader) {
    url = object.optional(
      "url", .string(1...WebhookURL.maximumBytes),
      """
      For `webhook`, `slack` and `alertmanager`: the URL. For `alertmanager` it ends before `/api/v2/alerts`. For `slack` \
      it may be missing: the secret is the URL then.
      """)
    permitsPlain = object.optional(
      "allow_plain", .flag, default: false, false,
      "Whether the URL may begin with http://. Anybody on the way can read the messages then.")
    username = object.optional(
      "username", .string(1...255),
      "For `email`, and for `alertmanager` with basic authentication: the secret is its password.")
    host = object.optional("host", .string(1...253), "For `email`: the mail server.")
    port = object.optional(
      "port", .integer(1...65_535), "For `email`; default: 465 with `tls`, 587 with `starttls`, else 25.")
    security = object.optional("security", .choice(), "For `email`; default: `starttls`.")
    from = object.optional("from", .string(3...254), "For `email`: the sender.")
    to = object.optional(
      "to", .list(.string(3...254), count: 0...Self.recipients), default: [], [], "For `email`: the recipients.")
    authorityFile = object.optional(
      "ca_file", .string(1...255),
      "The name of a file in `channel_directory` with the only authorities that may vouch for the target, PEM.")
    secretFile = object.optional(
      "secret_file", .string(1...255), "The name of a file in `channel_directory` that holds the secret.")
  }

  /// The target of a stored channel. - Returns: nil if the document is not a target.
  init?(stored document: JSONText) {
    guard let value = document.value,
      case .success(let target) = Result(catching: { () throws(Problem) in try Self.decode(value) })
    else { return nil }
    self = target
  }

  /// The document that is stored.
  var document: JSONText {
    JSONText(String(decoding: ObjectWriter.encode(ChannelTargetAnswer(target: self)), as: UTF8.self))
  }
}

extension ChannelTarget {
  /// The port of the mail server.
  var mailPort: UInt16 {
    if let port { return UInt16(port) }
    switch security ?? .startTLS {
    case .tls: return 465
    case .startTLS: return 587
    case .plain: return 25
    }
  }

  /// Checks the target of a channel.
  /// - Parameter hasSecret: whether the channel has a secret, stored or in a file.
  /// - Throws: `.validationFailed` with the first fault.
  func check(for kind: ChannelKind, hasSecret: Bool) throws(Problem) {
    for (name, file) in [("ca_file", authorityFile), ("secret_file", secretFile)] {
      if let file, file.contains("/") || file.hasPrefix(".") { throw Self.fault(name, "must be the name of a file") }
    }
    switch kind {
    case .webhook, .alertmanager:
      guard let url else { throw Self.fault("url", "is missing") }
      _ = try checked(url)
      if kind == .webhook, username != nil { throw Self.fault("username", "has no use for a webhook") }
      if username != nil, !hasSecret { throw Self.fault("username", "needs a secret, the password") }
      if username?.contains(":") == true { throw Self.fault("username", "must have no colon") }
    case .slack:
      if let url {
        _ = try checked(url)
      } else if !hasSecret {
        throw Self.fault("url", "is missing, and the secret is, too")
      }
      if username != nil { throw Self.fault("username", "has no use for a webhook") }
    case .email:
      guard let host, !host.contains(" ") else { throw Self.fault("host", "is missing") }
      guard let from, MailAddress(from) != nil else { throw Self.fault("from", "must be an e-mail address") }
      guard !to.isEmpty, to.allSatisfy({ MailAddress($0) != nil }) else {
        throw Self.fault("to", "must be e-mail addresses, at least one")
      }
      if url != nil { throw Self.fault("url", "has no use for e-mail") }
      if (username == nil) == hasSecret { throw Self.fault("username", "and a secret, its password, belong together") }
      if security == .plain, hasSecret { throw Self.fault("security", "must not be plain with a password") }
    }
    if kind != .email, host != nil || port != nil || from != nil || !to.isEmpty || security != nil {
      throw Self.fault("host", "port, security, from and to are for e-mail")
    }
  }

  /// The URL as a request needs it. - Throws: `.validationFailed`
  func checked(_ text: String) throws(Problem) -> WebhookURL {
    let url: WebhookURL
    do throws(WebhookURLError) { url = try WebhookURL(text) } catch {
      throw Self.fault("url", "is not valid. \(error)")
    }
    if !url.usesTLS, !permitsPlain { throw Self.fault("url", "must begin with https://, unless allow_plain is true") }
    return url
  }

  private static func fault(_ name: String, _ text: String) -> Problem {
    Problem(.validationFailed, "target.\(name) \(text)")
  }
}

/// A target as the API shows it and the database stores it.
struct ChannelTargetAnswer: ResponseBody {
  static let schemaName = "ChannelTarget"
  static let example = ChannelTargetAnswer(target: ChannelTarget(url: "https://hooks.example.com/pganalytics"))

  let target: ChannelTarget

  func write(to object: inout ObjectWriter) {
    object.optional("url", target.url)
    object.member("allow_plain", target.permitsPlain)
    object.optional("username", target.username)
    object.optional("host", target.host)
    object.optional("port", target.port)
    object.optional("security", target.security)
    object.optional("from", target.from)
    object.member("to", target.to)
    object.optional("ca_file", target.authorityFile)
    object.optional("secret_file", target.secretFile)
  }
}

extension SMTPSecurity: ResponseValue {}
