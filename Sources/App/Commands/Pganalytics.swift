import ArgumentParser
import Glibc

@main
struct Main {
  /// Signals are blocked before any other thread exists, so that all inherit it and only `Signals` hears of them.
  /// Not an async main: its thread ends up in Dispatch's, which takes every signal again, with its default action.
  static func main() {
    Signals.block()
    Task.detached {
      await Pganalytics.main()
      exit(EXIT_SUCCESS)
    }
    while true { pause() }
  }
}

struct Pganalytics: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pganalytics",
    abstract: "Takes the metrics of thousands of PostgreSQL collectors and stores them, exactly once.",
    discussion: """
      Every setting can be given in a TOML file (--config), as an environment variable PGANALYTICS_NAME, or as \
      --set name=value; what comes later in this list wins, and an option of its own over all. `pganalytics config \
      reference` explains them, `config show` prints those in use, `config check` says what is wrong with them.
      """,
    version: Version.text,
    subcommands: [
      UpCommand.self, ServeCommand.self, MigrateCommand.self, DatabaseCommand.self, UserCommand.self,
      SecretCommand.self, CollectorCommand.self,
      AuthorityCommand.self, SigningKeyCommand.self, ConfigCommand.self, MeasureCommand.self, VersionCommand.self,
    ])
}

/// The settings that several commands share, from environment, `--set` and options of their own.
struct SettingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("A TOML file with a key a setting; else PGANALYTICS_CONFIG names one.", valueName: "file"))
  var config: String?

  @Option(name: .customLong("set"), help: ArgumentHelp("A setting; may be repeated.", valueName: "name=value"))
  var overrides: [String] = []

  /// - Parameter options: settings with an option of their own, by name; nil where it was not given.
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

enum Version {
  static let text = "0.1.0"
  /// Of the API, in paths as `v1`.
  static let api = "1.0.0"
}
