// The commands about settings: check them, show those in use, and list all of them.

import ArgumentParser

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Checks, shows and explains settings.",
    subcommands: [Check.self, Show.self, Reference.self], defaultSubcommand: Show.self)

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists all faults in the settings with file and line; exit status 1 if there are any.")
    @OptionGroup var options: SettingOptions

    func run() throws {
      do throws(SettingErrors) {
        let read = try options.sources().read()
        for notice in read.notices { print(notice) }
        print(
          "\(read.sources.count) settings are good; the other \(Settings.declarations.count - read.sources.count) have their defaults."
        )
      } catch {
        print(error.description)
        throw ExitCode.failure
      }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints the effective value of every setting and where it comes from; secrets are hidden.")
    @OptionGroup var options: SettingOptions

    func run() throws { print(try options.sources().read().text()) }
  }

  struct Reference: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints all settings with default, range and meaning, in Markdown: docs/SETTINGS.md.")

    func run() { print(Settings.reference(), terminator: "") }
  }
}
