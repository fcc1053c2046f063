import Protocol
import Testing

@testable import App

/// The dates of authorities and signing keys.
@Suite struct KeyEndpointTests {
  @Test func `operators see authorities and signing keys without any secret`() async throws {
    let server = try await RunningServer.people()
    let user = try await server.person(.operator)
    let authorities = try await user.request("GET", "/api/v1/authorities")
    let authority = try #require(authorities.json["data"]?[0], "\(authorities)")
    #expect(authority["state"]?.text == "current")
    #expect(authority["fingerprint"]?.text?.count == 64)
    let from = try #require(authority["not_before"]?.text)
    #expect(try #require(authority["not_after"]?.text) > from)
    let keys = try await user.request("GET", "/api/v1/signing-keys")
    let kid = try #require(keys.json["data"]?[0]?["kid"]?.text, "\(keys)")
    #expect(
      try await server.integer("SELECT count(*) FROM pganalytics.signing_keys WHERE kid = '\(kid)'") == 1)
    #expect(keys.json["data"]?[0]?["ends_at"] == .null && !keys.text.contains("secret"))
    let viewer = try await server.person(.viewer)
    for path in ["/api/v1/authorities", "/api/v1/signing-keys"] {
      #expect(try await viewer.request("GET", path).error == "insufficient_role")
    }
  }
}
