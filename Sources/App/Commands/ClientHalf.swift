// Where the two halves of the command line meet: the commands of this machine, which ArgumentParser reads, and those over
// the API, whose declarations exist only at run time.

import ArgumentParser
import Protocol

enum ClientHalf {
  /// The client half, if the arguments belong to it; nil if they belong to ArgumentParser.
  /// - Parameter arguments: without the name of the program.
  static func taking(_ arguments: [String]) throws -> ClientProgram? {
    let word = arguments.first == "help" ? arguments.dropFirst().first : arguments.first
    guard let word, !word.hasPrefix("-"), !serverWords.contains(word) else { return nil }
    let program = try make()
    return program.takes(arguments) ? program : nil
  }

  static func make() throws -> ClientProgram {
    ClientProgram(try ServerParts.declarations(), Environment.variables()) { serverCommands }
  }

  /// The help of the program: the commands of this machine, and those over the API.
  /// - Parameter columns: the width of the lines in characters.
  static func rootHelp(columns: Int) throws -> String {
    let server = Pganalytics.helpMessage(includeHidden: false, columns: columns)
    let end = server.firstRange(of: "\n\n  See 'pganalytics help")?.lowerBound ?? server.endIndex
    let client = CommandHelp(columns: columns).overview(ClientProgram.commands(try ServerParts.declarations()))
    return """
      \(server[..<end])

      CLIENT SUBCOMMANDS:
      \(client)

        See 'pganalytics help <subcommand>' for detailed help. Server commands act on this machine or its database.
        Client commands ask a server over its API; begin with 'pganalytics login https://HOST:8443'.
      """
  }

  /// The first words of the commands of this machine.
  private static var serverWords: Set<String> {
    Set(Pganalytics.configuration.subcommands.map { $0._commandName } + ["help"])
  }

  /// The commands of this machine that help shows.
  static var serverCommands: [ServerCommand] { commands(of: Pganalytics.self, below: []) }

  private static func commands(of command: any ParsableCommand.Type, below words: [String]) -> [ServerCommand] {
    command.configuration.subcommands.filter { $0.configuration.shouldDisplay }.flatMap { inner -> [ServerCommand] in
      let path = words + [inner._commandName]
      let help = Pganalytics.helpMessage(for: inner, includeHidden: false, columns: 76)
      let own = ServerCommand(
        words: path, summary: inner.configuration.abstract, options: options(in: help), help: help)
      return [own] + commands(of: inner, below: path)
    }
  }

  /// The options that a help text explains: the first words of its lines.
  private static func options(in help: String) -> [String] {
    help.split(separator: "\n").flatMap { line in
      line.prefix(28).split { $0 == " " || $0 == "," || $0 == "/" }.filter {
        $0.hasPrefix("--") && line.hasPrefix("  -")
      }
      .map(String.init)
    }
  }
}
