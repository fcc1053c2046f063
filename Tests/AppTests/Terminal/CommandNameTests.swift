import Protocol
import Testing

@testable import App

/// The command of each endpoint.
@Suite struct CommandNameTests {
  private func commands() throws -> [ClientCommand] { ClientProgram.commands(try ServerParts.declarations()) }

  /// Endpoints that people do not call by a command: those of collectors, pages, and the renewal of a session, which
  /// the client does by itself.
  private func isWithoutCommand(_ endpoint: Endpoint) -> Bool {
    switch endpoint.access {
    case .collector, .registrationSecret: true
    case .anyone, .user, .collectorOrUser: !endpoint.path.template.hasPrefix("/api/v1/") || endpoint.id == "refresh"
    }
  }

  @Test func `every endpoint for people has exactly one command`() throws {
    let commands = try commands()
    for endpoint in try ServerParts.declarations() {
      if isWithoutCommand(endpoint) {
        #expect(endpoint.command == nil, "\(endpoint.id)")
      } else {
        let name = try #require(endpoint.command, "\(endpoint.id) has no command")
        #expect(commands.count { $0.name == name } == 1, "\(name)")
      }
    }
    #expect(Set(commands.map(\.name)).count == commands.count)
  }

  @Test func `no command has a first word of a command of this machine`() throws {
    let server = Set(ClientHalf.serverCommands.map { $0.words[0] })
    #expect(server.isSuperset(of: ["up", "serve", "migrate", "db"]))
    for command in try commands() { #expect(!server.contains(command.name.words[0]), "\(command.name)") }
  }

  @Test func `the help of every command prints its usage, its arguments and all its options`() throws {
    for command in try commands() {
      let help = CommandHelp(columns: 100).text(command)
      #expect(help.contains("USAGE: pganalytics \(command.name)"), "\(command.name)")
      for argument in command.arguments { #expect(help.contains("<\(argument.name.lowercased())>"), "\(command.name)") }
      for option in command.options {
        #expect(
          help.contains("--\(option.isFlag && option.place != .common ? "[no-]" : "")\(option.name)"),
          "\(command.name) \(option.name)")
      }
      #expect(
        Set(command.options.map(\.name)).count == command.options.count, "\(command.name): two options of one name")
      for line in help.split(separator: "\n") { #expect(line.count <= 130, "\(line)") }
    }
  }

  @Test func `method and path give the words`() throws {
    let names = Set(try commands().map(\.name.description))
    for expected in [
      "fleet", "servers list", "servers show", "servers delete", "locks", "log", "space", "metrics", "queries top",
      "queries show", "collectors list", "collectors revoke", "collectors permit", "collectors label",
      "collectors config get", "collectors config put", "collectors config diff", "collectors config edit",
      "findings list", "findings ack", "findings silence", "findings backtest", "secrets create", "users change",
      "audit list", "channels deliveries", "channels test", "checks list", "login", "logout", "whoami",
    ] { #expect(names.contains(expected), "\(expected)") }
  }
}
