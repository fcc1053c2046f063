// The identity of an enrolled collector, and its token.

internal import Protocol
internal import Reactor

/// The data that a collector needs to connect and to push.
struct Credentials {
  let collector: UUID
  let identity: TLSIdentity
  var token: Token

  struct Token {
    /// The life of a token, in seconds, if the server does not give its end.
    static let usualLifeSeconds: Int64 = 30 * 60

    let text: String
    /// The time to refresh the token: between 70 % and 80 % of its life, so that collectors that enrolled together do
    /// not refresh together.
    let refreshAt: MonotonicTime

    /// The end of the token's life, in unix seconds.
    let expiresAt: Int64

    /// - Parameters:
    ///   - answer: the answer of `register` or `refresh-token`. Without a token in it the result is nil.
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

  /// Whether the token has expired.
  func needsRefresh(unixSeconds: Int64) -> Bool { token.expiresAt <= unixSeconds }
}
