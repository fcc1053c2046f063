import ArgumentParser
import Protocol
import Reactor
import Testing

@testable import Bench

struct OptionsTests {
  private static let required = [
    "--url", "https://h:1", "--ca", "ca.pem", "--registration-secret", "s", "--collectors", "5", "--duration", "30s",
  ]

  private func parse(_ more: String...) throws -> Options { try PganalyticsBench.parse(Self.required + more).options }

  @Test func `reads the documented command line`() throws {
    let options = try parse(
      "--interval", "500ms", "--body", "a.json", "b.json.gz", "--json", "out", "--ramp", "2m", "--loops", "2",
      "--report-acks", "acks", "--tolerate-outage", "--gzip-level", "0", "--tables", "3", "--queries", "4")
    #expect(options.interval?.duration == .milliseconds(500) && options.duration.duration == .seconds(30))
    #expect(options.body == ["a.json", "b.json.gz"] && options.json == "out" && options.reportAcks == "acks")
    #expect(options.ramp.duration == .seconds(120) && options.loops == 2 && options.tolerateOutage)
    #expect(options.gzipLevel == 0 && options.tables == 3 && options.queries == 4)
    #expect(try parse("--closed-loop").closedLoop)
  }

  @Test(
    arguments: [
      ["--interval", "1s", "--closed-loop"], ["--interval", "0s"], ["--duration", "30"], ["--duration", "0s"],
      ["--collectors", "0"], ["--gzip-level", "10"], ["--loops", "0"], ["--unknown"],
    ])
  func `refuses what makes no run`(arguments: [String]) {
    #expect(throws: (any Error).self) { try PganalyticsBench.parse(Self.required + arguments) }
  }

  @Test(
    arguments: [
      ("https://localhost:8443", "localhost", 8443, "localhost:8443", ""),
      ("https://db.example.org/", "db.example.org", 443, "db.example.org", ""),
      ("https://[::1]:9/pg/a/", "::1", 9, "[::1]:9", "/pg/a"),
      ("https://[2001:db8::1]", "2001:db8::1", 443, "[2001:db8::1]", ""),
    ] as [(String, String, UInt16, String, String)])
  func `takes a URL apart`(text: String, host: String, port: UInt16, authority: String, prefix: String) throws {
    let url = try #require(ServerURL(text))
    #expect(url.host == host && url.port == port && url.authority == authority && url.prefix == prefix)
    #expect(url.target("metrics/push") == prefix + "/api/v1/metrics/push")
  }

  @Test(
    arguments: [
      "http://h", "h:1", "https://", "https://:1", "https://h:0", "https://h:65536", "https://h:", "https://h:1:2",
      "https://u@h", "https://h/?q", "https://h/#f", "https://h /", "https://[::1", "https://[::1]x", "https://h\r\n/",
    ])
  func `refuses what is no server's URL`(text: String) {
    #expect(ServerURL(text) == nil)
  }

  @Test func `a token is renewed when 70 to 80 percent of its life are over`() throws {
    var answer = JSONObject()
    answer["token"] = .string("t")
    answer["expires_at"] = .string("2026-11-22T19:33:07Z")
    let now = MonotonicTime(nanoseconds: 5)
    for (jitter, seconds) in [(0.0, 800.0), (1.0, 700.0)] {
      let token = try #require(
        Credentials.Token(answer, now: now, unixSeconds: 1_795_375_987 - 1000, jitter: jitter))
      #expect(abs(now.duration(to: token.refreshAt).inSeconds - seconds) < 0.001)
    }
    answer["expires_at"] = nil
    let usual = try #require(Credentials.Token(answer, now: now, unixSeconds: 0, jitter: 0))
    #expect(now.duration(to: usual.refreshAt) == .seconds(24 * 60))
    answer["token"] = nil
    #expect(Credentials.Token(answer, now: now, unixSeconds: 0, jitter: 0) == nil)
  }
}
