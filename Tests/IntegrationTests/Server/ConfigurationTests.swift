import Protocol
import Testing

@testable import App

/// A collector's configuration: written by people, pulled by collectors.
@Suite struct ConfigurationTests {
  private func server() async throws -> RunningServer { try await .shared(.plain) }

  @Test func `what an operator puts is what the collector gets, by version and tag`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let user = try await server.user(.operator)
    let people = try await server.client()
    let client = try await collector.client()
    let path = "/api/v1/config/\(collector.id)"
    #expect(try await client.request("GET", path, [collector.authorization]).status == 404)

    var lastTag = ""
    for version in 1...2 {
      let toml = "[collector]\ninterval = \(version)\n# geprüft\n"
      let type = ("Content-Type", "application/toml")
      let put = try await people.request("PUT", path, [user, type], body: Array(toml.utf8))
      #expect(put.status == 200, "\(put)")
      #expect(put.json["version"]?.integer == Int64(version))
      let got = try await client.request("GET", path, [collector.authorization])
      #expect(got.status == 200)
      #expect(got.text == toml)
      #expect(got.field("x-config-version") == "\(version)")
      let tag = try #require(got.field("etag"))
      #expect(tag != lastTag)
      lastTag = tag
      let again = try await client.request("GET", path, [collector.authorization, ("If-None-Match", tag)])
      #expect(again.status == 304)
      #expect(again.body.isEmpty)
      #expect(again.field("etag") == tag)
    }
    // The push answer tells the collector that there is something to pull.
    try await server.eventually("the version is not announced") {
      try await collector.push(collector.push(of: []), over: client).json["next_config_version"]?.integer == 2
    }
  }

  @Test func `a name from the collector's own file stands for the collector of the token`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let user = try await server.user(.operator)
    let client = try await collector.client()
    let put = try await server.client().request(
      "PUT", "/api/v1/config/\(collector.id)", [user, ("Content-Type", "text/plain")], body: Array("a = 1\n".utf8))
    #expect(put.status == 200)
    let got = try await client.request("GET", "/api/v1/config/collector-001", [collector.authorization])
    #expect(got.text == "a = 1\n")
    let other = try await client.request("GET", "/api/v1/config/\(UUID.random())", [collector.authorization])
    #expect(other.status == 403)
    #expect(other.error == "identity_mismatch")
  }

  @Test func `a bad token is 403 here, since the stock collector answers 401 with a pull without end`() async throws {
    let collector = try await server().enrol()
    let answer = try await collector.client().request(
      "GET", "/api/v1/config/collector-001", [("Authorization", "Bearer \(collector.token)x")])
    #expect(answer.status == 403)
    #expect(answer.error == "token_refused")
  }

  @Test func `a configuration for nobody is 404, one that is no TOML 422`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let user = try await server.user(.operator)
    let client = try await server.client()
    let type = ("Content-Type", "text/plain")
    let nobody = try await client.request(
      "PUT", "/api/v1/config/\(UUID.random())", [user, type], body: Array("a = 1\n".utf8))
    #expect(nobody.status == 404)
    let bytes = try await client.request("PUT", "/api/v1/config/\(collector.id)", [user, type], body: [0xff])
    #expect(bytes.status == 422)
    let noTOML = try await client.request(
      "PUT", "/api/v1/config/\(collector.id)", [user, type], body: Array("a = 1\nb = \n".utf8))
    #expect(noTOML.status == 422)
    #expect(noTOML.json["details"]?.text?.contains("2") == true, "the line: \(noTOML)")
  }
}
