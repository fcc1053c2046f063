import Protocol
import Testing

@testable import App

@Suite struct CommandLineParserTests {
  private func parse(_ line: String) throws -> ParsedCommand {
    let parser = CommandLineParser(commands: ClientProgram.commands(try ServerParts.declarations()))
    guard case .command(let command, let rest)? = parser.match(line.split(separator: " ").map(String.init)) else {
      throw ClientFailure(.usage, "no command")
    }
    return try CommandLineParser.parse(rest, of: command)
  }

  private func request(_ line: String) throws -> APIRequest {
    let parsed = try parse(line)
    return try APIRequest(parsed, try #require(parsed.command.endpoint), Typed())
  }

  /// A person who types "typed", and a file with "filed".
  private struct Typed: CommandInput {
    func file(_ path: String) throws(ClientFailure) -> [UInt8] { Array("filed\n".utf8) }
    func secret(prompt: String) -> String { "typed" }
  }

  private func body(_ request: APIRequest) -> String { String(decoding: request.body, as: UTF8.self) }

  @Test func `arguments become the path and options the query`() throws {
    #expect(try request("locks 7").target == "/api/v1/servers/7/locks")
    #expect(
      try request("fleet --label env=prod --label team=a&b -o json").target
        == "/api/v1/fleet?label=env%3Dprod&label=team%3Da%26b")
    #expect(try request("fleet --page 1 --page=2").target == "/api/v1/fleet?page=2")
    #expect(
      try request("indexes 1 --unused --no-covered").target == "/api/v1/servers/1/indexes?unused=true&covered=false")
    #expect(try request("servers show a/../b").target == "/api/v1/servers/a%2F..%2Fb")
  }

  @Test func `options become members of the body`() throws {
    #expect(
      body(try request("findings silence --reason r --server-id 5 --label a=b --label c=d"))
        == #"{"server_id":5,"labels":{"a":"b","c":"d"},"reason":"r"}"#)
    #expect(
      body(try request("users change 3 --role viewer --no-is-active --clear email"))
        == #"{"role":"viewer","is_active":false,"email":null}"#)
    #expect(
      body(try request("channels create --name n --kind webhook --target-url https://x --severity critical"))
        == #"{"name":"n","kind":"webhook","target":{"url":"https://x"},"severities":["critical"]}"#)
    #expect(body(try request("channels create --name n --kind slack")) == #"{"name":"n","kind":"slack","target":{}}"#)
    #expect(body(try request("collectors config put 3f2504e0-4f89-11d3-9a0c-0305e82c3301 f.toml")) == "filed\n")
  }

  @Test func `a label gets a value, and loses it by its key alone`() throws {
    #expect(body(try request("collectors label c --label a=b --label c")) == #"{"labels":{"a":"b","c":null}}"#)
    let all = try request("collectors label-matching --label env=prod --set-label env=test --set-label old")
    #expect(all.target == "/api/v1/collectors?label=env%3Dprod")
    #expect(body(all) == #"{"labels":{"env":"test","old":null}}"#)
  }

  @Test func `a secret is typed or comes from a file, and never from the command line`() throws {
    #expect(
      body(try request("users create --username u --role viewer"))
        == #"{"username":"u","password":"typed","role":"viewer"}"#)
    #expect(
      body(try request("users create --username u --role viewer --password-file p"))
        == #"{"username":"u","password":"filed","role":"viewer"}"#)
    #expect(throws: ClientFailure.self) { try parse("users create --username u --role viewer --password p") }
  }

  @Test(arguments: [
    ("locks", "Missing expected argument '<server>'."), ("locks 1 2", "Unexpected argument '2'."),
    ("locks 1 --nope", "Unknown option '--nope'."), ("locks 1 -x", "Unknown option '-x'."),
    ("fleet --page", "Missing value for '--page <number>'."),
    ("fleet --page one", "The value 'one' is invalid for '--page <number>'."),
    ("fleet -o xml", "The value 'xml' is invalid for '-o"),
    ("findings silence", "Missing expected option '--reason <reason>'."),
    ("findings silence --reason r --label nokey", "The value 'nokey' is invalid for '--label <key=value>'."),
    ("fleet --no-page", "Unknown option '--no-page'."),
  ])
  func `a wrong line is a usage failure with one sentence and where to look`(_ line: String, _ sentence: String) throws
  {
    let failure = try #require(throws: ClientFailure.self) { try parse(line) }
    #expect(failure.status == .usage)
    #expect(failure.description.hasPrefix(sentence), "\(failure)")
    #expect(failure.description.contains("See 'pganalytics "), "\(failure)")
  }

  @Test func `the value of watch may be missing`() throws {
    #expect(try parse("fleet --watch").text(.watch) == "")
    #expect(try parse("fleet --watch 5").text(.watch) == "5")
    let parsed = try parse("locks --watch 1 2")
    #expect(parsed.text(.watch) == "1" && parsed.arguments == ["2"])
  }

  @Test func `words after two dashes are arguments`() throws {
    #expect(try parse("findings show -- --x").arguments == ["--x"])
  }
}
