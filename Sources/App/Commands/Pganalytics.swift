import ArgumentParser
import Glibc
import Ground
import Protocol
import Reactor

@main
struct Main {
  /// A command that handles signals blocks them before any other thread exists, so that all threads inherit the block and
  /// only `Signals` receives them. Other commands leave signals their default action.
  ///
  /// This is not an async main: its thread would become one of Dispatch's threads, which unblocks every signal with its
  /// default action.
  static func main() {
    Arguments.hidePasswords()
    let command: any ParsableCommand
    do {
      let arguments = Array(CommandLine.arguments.dropFirst())
      if [[], ["help"], ["--help"], ["-h"]].contains(arguments) {
        let columns = Screen(Environment.variables()).columns
        say(try ClientHalf.rootHelp(columns: min(columns, 120)))
        exit(EXIT_SUCCESS)
      }
      if let client = try ClientHalf.taking(arguments) { run(client) }
      command = try Pganalytics.parseAsRoot()
    } catch { end(error) }
    if command is any SignalledCommand { Signals.block() }
    Task.detached {
      do {
        if var command = command as? any AsyncParsableCommand {
          try await command.run()
        } else {
          var command = command
          try command.run()
        }
      } catch { end(error) }
      exit(EXIT_SUCCESS)
    }
    while true { pause() }
  }

  private static func run(_ client: ClientProgram) -> Never {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let signals = client.signals(of: arguments)
    if !signals.isEmpty { SignalSource.block(signals) }
    Task.detached { exit(await client.run(arguments).rawValue) }
    while true { pause() }
  }

  /// Ends the process. Prints the error and a hint for more help to standard error, but not the usage of a whole
  /// command.
  private static func end(_ error: any Error) -> Never {
    let code = Pganalytics.exitCode(for: error)
    // Help and version are "errors", too, and end with success.
    if code == .success { Pganalytics.exit(withError: error) }
    let message = Pganalytics.message(for: error)
    if !message.isEmpty { say("Error: \(message)", on: STDERR_FILENO) }
    let hint = Pganalytics.fullMessage(for: error).split(separator: "\n").last.map { $0.drop { $0 == " " } } ?? ""
    if hint.hasPrefix("See '") { say(String(hint), on: STDERR_FILENO) }
    exit(code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue)
  }
}

/// A command that a signal ends in order: a server, or long work.
protocol SignalledCommand: AsyncParsableCommand {}

/// Why a command cannot do its work, as a sentence.
struct CommandFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }

  static let databaseMissing = CommandFailure(
    "The database is not given: use --database-url, PGANALYTICS_DATABASE_URL, or database_url in the settings file.")
}

struct Pganalytics: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pganalytics",
    abstract: "Takes the metrics of thousands of PostgreSQL collectors and stores them, exactly once.",
    discussion: """
      Every setting can be given in a TOML file (--config), as an environment variable PGANALYTICS_NAME, or as \
      --set name=value; a later source in this list wins, and a setting's own option wins over all. `pganalytics config \
      reference` explains the settings, `config show` prints those in use, `config check` lists their faults.
      """,
    version: Version.text,
    subcommands: [MeasureCommand.self, MeasureLogCommand.self],
    groupedSubcommands: [
      CommandGroup(
        name: "Server",
        subcommands: [
          UpCommand.self, ServeCommand.self, MigrateCommand.self, DatabaseCommand.self, UserCommand.self,
          SecretCommand.self, CollectorCommand.self, AuthorityCommand.self, SigningKeyCommand.self,
          ConfigCommand.self, VersionCommand.self,
        ])
    ])
}

/// The settings that several commands share: from a file, the environment, `--set` and options of their own.
struct SettingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("A TOML file of settings; else PGANALYTICS_CONFIG names one.", valueName: "file"))
  var config: String?

  @Option(name: .customLong("set"), help: ArgumentHelp("A setting; may be repeated.", valueName: "name=value"))
  var overrides: [String] = []

  /// - Parameter options: settings that have an option of their own, by name; nil if the option was not given.
  func sources(_ options: [(name: String, value: String?)] = []) -> SettingSources {
    let given = options.compactMap { option in option.value.map { "\(option.name)=\($0)" } }
    return SettingSources(file: config, environment: Environment.variables(), overrides: overrides + given)
  }

  func read(_ options: [(name: String, value: String?)] = []) throws -> Settings {
    try sources(options).read().settings
  }
}

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

  func run() { print("pganalytics \(Version.text)") }
}
