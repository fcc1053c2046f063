// The cookie in which a browser holds the refresh token of its session. Scripts cannot read it, and the browser sends it
// only to this host, only by TLS, and only for pages of this host (RFC 6265bis §4.1.3.2, §5.6.7).

import Protocol

enum SessionCookie {
  static let name = "__Host-pganalytics-session"

  /// The value that a request has; nil if it has none.
  static func value(in head: HTTPRequestHead) -> String? {
    for field in head.all(named: "cookie") {
      for pair in field.split(separator: UInt8(ascii: ";")) {
        let text = String(decoding: pair, as: UTF8.self).drop { $0 == " " || $0 == "\t" }
        if text.hasPrefix(name + "=") { return String(text.dropFirst(name.count + 1)) }
      }
    }
    return nil
  }

  /// Gives the browser a token. - Parameter life: seconds after which the browser forgets it.
  static func field(_ token: RefreshToken, life: Int64) -> HTTPField { field(token.text, life: life) }

  /// Takes the token away from the browser.
  static let cleared = field("", life: 0)

  private static func field(_ value: String, life: Int64) -> HTTPField {
    HTTPField("Set-Cookie", "\(name)=\(value); Path=/; Max-Age=\(life); Secure; HttpOnly; SameSite=Strict")
  }
}

extension AnswerDeclaration.Field {
  /// The field that gives the cookie, or takes it away.
  static let sessionCookie = AnswerDeclaration.Field(
    name: "Set-Cookie", schema: .string, prose: "The session's cookie, if the client uses it.")
}
