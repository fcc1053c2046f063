import ArgumentParser

@testable import App
@testable import Bench

/// The command lines of the two programs for docs/CLI.md: the help of each command.
enum PrintedCommands {
  private static let columns = 120

  /// - Throws: if the endpoints cannot be declared.
  static func document() throws -> PrintedDocument {
    let server = try root() + sections(of: Pganalytics.self).dropFirst()
    let client = try ClientProgram.commands(ServerParts.declarations()).filter { !$0.isHidden }.map { command in
      let help = CommandHelp(columns: columns).text(command)
      return "### `pganalytics \(command.name)`\n\n```\n\(help)\n```"
    }
    let bench = sections(of: PganalyticsBench.self) + sections(of: CostCommand.self)
    return PrintedDocument(
      name: "CLI.md",
      text: """
        # Commands

        This page is for people who use the command line: it says how to log in to a server, how answers are shown, and what
        `--help` of each command prints. It is printed from the declarations of commands and endpoints, and a test compares it
        with them. The settings that `--set` takes are in [SETTINGS.md](SETTINGS.md); how a load test is run is in
        [BENCH.md](BENCH.md).

        \(ClientGuide.text)

        \(server.joined(separator: "\n\n"))

        ## Client commands

        Most of them derive from the endpoints of the [API](API.md): arguments are parameters of the path, options are parameters
        of the query and members of the JSON body.

        \(client.joined(separator: "\n\n"))

        \(bench.joined(separator: "\n\n"))

        """)
  }

  private static func root() throws -> [String] {
    ["## `pganalytics`\n\n```\n\(try ClientHalf.rootHelp(columns: columns))\n```"]
  }

  private static func sections<Root: ParsableCommand>(of root: Root.Type) -> [String] {
    sections(of: root, in: root, below: [])
  }

  /// A section for the command and one for each of its subcommands, without those that help does not show.
  private static func sections<Root: ParsableCommand>(
    of command: any ParsableCommand.Type, in root: Root.Type, below path: [String]
  ) -> [String] {
    if !command.configuration.shouldDisplay { return [] }
    let path = path + [command._commandName]
    let depth = String(repeating: "#", count: min(path.count + 1, 4))
    let help = root.helpMessage(for: command, includeHidden: false, columns: columns)
    let lines = help.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      String(line.reversed().drop { $0 == " " }.reversed())
    }
    let own = "\(depth) `\(path.joined(separator: " "))`\n\n```\n\(lines.joined(separator: "\n").trimmed)\n```"
    return [own] + command.configuration.subcommands.flatMap { sections(of: $0, in: root, below: path) }
  }
}

extension String {
  /// The text without line breaks at its end.
  fileprivate var trimmed: String { String(reversed().drop { $0 == "\n" }.reversed()) }
}
