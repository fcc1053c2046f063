// What a collector is after its enrolment, and how long its token still serves.

internal import Protocol
internal import Reactor

struct Credentials {
  let collector: UUID
  let identity: TLSIdentity
  var token: Token

  struct Token {
    /// Assumed when the server does not say.
    static let usualLifeSeconds: Int64 = 30 * 60

    let text: String
    /// When four fifths of its life are over, less up to a tenth, so that a fleet enrolled together does not refresh
    /// together.
    let refreshAt: MonotonicTime

    /// Unix seconds.
    let expiresAt: Int64

    /// - Parameters:
    ///   - answer: of `register` or `refresh-token`; nil without a token in it.
    ///   - jitter: 0 to 1.
    init?(_ answer: JSONObject, now: MonotonicTime, unixSeconds: Int64, jitter: Double) {
      guard let text = answer.string("token"), !text.isEmpty else { return nil }
      let expiry = answer.string("expires_at").flatMap(RFC3339.unixMicroseconds).map { $0 / 1_000_000 }
      self.init(
        text: text, expiresAt: expiry ?? unixSeconds + Self.usualLifeSeconds, now: now, unixSeconds: unixSeconds,
        jitter: jitter)
    }

    init(text: String, expiresAt: Int64, now: MonotonicTime, unixSeconds: Int64, jitter: Double) {
      self.text = text
      self.expiresAt = expiresAt
      let life = max(1, expiresAt - unixSeconds)
      refreshAt = now + .seconds(life).scaled(by: 0.8 - 0.1 * jitter)
    }
  }

  /// Whether the token's life is over.
  func needsRefresh(unixSeconds: Int64) -> Bool { token.expiresAt <= unixSeconds }
}
