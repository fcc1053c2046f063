// The signature of a webhook's request. The time is signed together with the body, so a receiver can refuse an old
// request that somebody repeats.

/// The header field that proves to a receiver who made a request, and that nobody changed it.
public enum WebhookSignature {
  /// The name of the field.
  public static let fieldName = "X-PgAnalytics-Signature"

  /// Returns the value of the field: `t=<unix seconds>,v1=<64 hex digits>`. The digits are HMAC-SHA-256, with the secret
  /// as the key, of the time in decimal, a dot, and the body.
  public static func fieldValue(secret: [UInt8], unixSeconds: Int64, body: [UInt8]) -> String {
    let signed = Array("\(unixSeconds).".utf8) + body
    let tag = MessageAuthentication(secret: secret).tag(of: signed.span)
    return "t=\(unixSeconds),v1=\(Hex.encode(tag))"
  }
}
