// The commands about settings: is what I wrote good, what is in use, what is there to set.

import ArgumentParser

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Checks, shows and explains settings.",
    subcommands: [Check.self, Show.self, Reference.self], defaultSubcommand: Show.self)

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Says all that is wrong with the settings, each with file and line; exit status 1 if anything is.")
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
      abstract: "Prints every setting as it would be in use, and where it comes from; secrets are hidden.")
    @OptionGroup var options: SettingOptions

    func run() throws { print(try options.sources().read().text()) }
  }

  struct Reference: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints all settings with default, range and meaning, in Markdown: docs/SETTINGS.md.")

    func run() { print(Settings.reference(), terminator: "") }
  }
}
