import Glibc
import Ground
import Protocol
import Reactor
import Testing

@testable import App

/// The client programs of examples/, run as a newcomer runs them beside a server that `up` has started.
@Suite struct ExampleTests {
  /// A directory with the files that `up` leaves there for its clients, and an example that runs in it.
  private struct Newcomer {
    let script: String
    let server: RunningServer
    let directory: DataDirectory

    init(_ script: String, at server: RunningServer) throws {
      self.script = script
      self.server = server
      directory = try DataDirectory(named: ".pganalytics")
      try LocalDirectory.make(directory.path)
      try LocalFile.replace(directory.path + "/ca.crt", with: server.trust)
      try Credentials(
        baseURL: url, authorityFile: directory.path + "/ca.crt", adminUsername: "admin",
        registrationSecret: RunningServer.secret, databaseURL: server.settings.databaseURL
      ).write(directory.path)
    }

    var url: String { "https://127.0.0.1:\(server.server.address.port)" }

    /// The file of the example that holds its token.
    var tokenFile: String {
      directory.path + (script == "push.sh" ? "/push-sh/token" : "/push-py/identity.json")
    }

    func start(output: String) throws -> pid_t {
      let root = #filePath.prefix(upTo: #filePath.firstRange(of: "/Tests/")?.lowerBound ?? #filePath.endIndex)
      let command = "cd '\(directory.root)'; BASE_URL=\(url) exec '\(root)/examples/\(script)'"
      return try ChildProcess.start(["/bin/sh", "-euc", command], output: output)
    }

    /// Runs the example to its end. - Returns: the server's answer to the push, which the example prints as its last
    /// line.
    func run(_ name: String, meanwhile: () async throws -> Void = {}) async throws -> JSONValue {
      let output = "\(directory.root)/\(name)"
      let child = try start(output: output)
      try await meanwhile()
      var status: CInt = -1
      try await server.eventually("\(script) does not end") { waitpid(child, &status, WNOHANG) != 0 }
      let text = ChildProcess.text(of: output)
      #expect(status == 0, "\(script): \(text)")
      return try JSONValue.parse(Array((text.split(separator: "\n").last ?? "").utf8).span)
    }
  }

  @Test(arguments: ["push.sh", "push.py"])
  func `an example enrols once, and its push is stored once`(_ script: String) async throws {
    let server = try await RunningServer.start()
    let newcomer = try Newcomer(script, at: server)
    let first = try await newcomer.run("first")
    #expect(first["status"]?.text == "success" && first["duplicate"]?.flag == false, "\(first)")
    #expect(first["rows_inserted"]?.integer == 1, "\(first)")

    // From now on, a push that is built anew would have another timestamp.
    let second = Glibc.time(nil)
    try await server.eventually("the clock stands still") { Glibc.time(nil) > second }
    // The token is expired now. The second run gets another token by its certificate, and sends the same bytes.
    let id = try #require(first["collector_id"]?.text.flatMap { UUID($0) })
    var settings = server.settings
    settings.collectorTokenLife = .seconds(1)
    let tokens = try await SigningKeys.open(server.database, settings: LiveSettings(settings)).tokens
    let past = tokens.issue(collector: id, hostname: "h", now: Int64(Glibc.time(nil)) - 3600).token
    var kept = ChildProcess.text(of: newcomer.tokenFile)
    kept.replace(/eyJ[A-Za-z0-9._-]+/, with: past)
    try LocalFile.replace(newcomer.tokenFile, with: Array(kept.utf8))
    let again = try await newcomer.run("second")
    #expect(again["duplicate"]?.flag == true && again["rows_inserted"]?.integer == 0, "\(again)")
    #expect(again["push_id"]?.text == first["push_id"]?.text)
    #expect(!ChildProcess.text(of: newcomer.tokenFile).contains(past), "the token was not replaced")

    // The stored rows, as a user reads them.
    let (client, user) = (try await server.client(), try await server.user(.viewer))
    let servers = try await client.request("GET", "/api/v1/servers", [user])
    #expect(servers.json["total"]?.integer == 1, "\(servers)")
    let serverID = try #require(servers.json["data"]?[0]?["id"]?.integer)
    let rows = try await client.request(
      "GET", "/api/v1/servers/\(serverID)/metrics?metric_type=disk_usage", [user])
    #expect(rows.json["count"]?.integer == 1, "\(rows)")
    #expect(rows.json["data"]?[0]?["total_gb"]?.integer ?? 0 > 0, "\(rows)")
    await server.stop()
  }

  @Test(arguments: ["push.sh", "push.py"])
  func `an example that gets a Retry-After tries again later`(_ script: String) async throws {
    let server = try await RunningServer.start()
    let newcomer = try Newcomer(script, at: server)
    try await server.reload("commit_deadline = \"1s\"")
    try await server.database.lease { session throws(DatabaseError) in
      // because only a lock makes a commit wait: the writer does not get the ledger.
      try await session.script("BEGIN; LOCK TABLE pganalytics.push_ledger")
      do {
        let answer = try await newcomer.run("only") {
          try await server.eventually("no push is refused") {
            await server.server.lanes.snapshot()?.counters.pushesRefused.values.contains { $0 > 0 } ?? false
          }
          try await server.reload("")
          try await session.script("ROLLBACK")
        }
        #expect(answer["status"]?.text == "success", "\(answer)")
      } catch { Issue.record(error) }
    }
    #expect(try await server.integer("SELECT count(*) FROM metrics.disk_usage") == 1)
    await server.stop()
  }
}
