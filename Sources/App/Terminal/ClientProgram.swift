// The client half of the program: from the arguments to the exit status.

import Glibc
import Ground
import HTTPClient
import Protocol

/// A command of this machine, as completion and manual pages need it.
struct ServerCommand: Sendable {
  let words: [String]
  let summary: String
  /// Without values, with dashes.
  let options: [String]
  /// What `--help` prints.
  let help: String
}

/// Runs client commands.
struct ClientProgram: Sendable {
  let commands: [ClientCommand]
  let environment: [String: String]
  let screen: Screen
  /// The commands that are not of the client.
  let serverCommands: @Sendable () -> [ServerCommand]
  let input: TerminalInput

  /// - Parameter endpoints: all of the API.
  init(
    _ endpoints: [Endpoint], _ environment: [String: String], serverCommands: @escaping @Sendable () -> [ServerCommand]
  ) {
    commands = Self.commands(endpoints)
    self.environment = environment
    self.serverCommands = serverCommands
    screen = Screen(environment)
    input = TerminalInput()
  }

  /// The commands of endpoints and the local ones, in the order of the documentation.
  static func commands(_ endpoints: [Endpoint]) -> [ClientCommand] {
    let local = ClientCommand.local
    let replaced = Set(local.map(\.name))
    let derived = endpoints.compactMap(ClientCommand.init).filter { !replaced.contains($0.name) }
    let sessions = local.filter {
      $0.name.words[0] != "collectors" && !["completion", "complete", "man"].contains($0.name.words[0])
    }
    let rest = local.filter { command in !sessions.contains { $0.name == command.name } }
    return sessions + derived + rest
  }

  private var parser: CommandLineParser { CommandLineParser(commands: commands) }
  private var help: CommandHelp { CommandHelp(columns: min(screen.columns, 120)) }

  /// Whether the arguments name a client command.
  func takes(_ arguments: [String]) -> Bool { parser.match(withoutHelp(arguments)) != nil }

  /// The signals that a command receives as events. They must be blocked before another thread starts.
  func signals(of arguments: [String]) -> [CInt] {
    if case .command(let command, _)? = parser.match(arguments), case .local(.top) = command.action {
      return TopEvents.signals
    }
    return []
  }

  /// `help locks` is `locks --help`.
  private func withoutHelp(_ arguments: [String]) -> [String] {
    arguments.first == "help" ? Array(arguments.dropFirst()) : arguments
  }

  /// Runs the command that the arguments name.
  func run(_ arguments: [String]) async -> ExitStatus {
    do throws(ClientFailure) {
      let words = withoutHelp(arguments)
      switch parser.match(words) {
      case .command(let command, let rest):
        if words.count < arguments.count { return show(help.text(command)) }
        if case .local(.complete) = command.action { return await complete(rest) }
        let parsed = try CommandLineParser.parse(rest, of: command)
        if parsed.wantsHelp { return show(help.text(command)) }
        try await run(parsed)
        return .success
      case .group(let words, let group, let rest):
        guard let word = rest.first, !["-h", "--help"].contains(word) else {
          return show(help.text(group: words, group))
        }
        throw ClientFailure(
          .usage, "Unknown subcommand '\(word)'.\nSee 'pganalytics \(words) --help' for more information.")
      case nil: throw ClientFailure(.usage, "There is no such command.")
      }
    } catch {
      complain(error)
      return error.status
    }
  }

  private func show(_ text: String) -> ExitStatus {
    screen.write(text + "\n")
    return .success
  }

  /// Writes the reason of a failure to standard error.
  func complain(_ failure: ClientFailure) {
    say("Error: \(TerminalText.escape(failure.description, keeping: ["\n"]))", on: STDERR_FILENO)
  }

  private func run(_ parsed: ParsedCommand) async throws(ClientFailure) {
    switch parsed.command.action {
    case .request(let endpoint): try await RequestRun(self, parsed, endpoint).run()
    case .local(let command):
      switch command {
      case .login: try await Login(self, parsed).run()
      case .logout: try await logout(parsed)
      case .listContexts: try listContexts(parsed)
      case .useContext: try await useContext(parsed.arguments[0])
      case .deleteContext: try await deleteContext(parsed.arguments[0])
      case .top: try await TopSession(self, parsed).run()
      case .diffConfig: try await ConfigDiff(self, parsed).run()
      case .editConfig: try await ConfigEdit(self, parsed).run()
      case .completion: screen.write(CompletionScript.text(parsed.arguments[0]))
      case .manual: try ManualPage.write(all: self, to: parsed.arguments[0])
      case .complete: break
      }
    }
  }

  private func complete(_ words: [String]) async -> ExitStatus {
    let found = await Completion(self).candidates(words.first == "--" ? Array(words.dropFirst()) : words)
    if !found.isEmpty { screen.write(found.joined(separator: "\n") + "\n") }
    return .success
  }
}

/// Files and secrets of a person at a terminal.
struct TerminalInput: CommandInput {
  private static let maximumBytes = 16 << 20

  func file(_ path: String) throws(ClientFailure) -> [UInt8] {
    do throws(FileError) {
      return try LocalFile.require(path == "-" ? "/dev/stdin" : path, maximumBytes: Self.maximumBytes)
    } catch {
      throw ClientFailure(
        .failure, "\(path == "-" ? "standard input: \(FileError.reason(of: error.errno))" : "\(error)").")
    }
  }

  func secret(prompt: String) -> String { Terminal.readSecret(prompt: prompt) }

  /// Asks a question at the terminal. - Returns: the answer; nil if nobody can answer.
  func ask(_ question: String) -> String? {
    guard Screen.canAsk else { return nil }
    say(question, on: STDERR_FILENO, terminator: "")
    return readLine(strippingNewline: true)
  }
}
