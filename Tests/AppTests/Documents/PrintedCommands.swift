import ArgumentParser

@testable import App
@testable import Bench

/// The command lines of the two programs for docs/CLI.md: the help of each command.
enum PrintedCommands {
  private static let columns = 120

  static var document: PrintedDocument {
    PrintedDocument(
      name: "CLI.md",
      text: """
        # Commands

        What `--help` of each command prints. The file is printed from the commands' declarations, in `Sources/App/Commands` and
        `bench/CommandLine`; a test compares it with them. The settings that `--set` takes are in [SETTINGS.md](SETTINGS.md);
        how a load test is run is in [BENCH.md](BENCH.md).

        \((sections(of: Pganalytics.self) + sections(of: PganalyticsBench.self) + sections(of: CostCommand.self)).joined(separator: "\n\n"))

        """)
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
