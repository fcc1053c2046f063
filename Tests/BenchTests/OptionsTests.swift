import ArgumentParser
import Glibc
import Ground
import HTTPClient
import Protocol
import Reactor
import Testing

@testable import Bench

struct OptionsTests {
  private static let required = [
    "--url", "https://h:1", "--ca", "ca.pem", "--registration-secret", "s", "--collectors", "5", "--duration", "30s",
  ]

  private func parse(_ more: String...) throws -> Options { try PganalyticsBench.parse(Self.required + more).options }

  @Test func `the documented command line is read`() throws {
    let options = try parse(
      "--interval", "500ms", "--body", "a.json", "b.json.gz", "--json", "out", "--ramp", "2m", "--loops", "2",
      "--report-acks", "acks", "--tolerate-outage", "--gzip-level", "0", "--tables", "3", "--queries", "4")
    #expect(options.load.interval?.duration == .milliseconds(500) && options.load.duration.duration == .seconds(30))
    #expect(options.payload.body == ["a.json", "b.json.gz"] && options.watch.json == "out")
    #expect(options.watch.reportAcks == "acks" && options.watch.tolerateOutage)
    #expect(options.load.ramp.duration == .seconds(120) && options.fleet.loops == 2)
    #expect(options.payload.compression == .none && options.payload.tables == 3 && options.payload.queries == 4)
    #expect(try parse("--closed-loop").load.pace == .closedLoop())
    #expect(try parse().load.pace == .interval(.seconds(10)))
  }

  @Test func `options say how pushes arrive and which faults occur`() throws {
    #expect(try parse("--rate", "20").load.pace == .interval(.milliseconds(250)), "5 collectors")
    #expect(try parse("--rate", "10", "--arrival", "poisson").load.pace == .poisson(mean: .milliseconds(500)))
    let thinking = try parse("--closed-loop", "--think", "2s", "--jitter", "0.5").load
    #expect(thinking.pace == .closedLoop(think: .seconds(2)) && thinking.jitter == 0.5)
    let faults = try parse("--fault", "reset=0.25", "duplicate=0.5", "--slow-body-time", "7s").faults
    #expect(faults.mix?.shares == [.reset: 0.25, .duplicate: 0.5] && faults.slowBodyTime.duration == .seconds(7))
    #expect(try parse().payload.compression == .prepared(level: 1))
    #expect(try parse("--fresh-bodies", "--gzip-level", "6").payload.compression == .fresh(level: 6))
  }

  @Test(
    arguments: [
      ["--interval", "1s", "--closed-loop"], ["--interval", "0s"], ["--duration", "30"], ["--duration", "0s"],
      ["--collectors", "0"], ["--gzip-level", "10"], ["--loops", "0"], ["--unknown"], ["--rate", "5", "--closed-loop"],
      ["--rate", "0"], ["--rate", "nan"], ["--think", "1s"], ["--jitter", "1.1"],
      ["--arrival", "poisson", "--closed-loop"],
      ["--arrival", "poisson", "--jitter", "0.1"], ["--fault", "reset=1.5"], ["--fault", "reset=0.6", "duplicate=0.6"],
      ["--fault", "flood=0.1"], ["--fault", "reset=0.1", "reset=0.1"], ["--verify"], ["--processes", "0"],
      ["--rows", "0"], ["--rows", "5", "--body", "a"], ["--profile", "none"],
    ])
  func `options that make no run are refused`(arguments: [String]) {
    #expect(throws: (any Error).self) { try PganalyticsBench.parse(Self.required + arguments) }
  }

  @Test(arguments: [("1.5s", 1500), ("0.25m", 15_000), ("2min", 120_000), ("500ms", 500), ("1h", 3_600_000)])
  func `lengths of time with fractions are read`(text: String, milliseconds: Int64) {
    #expect(TimeSpan(argument: text)?.duration == .milliseconds(milliseconds))
  }

  @Test(arguments: ["1", "s", ".5s", "1.s", "1.5.2s", "-1s", "1e3s", "5 s", "1d", "99999999999s", "nans"])
  func `a malformed length of time is refused`(text: String) { #expect(TimeSpan(argument: text) == nil) }

  @Test func `options say what readers read and how they log in`() throws {
    let plain = try parse("--readers", "3", "--read", "/api/v1/servers", "/version").read
    let plan = try #require(try plain.plan())
    #expect(plan.readers == 3 && plan.paths == ["/api/v1/servers", "/version"] && plan.login == nil)
    #expect(try parse().read.plan() == nil)
    for arguments in [["--readers", "1"], ["--read", "/a"], ["--readers", "1", "--read", "a"]] {
      #expect(throws: (any Error).self) { try PganalyticsBench.parse(Self.required + arguments) }
    }
    let path = "/tmp/pganalytics-bench-login-\(getpid())"
    defer { unlink(path) }
    for text in [#"{"username":"ada","password":"p"}"#, #"{"x":1,"admin":{"username":"ada","password":"p"}}"#] {
      try LocalFile.overwrite(path, with: Array(text.utf8))
      let login = try parse("--readers", "1", "--read", "/a", "--read-credentials", path).read.plan()?.login
      #expect(login?.username == "ada" && login?.password == "p")
    }
    try LocalFile.overwrite(path, with: Array("{}".utf8))
    #expect(throws: UsageError.self) {
      try parse("--readers", "1", "--read", "/a", "--read-credentials", path).read.plan()
    }
  }

  @Test func `both programs have the same version`() {
    #expect(PganalyticsBench.configuration.version == Version.text)
  }

  @Test func `every option has a description`() {
    let help = PganalyticsBench.helpMessage(columns: 200)
    for line in help.split(separator: "\n") where line.hasPrefix("  --") {
      // The description of a long name stands on the next line.
      #expect(line.count < 34 || line.dropFirst(26).contains(where: \.isLetter), "\(line)")
    }
    for word in ["--rate", "--fault", "--identities", "--processes", "--verify", "--html", "(default: 3s)"] {
      #expect(help.contains(word))
    }
    #expect(!help.contains("--worker"))
  }

  @Test(
    arguments: [
      ("https://localhost:8443", "localhost", 8443, "localhost:8443", ""),
      ("https://db.example.org/", "db.example.org", 443, "db.example.org", ""),
      ("https://[::1]:9/pg/a/", "::1", 9, "[::1]:9", "/pg/a"),
      ("https://[2001:db8::1]", "2001:db8::1", 443, "[2001:db8::1]", ""),
    ] as [(String, String, UInt16, String, String)])
  func `a server URL is split into its parts`(
    text: String, host: String, port: UInt16, authority: String, prefix: String
  ) throws {
    let url = try #require(HTTPSURL(text))
    #expect(url.host == host && url.port == port && url.authority == authority && url.path == prefix)
    #expect(url.target("metrics/push") == prefix + "/api/v1/metrics/push")
  }

  @Test(
    arguments: [
      "http://h", "h:1", "https://", "https://:1", "https://h:0", "https://h:65536", "https://h:", "https://h:1:2",
      "https://u@h", "https://h/?q", "https://h/#f", "https://h /", "https://[::1", "https://[::1]x", "https://h\r\n/",
    ])
  func `a text that is no server URL is refused`(text: String) {
    #expect(HTTPSURL(text) == nil)
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
