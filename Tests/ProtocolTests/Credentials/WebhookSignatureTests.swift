import Protocol
import Testing

struct WebhookSignatureTests {
  @Test func `a receiver can compute the signature from the time, the body and the secret`() {
    // printf '1767225600.{"a":1}' | openssl dgst -sha256 -hmac 'topsecret'
    let value = WebhookSignature.fieldValue(
      secret: Array("topsecret".utf8), unixSeconds: 1_767_225_600, body: Array(#"{"a":1}"#.utf8))
    #expect(value == "t=1767225600,v1=4fe3c47468405ef2cad64bcbf4ce28b3077d4978f27c8082e5bc2a941bf2e6ac")
    #expect(WebhookSignature.fieldName == "X-PgAnalytics-Signature")
  }
}
