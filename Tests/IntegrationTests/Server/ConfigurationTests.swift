import Protocol
import Testing

@testable import App

/// A collector's configuration: people write it, and collectors pull it.
@Suite struct ConfigurationTests {
  private func server() async throws -> RunningServer { try await .shared(.plain) }

  @Test func `the collector gets the configuration that an admin stores, by version and tag`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let user = try await server.user(.admin)
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
      #expect(put.field("etag") != nil)
      let got = try await client.request("GET", path, [collector.authorization])
      #expect(got.status == 200)
      #expect(got.text == toml)
      #expect(got.field("x-config-version") == "\(version)")
      let tag = try #require(got.field("etag"))
      #expect(tag == put.field("etag"), "a stored and a pulled text have the same tag")
      #expect(tag != lastTag)
      lastTag = tag
      let again = try await client.request("GET", path, [collector.authorization, ("If-None-Match", tag)])
      #expect(again.status == 304)
      #expect(again.body.isEmpty)
      #expect(again.field("etag") == tag)
    }
    // The push answer tells the collector that a new version is available.
    try await server.eventually("the version is not announced") {
      try await collector.push(collector.push(of: []), over: client).json["next_config_version"]?.integer == 2
    }
  }

  @Test func `a name from the collector's own file stands for the collector of the token`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let user = try await server.user(.admin)
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

  @Test func `a bad token is refused with 403, because the stock collector repeats a pull after 401`() async throws {
    let collector = try await server().enrol()
    let answer = try await collector.client().request(
      "GET", "/api/v1/config/collector-001", [("Authorization", "Bearer \(collector.token)x")])
    #expect(answer.status == 403)
    #expect(answer.error == "token_refused")
  }

  @Test func `a configuration for an unknown collector is 404, and one that is not TOML is 422`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let user = try await server.user(.admin)
    let client = try await server.client()
    let type = ("Content-Type", "text/plain")
    let nobody = try await client.request(
      "PUT", "/api/v1/config/\(UUID.random())", [user, type], body: Array("a = 1\n".utf8))
    #expect(nobody.status == 404)
    let bytes = try await client.request("PUT", "/api/v1/config/\(collector.id)", [user, type], body: [0xff])
    #expect(bytes.status == 422)
    // `curl -X PUT` without a file sends an empty body. That is no wish for an empty configuration.
    let forgotten = try await client.request("PUT", "/api/v1/config/\(collector.id)", [user, type], body: [])
    #expect(forgotten.status == 422, "\(forgotten)")
    let json = ("Content-Type", "application/json")
    let foreign = try await client.request(
      "PUT", "/api/v1/config/\(collector.id)", [user, json], body: Array("{}".utf8))
    #expect(foreign.status == 415, "\(foreign)")
    let noTOML = try await client.request(
      "PUT", "/api/v1/config/\(collector.id)", [user, type], body: Array("a = 1\nb = \n".utf8))
    #expect(noTOML.status == 422)
    #expect(noTOML.json["details"]?.text?.contains("line 2, column 5") == true, "\(noTOML)")
  }

  @Test func `only operators write, and the latest text again makes no new version`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let path = "/api/v1/config/\(collector.id)"
    let client = try await server.client()
    let body = Array("interval = 60\n".utf8)
    for role in [Role.viewer] {
      let refused = try await client.request("PUT", path, [try await server.user(role)], body: body)
      #expect(refused.status == 403)
      #expect(refused.error == "insufficient_role")
    }
    let admin = try await server.user(.admin)
    for _ in 1...2 {
      #expect(try await client.request("PUT", path, [admin], body: body).json["version"]?.integer == 1)
    }
    let audited = try await server.integer(
      "SELECT count(*) FROM pganalytics.audit WHERE action = 'config.write' AND subject = 'collector:\(collector.id)'")
    #expect(audited == 1)
  }

  @Test func `If-Match keeps a change from being overwritten unseen`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let path = "/api/v1/config/\(collector.id)"
    let client = try await server.client()
    let admin = try await server.user(.admin)
    func put(_ text: String, _ tag: String) async throws -> TestAnswer {
      try await client.request("PUT", path, [admin, ("If-Match", tag)], body: Array(text.utf8))
    }
    #expect(try await put("a = 1\n", "*").status == 412)
    #expect(try await client.request("PUT", path, [admin], body: Array("a = 1\n".utf8)).status == 200)
    let tag = try #require(try await client.request("GET", path, [admin]).field("etag"))
    #expect(try await put("a = 2\n", tag).json["version"]?.integer == 2)
    let late = try await put("a = 3\n", tag)
    #expect(late.status == 412)
    #expect(late.error == "precondition_failed")
    #expect(try await client.request("GET", path, [admin]).text == "a = 2\n")
  }

  @Test func `versions are listed, read and compared, and the version that is in use is marked`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let path = "/api/v1/config/\(collector.id)"
    let client = try await server.client()
    let admin = try await server.user(.admin)
    let texts = ["interval = 60\n", "interval = 30\nname = \"a\"\n", "name = \"a\"\n"]
    for (index, text) in texts.enumerated() {
      #expect(try await client.request("PUT", path, [admin], body: Array(text.utf8)).status == 200)
      if index == 1 {
        #expect(try await collector.client().request("GET", path, [collector.authorization]).text == text)
      }
    }
    let list = try await client.request("GET", path + "/versions?page_size=2", [admin])
    #expect(list.json["total"]?.integer == 3)
    #expect(list.json["data"]?.elements.map { $0["version"]?.integer } == [3, 2])
    #expect(list.json["data"]?.elements.map { $0["is_effective"]?.flag } == [false, true])
    #expect(list.json["data"]?[0]?["created_by"]?.text?.hasPrefix("admin") == true)
    for (index, text) in texts.enumerated() {
      let version = try await client.request("GET", path + "/versions/\(index + 1)", [admin])
      #expect(version.text == text)
      #expect(version.field("x-config-version") == "\(index + 1)")
    }
    let diff = try await client.request("GET", path + "/diff?from=1&to=2", [admin])
    #expect(
      diff.text == "--- version 1\n+++ version 2\n@@ -1,1 +1,2 @@\n-interval = 60\n+interval = 30\n+name = \"a\"\n")
    #expect(try await client.request("GET", path + "/diff", [admin]).text.contains("-interval = 30"))
    #expect(try await client.request("GET", path + "/diff?to=1", [admin]).text.contains("+interval = 60"))
    for missing in ["/versions/4", "/versions/0", "/diff?to=9"] {
      #expect(try await client.request("GET", path + missing, [admin]).status == 404, "\(missing)")
    }
    let nobody = try await client.request("GET", "/api/v1/config/\(UUID.random())/versions", [admin])
    #expect(nobody.status == 404)
  }
}
